"""Requests of every kind, made from the description: no fault of ours, no status untold."""

import contextlib
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.app.apart import server_apart
from tests.app.conftest import Gateway, ImageServer, make_gateway_on

pytestmark = pytest.mark.slow

EXAMPLES = 5


@pytest.fixture(scope="module")
def gateway(image_server: ImageServer, tmp_path_factory) -> Iterator[Gateway]:
    """A server apart: among all requests are some that give images other names."""
    with server_apart(image_server, tmp_path_factory) as server:
        gateway = make_gateway_on(server, tmp_path_factory.mktemp("cache"), whole=True)
        yield gateway
        gateway.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_meets_a_fault_or_an_untold_status(gateway: Gateway, mode) -> None:
    api = schemathesis.openapi.from_wsgi("/openapi.json", gateway.app)
    statuses: dict[int, int] = {}

    def check(case) -> None:
        # Small numbers are those of images, planes and sizes that exist.
        case.path_parameters = {
            name: int(value) % 5 if str(value).isdigit() else value
            for name, value in (case.path_parameters or {}).items()
        }
        response = case.call()
        declared = case.operation.definition.raw["responses"]
        told = f"{case.as_curl_command()} -> {response.status_code} {response.content[:300]!r}"
        assert response.status_code < 500, told
        assert str(response.status_code) in declared, told
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

    for operation in (found.ok() for found in api.get_all_operations()):
        # Of addresses under several prefixes, one stands for all.
        if operation.path.startswith("/webclient/{share}"):
            continue
        run = given(operation.as_strategy(generation_mode=mode))(check)
        run = settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )(run)
        # Where nothing can be sent, nothing can be wrong.
        with contextlib.suppress(Unsatisfiable):
            run()
    assert statuses[400] > 20
    if mode is GenerationMode.POSITIVE:
        assert statuses[200] > 100
