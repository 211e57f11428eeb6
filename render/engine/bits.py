"""Planes of the pixel type `bit` as OMERO sends them: eight pixels to a byte."""

import numpy as np
from numpy.typing import NDArray

from render.errors import SourceFailed


def unpack(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Give a packed plane as (height, width) uint8 of 0 and 1.

    Highest bit first; rows are not padded, so that a row may start within a byte. Raises
    SourceFailed when there are too few bytes.
    """
    packed = np.frombuffer(data, np.uint8)
    if packed.size * 8 < width * height:
        raise SourceFailed(
            f"a plane of {width} x {height} bits needs {-(-width * height // 8)} bytes, "
            f"but {packed.size} came"
        )
    return np.unpackbits(packed, count=width * height).reshape(height, width)
