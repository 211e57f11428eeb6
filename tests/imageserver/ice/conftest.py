"""One image server for all tests of this folder, and a Glacier2 router in front of it."""

from collections.abc import Iterator

import pytest

from imageserver.supervisor import free_port
from tests.imageserver.ice.clients import LoggedIn, log_in
from tests.imageserver.ice.images import Folder, make_folder
from tests.support.glacier2 import RunningRouter, start_glacier2
from tests.support.image_server import RunningImageServer, start_image_server


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_folder(tmp_path_factory.mktemp("images") / "served")


@pytest.fixture(scope="session")
def glacier2_port() -> int:
    return free_port("127.0.0.1")


@pytest.fixture(scope="session")
def server(
    folder: Folder, glacier2_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningImageServer]:
    cache_dir = tmp_path_factory.mktemp("cache")
    transports = ("tcp", "ssl", "ws", "manager")
    in_front = f"OMERO.Glacier2/router:tcp -h @omero.host@ -p {glacier2_port}"
    with start_image_server(
        folder.path,
        cache_dir=cache_dir,
        transports=transports,
        arguments=("--insecure-router", in_front, "--refusal-delay", "0.2"),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def glacier2(server: RunningImageServer, glacier2_port: int) -> Iterator[RunningRouter]:
    with start_glacier2(server, tcp_port=glacier2_port) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningImageServer) -> Iterator[LoggedIn]:
    """A login for one file of tests: Ice closes what is idle for a minute, and that ends it."""
    with log_in(server.ports["tcp"]) as logged_in:
        yield logged_in


@pytest.fixture(params=["own router", "glacier2"])
def each_client(request: pytest.FixtureRequest) -> Iterator[LoggedIn]:
    """A login over each way in."""
    way = "server" if request.param == "own router" else "glacier2"
    with log_in(request.getfixturevalue(way).ports["tcp"]) as logged_in:
        yield logged_in
