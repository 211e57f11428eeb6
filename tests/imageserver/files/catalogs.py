"""Files for catalogs, and what a catalog has found."""

from pathlib import Path

import numpy as np
import tifffile

from .conftest import noise


def write(path: Path, seed: int = 0, shape=(40, 50), dtype="uint16") -> np.ndarray:
    data = noise(shape, dtype, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, data, photometric="minisblack", metadata=None, tile=(32, 32))
    return data


def ids(catalog):
    return {
        image.name: (
            image.id, image.pixels_id, image.fileset_id, image.dataset_id, image.file_ids,
            tuple(channel.id for channel in image.channels),
        )
        for image in catalog.images()
    }  # fmt: skip


def names(catalog):
    return [image.name for image in catalog.images()]
