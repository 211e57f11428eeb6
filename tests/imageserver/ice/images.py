"""The folder that these tests serve, made so that every pixel is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

# (z, c, t, y, x) of each image, by file name; big enough to have several tiles and levels.
PYRAMID, STACK, PICTURE = "cells/pyramid.ome.tif", "stack.ome.tif", "picture.png"
BROKEN = "broken.tif"
CHANNELS = ("DAPI", "FITC", "Cy5")


@dataclass(frozen=True)
class Folder:
    """The folder's path, and the pixels of its images as arrays (t, c, z, y, x) at each level."""

    path: Path
    levels: dict[str, list[np.ndarray]]


def make_folder(path: Path) -> Folder:
    """Write a three-channel pyramid, a stack over time, a picture and a broken file."""
    (path / "cells").mkdir(parents=True)
    random = np.random.default_rng(5)
    full = random.integers(0, 60000, (1, 3, 1, 700, 900), dtype=np.uint16)
    half = full[..., ::2, ::2]
    quarter = half[..., ::2, ::2]
    _write_pyramid(path / PYRAMID, [full[0, :, 0], half[0, :, 0], quarter[0, :, 0]])
    stack = random.integers(-100, 100, (4, 2, 3, 31, 45), dtype=np.int16)
    tifffile.imwrite(path / STACK, stack, metadata={"axes": "TCZYX"}, ome=True)
    picture = random.integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(picture).save(path / PICTURE)
    (path / BROKEN).write_bytes(b"II*\0" + b"\xff" * 60)
    (path / "luts").mkdir()
    (path / "luts" / "mine.lut").write_bytes(bytes(range(256)) * 3)
    return Folder(
        path,
        {
            PYRAMID: [full, half, quarter],
            STACK: [stack],
            PICTURE: [picture.transpose(2, 0, 1)[None, :, None]],
        },
    )


def _write_pyramid(path: Path, levels: list[np.ndarray]) -> None:
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": list(CHANNELS), "EmissionWavelength": [450.0, 520.0, 670.0]},
        "PhysicalSizeX": 0.25,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "µm",
    }
    with tifffile.TiffWriter(path, ome=True) as writer:
        options = {"tile": (128, 128), "photometric": "minisblack"}
        writer.write(levels[0], subifds=len(levels) - 1, metadata=metadata, **options)
        for level in levels[1:]:
            writer.write(level, subfiletype=1, **options)
