"""Pixels that a stateful service holds open, at one of their resolution levels.

Levels are counted here as OMERO's calls count them, n-1 for full size and 0 for the smallest,
and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import Ice

from imageserver.enumerations import PIXEL_BITS
from imageserver.faults import fault, not_visible, usage
from imageserver.records import ImageRecord
from imageserver.services.context import ServiceContext
from imageserver.services.stateful import Stateful
from imageserver.visible import PixelBuffer
from render.blitz.slices import omero


@dataclass
class Opened:
    """Pixels that are being read, and the level that they are read at (0 is full size)."""

    image: ImageRecord
    buffer: PixelBuffer
    level: int = 0

    @property
    def levels(self) -> Sequence[tuple[int, int]]:
        return self.buffer.levels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height at the present level."""
        width, height = self.buffer.levels[self.level]
        return int(width), int(height)

    @property
    def bytes_per_pixel(self) -> int:
        return max(1, PIXEL_BITS[self.image.pixel_type] // 8)


class OpenedPixels(Stateful):
    """What the services that work on one pixels set have in common: OMERO's PyramidService."""

    def __init__(self, context: ServiceContext, name: str) -> None:
        super().__init__(context, name)
        self._opened: Opened | None = None

    def release(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.buffer.close()

    def _open(self, pixels_id: int) -> None:
        # Reading needs no statistics, so nobody has to wait for them.
        image = self._context.catalog.image_by_pixels(pixels_id, wait_stats_s=0)
        if self._opened is not None and self._opened.image.pixels_id == pixels_id:
            return
        if image.problem:
            raise fault(omero.ResourceError, f"Image {image.id} is unreadable: {image.problem}")
        self.release()
        self._opened = Opened(image, self._context.catalog.open_pixels(pixels_id))

    # -- resolution levels -----------------------------------------------------------------

    def requiresPixelsPyramid(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(self._requires_pyramid)

    def _requires_pyramid(self, opened: Opened) -> bool:
        settings = self._context.settings
        image = opened.image
        is_large = image.size_x * image.size_y > (
            settings.max_plane_width * settings.max_plane_height
        )
        return is_large and image.pixel_type not in {"float", "double"}

    def getResolutionLevels(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: len(opened.levels))

    def getResolutionDescriptions(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: [
                omero.api.ResolutionDescription(sizeX=int(width), sizeY=int(height))
                for width, height in opened.levels
            ]
        )

    def getResolutionLevel(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: len(opened.levels) - 1 - opened.level)

    def setResolutionLevel(self, resolution_level: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._set_level(opened, resolution_level))

    def _set_level(self, opened: Opened, resolution_level: int) -> None:
        count = len(opened.levels)
        if not 0 <= resolution_level < count:
            raise usage(
                f"Resolution level {resolution_level} does not exist; there are 0 to {count - 1}."
            )
        opened.level = count - 1 - resolution_level

    def getTileSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: [int(side) for side in opened.buffer.tile_size])

    def _with(self, work: Callable[[Opened], Any]) -> Any:
        def with_opened() -> Any:
            opened = self._opened
            if opened is None:
                raise usage("No pixels are chosen; call setPixelsId first.")
            if not self._context.catalog_of_all_groups.sees(opened.image):
                self.release()
                raise not_visible("Pixels", opened.image.pixels_id)
            return work(opened)

        return self._run(with_opened)


def check_index(axis: str, index: int, size: int) -> None:
    """Raise ApiUsageException unless the image has that index along an axis."""
    if not 0 <= index < size:
        raise usage(f"{axis} is {index}; this image has {axis} from 0 to {size - 1}.")


def region_inside(region: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Give (x, y, width, height) of a RegionDef inside a level of that size; None = all of it."""
    if region is None:
        return 0, 0, *size
    x, y, width, height = region.x, region.y, region.width, region.height
    if width < 1 or height < 1 or x < 0 or y < 0 or x + width > size[0] or y + height > size[1]:
        raise usage(f"The region is not inside the level, which has {size[0]}×{size[1]} pixels.")
    return x, y, width, height
