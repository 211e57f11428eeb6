"""From a level to red, green and blue: colours, alpha and lookup tables."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.values import Color

#: Lookup tables by lower-case file name, each (256, 3) uint8: red, green, blue.
LookupTables = Mapping[str, NDArray[np.uint8]]


def find_table(name: str | None, tables: LookupTables) -> NDArray[np.uint8] | None:
    """Give the table of that name, whatever its case, or None when it is unknown."""
    if not name or not name.strip():
        return None
    return tables.get(name.strip().lower())


@lru_cache(maxsize=1024)
def color_table(color: Color, with_alpha: bool) -> NDArray[np.uint8]:
    """Give the (256, 3) parts that each level adds to the picture under a colour.

    `with_alpha` says that some active channel is not opaque; then every channel takes the
    second truncation, as in OMERO's renderer.
    """
    levels = np.arange(256, dtype=np.float64)[:, np.newaxis]
    ratio = np.maximum(np.array([color.red, color.green, color.blue], np.float64), 0) / 255.0
    parts = np.trunc(ratio * levels)
    if with_alpha:
        opacity = np.float32(max(color.alpha, 0)) / np.float32(255)
        parts = np.trunc(parts.astype(np.float32) * opacity)
    table = parts.astype(np.uint8)
    table.setflags(write=False)
    return table


GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
GREY.setflags(write=False)
