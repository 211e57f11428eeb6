"""An application over an image server of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.app.conftest import Gateway, images_served, make_gateway_on


@contextlib.contextmanager
def served(folder: Path, factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve a folder while the block lasts."""
    index, cache = factory.mktemp("index"), factory.mktemp("cache")
    with images_served(folder, index, [], np.empty(0)) as server:
        gateway = make_gateway_on(server, cache)
        try:
            yield gateway
        finally:
            gateway.close()
