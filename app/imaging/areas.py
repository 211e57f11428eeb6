"""From the area that a URL asks for to the region that is read, through flip and rotation.

The area is meant in the finished picture: tiles and regions of a mirrored image are those of its
mirror image.
"""

from dataclasses import dataclass

from app.params import Orientation
from render.errors import BadRequest, TooLarge
from render.values import ImageInfo, Region, TileIndex


@dataclass(frozen=True)
class SourceArea:
    """What is read: a region that lies inside its resolution level."""

    level: int
    region: Region

    @property
    def pixels(self) -> int:
        """Give the number of pixels."""
        return self.region.width * self.region.height


def resolve_area(
    info: ImageInfo,
    area: Region | TileIndex | None,
    orientation: Orientation,
    max_pixels: int,
) -> SourceArea:
    """Clip `area` to the image and turn it back to stored coordinates; None = the whole plane.

    Raises BadRequest for a level that the image does not have and for a tile above
    `max_pixels`, TooLarge for any other area above it, RegionOutside when no pixel is left.
    """
    level = area.level if isinstance(area, TileIndex) else 0
    _check_level(info, level)
    stored_size = info.levels[level]
    size_x, size_y = stored_size
    if orientation.rotation in (90, 270):
        size_x, size_y = size_y, size_x
    region = _wanted_region(info, area, size_x, size_y).clipped(size_x, size_y)
    _check_budget(region, isinstance(area, TileIndex), max_pixels)
    return SourceArea(level, _to_stored(region, stored_size, orientation))


def _check_level(info: ImageInfo, level: int) -> None:
    if level > 0 and len(info.levels) == 1:
        raise BadRequest(f"Invalid resolution level {level}, non pyramid file", parameter="tile")
    if level >= len(info.levels):
        raise BadRequest(
            f"Invalid resolution level {level}; image {info.image_id} has levels 0 to "
            f"{len(info.levels) - 1}",
            parameter="tile",
        )


def _wanted_region(
    info: ImageInfo, area: Region | TileIndex | None, size_x: int, size_y: int
) -> Region:
    if area is None:
        return Region(0, 0, size_x, size_y)
    if isinstance(area, Region):
        return area
    width, height = area.width or info.tile_width, area.height or info.tile_height
    return Region(area.column * width, area.row * height, width, height)


def _check_budget(region: Region, is_tile: bool, max_pixels: int) -> None:
    if region.width * region.height <= max_pixels:
        return
    sentence = (
        f"{region.width} x {region.height} pixels are more than {max_pixels} "
        "(setting max_output_pixels); ask for a part, or for a smaller level"
    )
    if is_tile:
        raise BadRequest(sentence, parameter="tile")
    raise TooLarge(sentence, parameter="region")


def _to_stored(region: Region, stored_size: tuple[int, int], orientation: Orientation) -> Region:
    size_x, size_y = stored_size
    x, y, width, height = region.x, region.y, region.width, region.height
    if orientation.rotation == 90:
        x, y, width, height = y, size_y - x - width, height, width
    elif orientation.rotation == 180:
        x, y = size_x - x - width, size_y - y - height
    elif orientation.rotation == 270:
        x, y, width, height = size_x - y - height, x, height, width
    if orientation.flip_horizontal:
        x = size_x - x - width
    if orientation.flip_vertical:
        y = size_y - y - height
    return Region(x, y, width, height)
