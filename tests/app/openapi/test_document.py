"""The description against the routes, the code that reads parameters, and the reference."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.openapi.document import describe
from app.openapi.operations import OPERATIONS
from app.openapi.parameters import PARAMETERS

APP = Path(__file__).parents[3] / "app"
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"

#: How the code reads a parameter of a query or a form.
READS = re.compile(
    r"""(?:query|query\(\)|args|form|request\.values|sent)(?:\.get|\.getlist)?[(\[]"(\w+)"
    |_(?:optional_index|optional_integer|ids|default_index)\((?:query,\s)?"(\w+)"
    |parse_(?:count|limit)\(\w+,\s"(\w+)"
    |"(\w+)"\sin\squery""",
    re.VERBOSE,
)
#: Read where secrets in addresses are allowed, and by what guards forms: no view's own.
NOT_OF_VIEWS = {"bsession", "username", "password", "server", "csrfmiddlewaretoken"}


@pytest.fixture(scope="module")
def document(gateway):
    return describe(gateway.app)


def operations(document) -> Iterator[tuple[str, str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_is_described_and_nothing_else(gateway, document):
    endpoints = {rule.endpoint for rule in gateway.app.url_map.iter_rules()}
    assert set(OPERATIONS) == endpoints
    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in gateway.app.url_map.iter_rules()
    }
    assert set(document["paths"]) == rules


def test_every_operation_has_a_name_of_its_own_and_a_summary(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, _, operation in operations(document):
        assert operation["summary"], path
        declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))


def test_every_parameter_that_is_read_is_declared():
    read = {
        next(filter(None, names))
        for path in APP.rglob("*.py")
        for names in READS.findall(path.read_text("utf-8"))
        if "openapi" not in path.relative_to(APP).parts
    }
    assert len(read) > 40
    assert read - NOT_OF_VIEWS <= {one.name for one in PARAMETERS.values()}


def test_every_declared_parameter_belongs_to_a_view_and_is_in_the_reference():
    used = {key for operation in OPERATIONS.values() for key in operation.parameters}
    assert used == set(PARAMETERS)
    text = (REFERENCE / "endpoints.md").read_text("utf-8")
    for one in PARAMETERS.values():
        assert re.search(rf"\b{one.name}\b", text), one.name


def test_the_statuses_are_those_of_the_reference(document):
    text = (REFERENCE / "errors.md").read_text("utf-8")
    told = set(re.findall(r"^\| `[\w-]+` \| (\d+) \|", text, re.M)) | {"408", "415", "416"}
    for path, _, operation in operations(document):
        errors = {status for status in operation["responses"] if int(status) >= 400}
        assert errors <= told, path


def test_it_is_given_out_with_a_page(gateway):
    document = gateway.client.get("/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    text = gateway.client.get("/docs").get_data(as_text=True)
    for path in document["paths"]:
        assert path in text
