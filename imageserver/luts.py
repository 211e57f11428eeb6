"""Lookup tables that the server offers: OMERO's names, and the `.lut` files of the folder.

Files of the folder are offered as they are, in whichever of the forms that OMERO understands.
The built-in ones are made from colormaps of the `cmap` package, as 256 reds, greens and blues.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from cmap import Colormap

from imageserver.readers.base import Access, OutsideFolder

#: Largest file that is offered as a table; a text with 258 rows is far below it.
MAX_LUT_BYTES = 64 * 1024

_IMAGEJ_COLORS = 32

#: OMERO's file (below luts/) → colormap of cmap that is the same table.
BUILT_IN = {
    "cividis.lut": "cividis:cividis",
    "fire.lut": "imagej:fire",
    "glasbey.lut": "glasbey:glasbey",
    "grays.lut": "matlab:gray",
    "ice.lut": "imagej:ice",
    "turbo.lut": "google:turbo",
    "matplotlib/inferno.lut": "bids:inferno",
    "matplotlib/magma.lut": "bids:magma",
    "matplotlib/plasma.lut": "bids:plasma",
    "matplotlib/viridis.lut": "bids:viridis",
    "seaborn/mako.lut": "seaborn:mako",
    "seaborn/rocket.lut": "seaborn:rocket",
    "wcif/green_fire_blue.lut": "imagej:GreenFireBlue",
    "wcif/hilo.lut": "imagej:HiLo",
}


@dataclass(frozen=True)
class LutRecord:
    """A table on offer. `path` is its folder as OMERO tells it, with `/` at both ends."""

    id: int
    name: str
    path: str
    size_bytes: int
    mtime_s: float = 0.0


@dataclass(frozen=True)
class LutFile:
    """A table before it has an id. `key` is its path below the folder; `file` None = built in."""

    key: str
    file: Path | None
    size_bytes: int
    mtime_s: float = 0.0

    @property
    def name(self) -> str:
        """Name of the file alone; by this a channel refers to it."""
        return self.key.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Folder as OMERO tells it."""
        return f"/{self.key.rpartition('/')[0]}/"


@cache
def built_in_table(key: str) -> bytes:
    """Make a built-in table: 256 reds, 256 greens, 256 blues."""
    colormap = Colormap(BUILT_IN[key.removeprefix("luts/")])
    stops = np.asarray(colormap.color_stops.color_array, dtype=np.float64)[:, :3] * 255
    if len(stops) == _IMAGEJ_COLORS:
        table = _stretch(np.rint(stops))
    else:
        table = np.rint(np.asarray(colormap.lut(256), dtype=np.float64)[:, :3] * 255)
    return table.clip(0, 255).astype(np.uint8).T.tobytes()


def _stretch(colors: np.ndarray) -> np.ndarray:
    # As ImageJ stretches its tables of 32 colours: truncated, and the last ones all alike.
    position = np.arange(256) * (len(colors) / 256)
    first = position.astype(int)
    second = np.minimum(first + 1, len(colors) - 1)
    part = (position - first)[:, None]
    return np.trunc((1 - part) * colors[first] + part * colors[second])


def find_luts(access: Access) -> list[LutFile]:
    """Give all tables; one of the folder takes the place of a built-in one of the same name."""
    found: dict[str, LutFile] = {
        name.rpartition("/")[2]: LutFile(f"luts/{name}", None, 768) for name in BUILT_IN
    }
    for inner, folders, names in os.walk(access.folder / "luts"):
        folders.sort(reverse=True)
        for name in sorted(names, reverse=True):
            if not name.lower().endswith(".lut"):
                continue
            path = Path(inner) / name
            try:
                resolved = access.resolve(path)
                stat = resolved.stat()
            except (OutsideFolder, OSError):
                continue
            if stat.st_size <= MAX_LUT_BYTES and resolved.is_file():
                key = path.relative_to(access.folder).as_posix()
                found[name] = LutFile(key, resolved, stat.st_size, stat.st_mtime)
    return sorted(found.values(), key=lambda lut: lut.key)


def read_lut(lut: LutFile, access: Access) -> bytes:
    """Give the bytes of a table, never more than MAX_LUT_BYTES."""
    if lut.file is None:
        return built_in_table(lut.key)
    with access.resolve(lut.file).open("rb") as file:
        return file.read(MAX_LUT_BYTES)
