"""The picture of all lookup tables, from which viewers cut their samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Rows of the picture per table.
ROW_HEIGHT = 10
#: Columns over which the gradient below the tables fades.
_FADE = 180


def draw_strip(tables: Sequence[NDArray[np.uint8] | None]) -> NDArray[np.uint8]:
    """Draw tables below one another, (10 × (tables + 1), 256, 4) uint8 of RGBA.

    Each is (256, 3), or None for one that cannot be read, which is white. The last row is black
    and fades from opaque to see-through.
    """
    rows = np.full((len(tables) + 1, 256, 4), 255, np.uint8)
    for index, table in enumerate(tables):
        if table is not None:
            rows[index, :, :3] = table
    rows[-1] = 0
    rows[-1, :_FADE, 3] = np.round(np.linspace(255, 0, _FADE)).astype(np.uint8)
    return np.repeat(rows, ROW_HEIGHT, axis=0)
