"""An image server of a test's own: what is stored on it does not show in other tests."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.app.conftest import ImageServer, images_served


@contextlib.contextmanager
def server_apart(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory, **copies: str
) -> Iterator[ImageServer]:
    """Serve the same images, with `copies` of some by their new names (without `.ome.tif`).

    No router stands before it: through one, whoever stores something has to be logged in.
    """
    folder = tmp_path_factory.mktemp("apart") / "images"
    shutil.copytree(image_server.folder, folder)
    for copy, name in copies.items():
        shutil.copy(folder / name, folder / f"{copy}.ome.tif")
    index = tmp_path_factory.mktemp("index")
    with images_served(folder, index, image_server.pyramid, image_server.stack) as server:
        yield replace(server, router=None)
