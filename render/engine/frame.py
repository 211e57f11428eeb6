"""What a thumbnail of a shape shows of the image around it, and where that lies.

A frame is a region at full size that may reach beyond the image.
"""

import math

import numpy as np
from numpy.typing import NDArray

from render.values import Region

#: Width of every thumbnail, and its height where the shape does not tell another.
WIDTH, HEIGHT = 250, 166
#: Each part of the colour beyond the image.
_GROUND = 221


def frame_around(x: float, y: float, width: float, height: float) -> Region:
    """Give the frame around a box: half as large again, three to two, at least 250 × 166."""
    wide = max(width, math.floor(3 * height / 2))
    high = math.floor(2 * wide / 3)
    wide, high = max(int(wide * 1.5), WIDTH), max(int(high * 1.5), HEIGHT)
    left, top = x + width / 2 - wide / 2, y + height / 2 - high / 2
    return Region(math.floor(left), math.floor(top), wide, high)


def thumbnail_size(frame: Region) -> tuple[int, int]:
    """Give the (width, height) of the thumbnail of a frame."""
    return WIDTH, max(1, WIDTH * frame.height // frame.width)


def frame_level(frame: Region, levels: tuple[tuple[int, int], ...]) -> int:
    """Give the smallest level at which the frame need not be enlarged; 0 is full size."""
    full = levels[0][0]
    sufficient = [i for i, (width, _) in enumerate(levels) if frame.width * width >= WIDTH * full]
    return max(sufficient, default=0)


def frame_at_level(frame: Region, full: tuple[int, int], level: tuple[int, int]) -> Region:
    """Give the frame in pixels of a level; `full` and `level` are (width, height)."""
    across, down = level[0] / full[0], level[1] / full[1]
    return Region(
        math.floor(frame.x * across),
        math.floor(frame.y * down),
        max(1, round(frame.width * across)),
        max(1, round(frame.height * down)),
    )


def on_ground(
    picture: NDArray[np.uint8] | None, size: tuple[int, int], corner: tuple[int, int]
) -> NDArray[np.uint8]:
    """Put a picture, (height, width, 3 or more), on a light grey ground of (width, height).

    `corner` is where its upper left pixel comes to be. None leaves the ground empty.
    """
    width, height = size
    ground = np.full((height, width, 3), _GROUND, np.uint8)
    if picture is not None:
        x, y = corner
        ground[y : y + picture.shape[0], x : x + picture.shape[1]] = picture[..., :3]
    return ground
