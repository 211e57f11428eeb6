"""Which resolution level stands for a whole plane where a summary of its values is enough."""

from app.areas import SourceArea
from render.values import ImageInfo, Region


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
