"""The big pyramids that the benchmarks read, made once from the sample images.

All are 8192 x 8192 OME-TIFFs in 512 x 512 tiles with levels halved down to 512: three uint16
channels not compressed, the same with deflate, and an RGB one with JPEG tiles.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

SAMPLES = Path(__file__).parent.parent / "samples"
SIDE = 8192
TILE = 512


def make_plain(folder: Path) -> Path:
    """Make the pyramid without compression if it is missing in `folder`; give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "uint16-3-channels.ome.tif"
    if not path.exists():
        _write(path, three_channels(), "minisblack", None)
    return path


def make_all(folder: Path) -> dict[str, Path]:
    """Make what is missing in `folder`; give each pyramid's path by name."""
    paths = {
        "uint16": make_plain(folder),
        "deflate": folder / "uint16-3-channels-deflate.ome.tif",
        "rgb-jpeg": folder / "rgb-jpeg.ome.tif",
    }
    if not paths["deflate"].exists():
        _write(paths["deflate"], three_channels(), "minisblack", "zlib")
    if not paths["rgb-jpeg"].exists():
        _write(paths["rgb-jpeg"], _rgb(), "rgb", "jpeg")
    return paths


def place(path: Path, folder: Path) -> None:
    """Bring a file into a folder, without a copy of its bytes where that can be."""
    try:
        os.link(path, folder / path.name)
    except OSError:
        shutil.copy(path, folder)


def three_channels() -> np.ndarray:
    """Mirror the worms sample over the side; (channel, y, x) uint16."""
    planes = tifffile.imread(SAMPLES / "worms.ome.tif")
    return np.stack([_mirrored(plane) for plane in planes])


def _rgb() -> np.ndarray:
    """Mirror the lung sample over the side; (y, x, sample) uint8."""
    return _mirrored(tifffile.imread(SAMPLES / "lung-histology-rgb.ome.tif"))


def _mirrored(plane: np.ndarray) -> np.ndarray:
    pad = [(0, SIDE - plane.shape[0]), (0, SIDE - plane.shape[1])] + [(0, 0)] * (plane.ndim - 2)
    return np.pad(plane, pad, mode="symmetric")


def _levels(full: np.ndarray, y_axis: int) -> Iterator[np.ndarray]:
    level = full
    while level.shape[y_axis] > TILE:
        step = [slice(None)] * level.ndim
        step[y_axis] = step[y_axis + 1] = slice(None, None, 2)
        level = np.ascontiguousarray(level[tuple(step)])
        yield level


def _write(path: Path, full: np.ndarray, photometric: str, compression: str | None) -> None:
    rgb = photometric == "rgb"
    levels = list(_levels(full, 0 if rgb else 1))
    options: dict = {
        "tile": (TILE, TILE),
        "photometric": photometric,
        "compression": compression,
    }
    if rgb:
        options["compressionargs"] = {"level": 85}
    part = path.with_suffix(".part")
    with tifffile.TiffWriter(part, bigtiff=True, ome=True) as writer:
        metadata = {"axes": "YXS" if rgb else "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        writer.write(full, subifds=len(levels), metadata=metadata, **options)
        for level in levels:
            writer.write(level, subfiletype=1, **options)
    part.rename(path)
