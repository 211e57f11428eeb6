"""Smallest and largest value of each channel over a whole image, as OMERO stores them.

Exact where all of it can be read within a budget; else over the largest resolution level that
can, all planes of it; else over planes of the smallest level, spread evenly.
"""

import threading
from collections.abc import Iterator

import numpy as np

from imageserver.pixels import PixelBuffer
from imageserver.readers.base import UnreadableFile

#: Bytes of samples that may be read for the statistics of one image.
BUDGET_BYTES = 256 * 1024 * 1024

#: Samples held at once.
BAND_BYTES = 8 * 1024 * 1024

Extremes = tuple[float, float]


class Stopped(Exception):
    """The server is closing."""


class Accumulator:
    """Extremes per channel over the blocks it is given; values that are not finite are left out."""

    def __init__(self, size_c: int) -> None:
        self._found: list[Extremes | None] = [None] * size_c

    def add(self, c: int, block: np.ndarray) -> None:
        """Take a block of a channel's values into account."""
        if block.dtype.kind == "f":
            block = block[np.isfinite(block)]
        if block.size == 0:
            return
        low, high = float(block.min()), float(block.max())
        known = self._found[c]
        self._found[c] = (low, high) if known is None else (min(low, known[0]), max(high, known[1]))

    @property
    def extremes(self) -> tuple[Extremes | None, ...]:
        """The (minimum, maximum) of each channel so far, None where there was no value."""
        return tuple(self._found)


def channel_extremes(
    buffer: PixelBuffer,
    *,
    budget_bytes: int = BUDGET_BYTES,
    partly: bool = False,
    stop: threading.Event | None = None,
) -> tuple[Extremes | None, ...] | None:
    """Compute (minimum, maximum) per channel; None if even one plane exceeds the budget.

    With `partly`, pieces of such a plane count, spread evenly over it, as many as the budget has.
    Raises UnreadableFile if not a single block can be read, Stopped when `stop` is set. Where
    only some blocks are damaged, the others count.
    """
    level, planes = _affordable(buffer, budget_bytes)
    every = 1
    if not planes:
        if not partly:
            return None
        planes = [(buffer.sizes[0] // 2, buffer.sizes[2] // 2)]
        width, height = buffer.levels[level]
        each = width * height * buffer.sizes[1] * buffer.dtype.itemsize
        every = -(-each // max(budget_bytes, 1))
    accumulator = Accumulator(buffer.sizes[1])
    read_any = False
    problem: UnreadableFile | None = None
    for z, t in planes:
        pieces = list(bands(buffer, level, min(BAND_BYTES, budget_bytes // 16)))
        for x, y, width, height in pieces[every // 2 :: every] or pieces[:1]:
            for c in range(buffer.sizes[1]):
                if stop is not None and stop.is_set():
                    raise Stopped
                try:
                    accumulator.add(c, buffer.read(level, z, c, t, x, y, width, height))
                    read_any = True
                except UnreadableFile as error:
                    problem = problem or error
    if problem is not None and not read_any:
        raise problem
    return accumulator.extremes


def _affordable(buffer: PixelBuffer, budget_bytes: int) -> tuple[int, list[tuple[int, int]]]:
    """Choose the level, and the (z, t) to read of it: none, if not even one can be afforded."""
    size_z, size_c, size_t = buffer.sizes
    planes = [(z, t) for t in range(size_t) for z in range(size_z)]
    for level, (width, height) in enumerate(buffer.levels):
        each = width * height * size_c * buffer.dtype.itemsize
        if each * len(planes) <= budget_bytes:
            return level, planes
    count = budget_bytes // each
    if count == 0:
        return len(buffer.levels) - 1, []
    spread = np.linspace(0, len(planes) - 1, count).round().astype(int)
    return len(buffer.levels) - 1, [planes[i] for i in np.unique(spread)]


def bands(buffer: PixelBuffer, level: int, most_bytes: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a level into rectangles of whole tiles, none larger than `most_bytes` if possible."""
    level_width, level_height = buffer.levels[level]
    tile_width, tile_height = buffer.tile_size
    row_bytes = tile_height * buffer.dtype.itemsize
    wide = max(most_bytes // row_bytes // tile_width, 1) * tile_width
    tall = tile_height
    if wide >= level_width:
        tall *= max(most_bytes // (row_bytes * level_width), 1)
    for y in range(0, level_height, tall):
        for x in range(0, level_width, wide):
            yield x, y, min(wide, level_width - x), min(tall, level_height - y)
