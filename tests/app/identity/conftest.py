"""Applications whose viewers have OMERO sessions of their own, on a real image server."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from app.settings import load_settings
from app.web import parts_of
from render.blitz.endpoint import Endpoint
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from tests.app.conftest import Gateway
from tests.support.image_server import start_image_server

USER, PASSWORD = "local", "local"


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture(scope="session")
def omero_port(image_server) -> Iterator[int]:
    """Serve the same images under the same ids, refusing wrong passwords without a pause."""
    arguments = ("--refusal-delay", "0.01")
    with start_image_server(
        image_server.folder, transports=("tcp",), arguments=arguments
    ) as running:
        yield running.ports["tcp"]


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
def make_members(image_server, omero_port, gateway, tmp_path) -> Iterator[Callable[..., Gateway]]:
    """Give a function that makes a gateway in front of OMERO, where viewers have to log in."""
    apps: list[Flask] = []

    def make(**settings) -> Gateway:
        values = {
            "env_file": None,
            "omero_host": "127.0.0.1",
            "omero_port": omero_port,
            "omero_transport": "tcp",
            "cache_dir": tmp_path / f"members{len(apps)}",
            "render_threads": 1,
        }
        app = create_app(load_settings(**values | settings))
        apps.append(app)
        server = replace(image_server, port=omero_port)
        return Gateway(app, app.test_client(), gateway.ids, server)

    yield make
    for app in apps:
        parts_of(app).close()
