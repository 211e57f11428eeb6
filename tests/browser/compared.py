"""Pictures to look at in a browser, and how alike two pictures of them are at any scale."""

import numpy as np
import tifffile
from PIL import Image

#: Pictures are compared in cells of so many columns and rows, which scaling does not change.
GRID = (40, 30)
#: Mean difference, of 255, that JPEG and scaling may make, and that a change makes at least.
SAME, CHANGED = 5, 12


def write_cells(path):
    """Two timepoints of three sections of two channels, smooth, and no two planes alike."""
    y, x = np.mgrid[0:120, 0:160]
    planes = np.empty((2, 3, 2, 120, 160), np.uint16)
    for t, z in np.ndindex(2, 3):
        planes[t, z, 0] = x * (6 - 2 * z) + 200 * t
        planes[t, z, 1] = (119 - y) * 4 + 250 * z - 200 * t * (y > 60) * (z > 0)
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata={"axes": "TZCYX"})


def difference(one, other):
    """Mean difference of two pictures of the same thing at any scale."""
    cells = [
        np.asarray(Image.fromarray(picture).resize(GRID, Image.Resampling.BOX)).astype(float)
        for picture in (one, other)
    ]
    return np.abs(cells[0] - cells[1]).mean()
