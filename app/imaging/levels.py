"""Which resolution level, and which of its pixels, stand for a whole plane that is made small."""

from collections.abc import Sequence

from app.imaging.areas import SourceArea
from render.values import ImageInfo, Region

#: Above that many pixels a plane is not read whole for a picture of a few hundred.
_READ_PIXELS = 4096 * 4096

Size = tuple[int, int]


def level_within(info: ImageInfo, limits: tuple[int, int]) -> tuple[int, int]:
    """Give the largest level within the limits, or the smallest and which of its pixels to take."""
    for level, (width, height) in enumerate(info.levels):
        if width <= limits[0] and height <= limits[1]:
            return level, 1
    width, height = info.levels[-1]
    return len(info.levels) - 1, max(-(-width // limits[0]), -(-height // limits[1]))


def whole_level(info: ImageInfo, level: int) -> SourceArea:
    """Give the area of a whole level."""
    return SourceArea(level, Region(0, 0, *info.levels[level]))


def fitted_size(width: int, height: int, longest_side: int) -> Size:
    """Fit an image into a square, in whole numbers: OMERO's floats can end a pixel short."""
    longest = max(width, height)
    return (
        max(1, width * longest_side // longest),
        max(1, height * longest_side // longest),
    )


def sufficient_level(levels: Sequence[Size], wanted: Size) -> int:
    """Give the smallest level that need not be enlarged, else the full size."""
    sufficient = [
        level
        for level, (width, height) in enumerate(levels)
        if width >= wanted[0] and height >= wanted[1]
    ]
    return max(sufficient, default=0)


def sufficient_stride(have: Size, wanted: Size) -> int:
    """Give which pixels to leave out of a plane too large to be read whole; 1 = none."""
    if have[0] * have[1] <= _READ_PIXELS:
        return 1
    # Twice as many as are shown, so that the filter has something to work with.
    return max(1, min(have[0] // (2 * wanted[0]), have[1] // (2 * wanted[1])))
