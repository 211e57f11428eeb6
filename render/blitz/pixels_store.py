"""One open RawPixelsStore, which reads planes and regions of them."""

from dataclasses import dataclass
from typing import Any

from render.blitz.ami import Pending, call, start
from render.blitz.pyramid_service import PyramidService, StoreKey
from render.deadline import Deadline
from render.values import PlaneIndex, Region


@dataclass(frozen=True)
class Geometry:
    """Size (width, height) of each resolution level, level 0 = full size, and the tile size."""

    levels: tuple[tuple[int, int], ...]
    tile_width: int
    tile_height: int


class PixelsStore(PyramidService):
    """A store on the server, and the calls that read from it."""

    def __init__(self, proxy: Any, key: StoreKey) -> None:
        super().__init__(proxy, key)
        self._get_tile = proxy.getTileAsync
        self._tile_size: tuple[int, int] | None = None

    def open(self, deadline: Deadline) -> None:
        """Point the store at its pixels and learn their resolution levels."""
        call(deadline, "open pixels", self._proxy.setPixelsIdAsync, self.key.pixels_id, False)
        self._learn_levels(deadline)

    def geometry(self, deadline: Deadline) -> Geometry:
        """Give the levels and the tile size; the latter is asked for once."""
        if self._tile_size is None:
            width, height = call(deadline, "ask for the tile size", self._proxy.getTileSizeAsync)
            self._tile_size = (width, height)
        return Geometry(self._levels, *self._tile_size)

    def start_tile(self, plane: PlaneIndex, region: Region) -> Pending:
        """Send the reading of a region at the level where the store stands."""
        return start(
            "read pixels",
            self._get_tile,
            plane.z,
            plane.c,
            plane.t,
            region.x,
            region.y,
            region.width,
            region.height,
        )
