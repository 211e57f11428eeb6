"""Readers of image files, and how they are found."""

import logging
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from imageserver.readers.base import Reader
from imageserver.readers.raster import RasterReader
from imageserver.readers.tiff import TiffReader
from imageserver.readers.zarr import ZarrReader

log = logging.getLogger(__name__)

#: The entry point group under which other packages offer readers.
GROUP = "blitzrender.readers"


@cache
def _installed() -> tuple[Reader, ...]:
    found: list[Reader] = []
    for entry in entry_points(group=GROUP):
        try:
            reader = entry.load()()
        except Exception as error:
            log.warning("reader %s (%s) cannot be used: %s", entry.name, entry.value, error)
            continue
        found.append(reader)
    return tuple(found)


def all_readers() -> tuple[Reader, ...]:
    """Give the readers in the order they are asked: installed ones, then the built-in ones.

    An installed reader comes first, so that it can take a format over.
    """
    return (*_installed(), ZarrReader(), TiffReader(), RasterReader())


def reader_for(path: Path, readers: Iterable[Reader]) -> Reader | None:
    """Give the first reader that claims the path, or None: not an image."""
    return next((reader for reader in readers if reader.claims(path)), None)
