"""Label images, read from an image server as masks."""

from pathlib import Path

import numpy as np

from render.blitz.source import BlitzSource
from render.shapes import Mask
from tests.imageserver.files.test_zarr_labels import write_labels
from tests.imageserver.files.test_zarr_reader import write_ome_zarr
from tests.render.blitz.conftest import soon
from tests.render.blitz.servers import LOGIN, ImageServer


def test_labels_come_as_masks(tmp_path: Path):
    image = tmp_path / "images" / "a.zarr"
    write_ome_zarr(image, [np.zeros((30, 40), np.uint8)], "yx", "0.4")
    labels = np.zeros((30, 40), np.uint8)
    labels[3:5, 7:12] = [[1, 0, 1, 1, 1], [0, 1, 1, 0, 1]]
    write_labels(image, "cells", labels, "yx")
    server = ImageServer(image.parent, tmp_path / "index", "--scan-wait=20")
    source = BlitzSource(server.endpoint())
    try:
        session = source.session(LOGIN, soon())
        (project,) = session.projects(soon())
        (dataset,) = session.datasets(project.id, soon())
        (listed,) = session.images(dataset.id, soon())
        (region,) = session.rois(listed.id, soon())
        (shape,) = region.shapes
        assert shape.geometry == Mask(7, 3, 5, 2, bytes([0b10111011, 0b01000000]))
        assert session.shape(shape.id, soon()) == shape
    finally:
        source.close()
        server.kill()
