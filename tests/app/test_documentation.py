"""The reference pages against the code: everything is told, and nothing that is not there."""

import json
import re
from pathlib import Path

from app.errors import INTERNAL_TYPE, METHOD_TYPE, STATUS_TABLE
from app.settings import describe_settings
from app.settings_reference import settings_page
from tests.support.pages import blocks

PROJECT = Path(__file__).parent.parent.parent
REFERENCE = PROJECT / "docs" / "reference"


def test_the_settings_page_is_the_one_made_from_the_declarations():
    page = (REFERENCE / "settings.md").read_text("utf-8")
    assert page == settings_page(), (
        "run: python -m app.settings_reference > docs/reference/settings.md"
    )


def test_every_setting_is_read_somewhere():
    sources = "".join(
        path.read_text("utf-8")
        for path in [
            PROJECT / "gunicorn.conf.py",
            PROJECT / "wsgi.py",
            *PROJECT.glob("app/**/*.py"),
        ]
        if path.parent.name != "settings" and path.name != "settings_reference.py"
    )
    for row in describe_settings():
        assert re.search(rf"settings\.{row.name}\b", sources), row.name


def test_every_error_is_in_the_table_with_its_status():
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \|", (REFERENCE / "errors.md").read_text(), re.M)
    documented = {(kind, int(status)) for kind, status in rows}
    expected = {(kind, status) for status, kind in STATUS_TABLE.values()}
    assert documented == expected | {(METHOD_TYPE, 405), (INTERNAL_TYPE, 500)}


def test_the_example_of_an_error_is_what_is_answered(gateway):
    [block] = blocks("json", ["docs/reference/errors.md"])
    told = json.loads(block.text)
    answer = gateway.client.get(
        "/webgateway/imgData/12/", headers={"X-Request-ID": told["request_id"]}
    )
    assert answer.status_code == told["status"]
    assert answer.get_json() == told


def test_every_address_has_a_heading(gateway):
    text = (REFERENCE / "endpoints.md").read_text("utf-8")
    headings = {
        _names(heading).replace("[", "").replace("]", "")
        for heading in re.findall(r"^### (/.*)$", text, re.M)
    }
    # A heading stands for the forms without its optional parts too.
    rules = {
        _names(rule.rule)
        for rule in gateway.app.url_map.iter_rules()
        if not rule.endpoint.startswith(("pages.", "static"))
    }
    for rule in rules:
        plain = rule.replace("/webclient/<share>/", "/webclient/", 1)
        plain = plain.removesuffix("<rest>")
        options = [plain, plain.replace("/webclient/", "/webgateway/", 1)]
        assert any(heading.startswith(tuple(options)) for heading in headings), rule
    for heading in headings:
        assert heading in rules, f"{heading} is documented and does not exist"


def _names(rule: str) -> str:
    rule = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule)
    # render_birds_eye_view calls its width a size.
    return rule.replace("<size>", "<width>")
