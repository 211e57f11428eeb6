"""Applications whose viewers have OMERO sessions of their own, on a real image server."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from render.blitz.endpoint import Endpoint
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from tests.app.conftest import Gateway
from tests.app.serving import serve
from tests.app.ways import router_to
from tests.support.image_server import RunningImageServer, start_image_server

USER, PASSWORD = "local", "local"
#: Settings that name another server, which is asked directly.
_ELSEWHERE = {"omero_host", "omero_port", "omero_servers"}


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture(scope="session")
def omero_server(image_server) -> Iterator[RunningImageServer]:
    """Serve the same images under the same ids, refusing wrong passwords without a pause."""
    arguments = ("--refusal-delay", "0.01")
    with start_image_server(image_server.folder, arguments=arguments) as running:
        yield running


@pytest.fixture(scope="session")
def omero_port(omero_server) -> int:
    return omero_server.ports["tcp"]


@pytest.fixture(scope="session")
def omero_way(omero_server) -> Iterator[dict[str, object]]:
    """Give the settings with which applications find that server on the way that is taken."""
    with router_to(omero_server.ports["manager"]) as router:
        port = omero_server.ports["tcp"]
        yield router or {
            "omero_host": "127.0.0.1", "omero_port": port, "omero_transport": "tcp",
        }  # fmt: skip


@pytest.fixture(scope="session")
def omero(omero_port) -> Iterator[BlitzSource]:
    """Give a client of the image server that is not the application's."""
    source = BlitzSource(Endpoint("127.0.0.1", omero_port, "tcp"))
    yield source
    source.close()


@pytest.fixture
def session_key(omero) -> Iterator[str]:
    """Give the key of an OMERO session, as OMERO.web would have made it."""
    key = omero.log_in(USER, PASSWORD, soon()).key
    yield key
    omero.log_out(key, soon())


@pytest.fixture
def make_members(
    image_server, omero_port, omero_way, gateway, tmp_path
) -> Iterator[Callable[..., Gateway]]:
    """Give a function that makes a gateway in front of OMERO, where viewers have to log in."""
    made: list[Gateway] = []

    def make(**settings) -> Gateway:
        elsewhere = {"omero_host": "127.0.0.1", "omero_port": omero_port, "omero_transport": "tcp"}
        values = {
            **(elsewhere if _ELSEWHERE & set(settings) else omero_way),
            "cache_dir": tmp_path / f"members{len(made)}",
            "render_threads": 1,
        }
        server = replace(image_server, port=omero_port)
        made.append(Gateway(serve(whole=False, **values | settings), gateway.ids, server))
        return made[-1]

    yield make
    for one in made:
        one.close()
