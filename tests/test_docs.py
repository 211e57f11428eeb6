"""README and docs: what they name exists, and each example is one that a test runs."""

import importlib.util
import re
from pathlib import Path

import click
import pytest
import yaml

from app import create_app
from app.cli.doctor import line_of
from app.operations.checkup import Finding
from app.settings import Settings, describe_settings, load_settings
from tests.support.pages import PAGES, PROJECT, blocks

#: Which tests run a block of a kind. Of the blocks without one, commands, those that begin so.
RUN_BY = {
    "": "tests/service/test_guide.py and tests/service/test_starting.py",
    "apache": "tests/service/test_guide.py",
    "caddy": "tests/service/test_guide.py",
    "env": "tests/service/test_guide.py and below",
    "json": "tests/app/test_documentation.py",
    "python": "tests/imageserver/files/test_reader_plugins.py, tests/render/workers",
    "text": "below",
    "toml": "the same two, and tests/support/lab.py",
    "yaml": "below",
}
#: Made by commands that are told.
MADE = {"benchmarks/data"}
#: Read by script/setup, the settings themselves, the image server and tests; NAME is an example.
OTHERS = {"CONFIG", "ICE", "IMAGESERVER_PASSWORD", "NAME", "PYTHON", "TESTS_VIA"}


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


def test_each_example_is_of_a_kind_that_tests_run():
    for block in blocks():
        assert block.kind in RUN_BY, (block.page, block.kind)


def commands_of(app) -> dict[str, click.Command]:
    """Give all `flask` commands by their names, those of a group as `group command`."""
    found: dict[str, click.Command] = {}
    for name, command in app.cli.commands.items():
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
    return found


@pytest.fixture(scope="module")
def flask_commands(tmp_path_factory) -> dict[str, click.Command]:
    """Give all `flask` commands by their names, those of a group as `group command`."""
    app = create_app(load_settings(env_file=None, cache_dir=tmp_path_factory.mktemp("cache")))
    found: dict[str, click.Command] = {}
    for name, command in app.cli.commands.items():
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_modules_and_files_exist(page, flask_commands):
    text = page.read_text("utf-8")
    for line in re.findall(r"\bflask ((?:--env-file\s[^\s`]+\s)?[a-z].*?)(?:`|>|$)", text, re.M):
        words = re.sub(r"--env-file\s[^\s`]+\s", "", line).split()
        name = next(n for n in (" ".join(words[:2]), words[0]) if n in flask_commands)
        known = {option for one in flask_commands[name].params for option in one.opts}
        assert set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", " ".join(words))) <= known, line
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), module
    folders = "app|benchmarks|cache|deploy|imageserver|render|script|tests"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*)[` ]", text):
        assert path in MADE or (PROJECT / path).exists(), path


def test_each_module_of_the_engine_has_its_place_on_the_page():
    page = (PROJECT / "docs" / "rendering.md").read_text("utf-8")
    rows = re.findall(r"^\| [^|]+ \| ((?:`\w+`(?:, )?)+) \|$", page, re.M)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    modules = {path.stem for path in (PROJECT / "render" / "engine").glob("*.py")}
    assert modules - {"__init__", "warm"} <= told


def test_what_the_doctor_says_looks_so():
    [block] = blocks("text", ["docs/operations.md"])
    steps = ["settings", "cache folder", "host name", "port", "TLS", "router"]
    found = re.findall(
        r"^(ok|failed|skipped) +(\w+(?: \w+)*?) {2,}(.*(?:\n {8}.*)?)$", block.text, re.M
    )
    assert [step for _, step, _ in found] == steps
    for outcome, step, rest in found:
        text, _, advice = rest.partition("\n")
        advice = advice.strip().removeprefix("-> ")
        assert line_of(Finding(step, outcome, text, advice)) in block.text


def test_settings_written_by_hand_are_understood(tmp_path):
    [block] = blocks("env", ["docs/identity.md"])
    file = tmp_path / ".env"
    file.write_text(block.text)
    settings = load_settings(env_file=file, cache_dir=tmp_path)
    assert (settings.omero_host, settings.session_engine) == ("omero.example.org", "cache")
    assert settings.session_cache_url.get_secret_value() == "redis://127.0.0.1:6379/0"


def test_prometheus_is_sent_where_metrics_are():
    [block] = blocks("yaml", ["docs/reference/metrics.md"])
    [job] = yaml.safe_load(block.text)["scrape_configs"]
    port = Settings.model_fields["port"].default
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    # Where Prometheus looks by itself.
    assert job.keys() == {"job_name", "static_configs"}


def test_the_packages_that_are_named_are_those_that_set_up_looks_for():
    setup = (PROJECT / "script" / "setup").read_text("utf-8")
    first = next(b for b in blocks("", ["docs/guide.md"]) if "apt-get install" in b.text)
    [names] = re.findall(r"^apt-get install (.*)$", first.text, re.M)
    assert {n for n in names.split() if n not in ("git", "curl")} == {
        "python3-venv",
        *re.findall(r"apt_install (python3-zeroc-ice) (zeroc-ice-slice)", setup)[0],
    }
