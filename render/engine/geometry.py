"""Mirroring and turning pictures by right angles."""

import numpy as np
from numpy.typing import NDArray

from render.errors import BadRequest

ROTATIONS = (0, 90, 180, 270)


def flip(picture: NDArray, horizontal: bool = False, vertical: bool = False) -> NDArray:
    """Mirror a picture, (height, width, …), left to right and top to bottom."""
    if horizontal:
        picture = picture[:, ::-1]
    if vertical:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def rotate(picture: NDArray, degrees: int) -> NDArray:
    """Turn a picture, (height, width, …), clockwise by 0, 90, 180 or 270 degrees."""
    if degrees not in ROTATIONS:
        raise BadRequest(
            f"a picture can be turned by {', '.join(map(str, ROTATIONS))} degrees, not {degrees}",
            parameter="rot",
        )
    return np.ascontiguousarray(np.rot90(picture, -(degrees // 90)))
