"""How planes lie in a file as rows of tiles that are not compressed, and which of them come next.

Every byte's place is known before a pixel is read, so that a file can be sent from anywhere on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from render.values import Region


@dataclass(frozen=True)
class Grid:
    """A level of a plane cut into tiles, by rows; those at the right and lower ends are filled up.

    Sizes are in pixels; `pixel_bytes` is the size of a pixel.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    pixel_bytes: int

    @classmethod
    def whole(cls, width: int, height: int, pixel_bytes: int) -> "Grid":
        """Give a plane that is not cut: one tile."""
        return cls(width, height, width, height, pixel_bytes)

    @property
    def columns(self) -> int:
        """Number of tiles beside each other."""
        return -(-self.width // self.tile_width)

    @property
    def tiles(self) -> int:
        """Number of all tiles."""
        return self.columns * -(-self.height // self.tile_height)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a tile."""
        return self.tile_width * self.pixel_bytes

    @property
    def tile_bytes(self) -> int:
        """Bytes of a tile."""
        return self.tile_height * self.row_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of all tiles."""
        return self.tiles * self.tile_bytes


@dataclass(frozen=True)
class Cut:
    """Bytes that follow each other: rows of one tile, or all rows of tiles beside each other.

    `region` is where their pixels lie in the level; None when all are filling. Of the bytes,
    `skip` are left out at the beginning, and `size_bytes` are taken.
    """

    plane: int
    level: int
    region: Region | None
    tiles: int
    tile_width: int
    rows: int
    skip: int
    size_bytes: int

    def write(self, pixels: np.ndarray | None, dtype: np.dtype) -> bytes:
        """Give the bytes, from the pixels of `region`, (height, width) of `dtype`."""
        width = self.tiles * self.tile_width
        if pixels is None or pixels.shape != (self.rows, width):
            filled = np.zeros((self.rows, width), dtype)
            if pixels is not None:
                filled[: pixels.shape[0], : pixels.shape[1]] = pixels
            pixels = filled
        by_tile = pixels.reshape(self.rows, self.tiles, self.tile_width).swapaxes(0, 1)
        content = by_tile.astype(dtype, copy=False).tobytes()
        if self.skip == 0 and self.size_bytes == len(content):
            return content
        return content[self.skip : self.skip + self.size_bytes]


def plane_bytes(levels: Sequence[Grid]) -> int:
    """Give the bytes of one plane with all its levels."""
    return sum(grid.size_bytes for grid in levels)


def next_cut(levels: Sequence[Grid], begin: int, end: int, most_bytes: int) -> Cut:
    """Give what follows at the byte `begin` of planes that lie one after the other.

    Each plane has its levels in their order. The cut ends before `end`, and has `most_bytes` or
    less, unless a single row of a tile has more.
    """
    plane, at = divmod(begin, plane_bytes(levels))
    level = 0
    while at >= levels[level].size_bytes:
        at -= levels[level].size_bytes
        level += 1
    grid = levels[level]
    tile, in_tile = divmod(at, grid.tile_bytes)
    tile_row, column = divmod(tile, grid.columns)
    first_row, skip = divmod(in_tile, grid.row_bytes)
    wanted = min(most_bytes, end - begin)
    tiles, rows = (
        1,
        max(1, min(-(-(skip + wanted) // grid.row_bytes), most_bytes // grid.row_bytes)),
    )
    if in_tile == 0 and wanted >= grid.tile_bytes:
        tiles, rows = min(wanted // grid.tile_bytes, grid.columns - column), grid.tile_height
    rows = min(rows, grid.tile_height - first_row)
    left, top = column * grid.tile_width, tile_row * grid.tile_height + first_row
    height = min(rows, grid.height - top)
    region = None
    if height > 0:
        region = Region(left, top, min(tiles * grid.tile_width, grid.width - left), height)
    size = min(tiles * rows * grid.row_bytes - skip, end - begin)
    return Cut(plane, level, region, tiles, grid.tile_width, rows, skip, size)
