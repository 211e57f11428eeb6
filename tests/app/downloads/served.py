"""An application over an image server of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.web import parts_of
from tests.app.conftest import (
    Gateway,
    ImageServer,
    make_gateway_on,
    start_image_server,
    stop,
)


@contextlib.contextmanager
def served(folder: Path, factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve a folder while the block lasts."""
    process, port = start_image_server(folder, factory.mktemp("index"))
    try:
        server = ImageServer(folder, port, process, [], np.empty(0))
        gateway = make_gateway_on(server, factory.mktemp("cache"))
        try:
            yield gateway
        finally:
            parts_of(gateway.app).close()
    finally:
        stop(process)
