"""README and docs: links lead somewhere, and settings that they name exist."""

import re
from pathlib import Path

import pytest

from app.settings import describe_settings

PROJECT = Path(__file__).parent.parent
PAGES = sorted([PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")])
#: Read by script/setup, by the settings themselves and by the image server; NAME is an example.
OTHERS = {"CONFIG", "ICE", "IMAGESERVER_PASSWORD", "NAME", "PYTHON"}


def anchors(page: Path) -> set[str]:
    """Give what a link can name after `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_commands_exist(page):
    known = {row.environment.removeprefix("BLITZRENDER_") for row in describe_settings()} | OTHERS
    named = re.findall(r"BLITZRENDER_([A-Z0-9_]*[A-Z0-9])", page.read_text("utf-8"))
    assert set(named) <= known, set(named) - known
