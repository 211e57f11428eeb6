"""Masks: bits as they are stored, the picture of a mask, and a mask laid over a picture."""

import numpy as np
from numpy.typing import NDArray

#: How much of a colour shows where a mask lies over a picture.
_TINT = 0.5


def mask_bits(data: bytes, width: int, height: int) -> NDArray[np.bool_]:
    """Give the set bits, (height, width): highest bit first, row by row without padding.

    Bits that are missing at the end are not set; what comes after the last pixel does not count.
    """
    count = width * height
    packed = np.frombuffer(data, np.uint8)[: -(-count // 8)]
    bits = np.zeros(count, np.bool_)
    given = np.unpackbits(packed, count=min(count, 8 * packed.size))
    bits[: given.size] = given
    return bits.reshape(height, width)


def bits_at(
    data: bytes, width: int, columns: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which places of a mask of that width are set, as `mask_bits` has them.

    For masks of which little is looked at: nothing is made of the others' size.
    """
    packed = np.frombuffer(data, np.uint8)
    places = rows * width + columns
    bits = np.zeros(places.shape, np.bool_)
    given = places < 8 * packed.size
    places = places[given]
    bits[given] = packed[places >> 3] >> (7 - (places & 7)) & 1
    return bits


def draw_mask(bits: NDArray[np.bool_], color: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Draw a mask, (height, width, 4) uint8: set bits in an RGBA colour, others see-through."""
    table = np.zeros((2, 4), np.uint8)
    table[1] = color
    return table[bits.view(np.uint8)]


def tint(
    picture: NDArray[np.uint8],
    bits: NDArray[np.bool_],
    places: NDArray[np.float64],
    color: tuple[int, int, int],
) -> None:
    """Mix a colour into a picture, (height, width, 3), where a mask is set.

    `places` (height, width, 2) tells the (x, y) of each pixel's middle in the mask.
    """
    height, width = bits.shape
    with np.errstate(invalid="ignore"):
        inside = (places >= 0).all(-1) & (places[..., 0] < width) & (places[..., 1] < height)
    columns, rows = places[inside].astype(np.int64).T
    covered = inside.copy()
    covered[inside] = bits[rows, columns]
    mixed = picture[covered] * (1 - _TINT) + np.array(color) * _TINT
    picture[covered] = np.floor(mixed + 0.5).astype(np.uint8)
