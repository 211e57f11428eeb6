"""Reads regions of planes through pooled pixels stores.

Several planes, and the pieces of a region too large for one message, are spread over the
stores that are free; each store has one call under way at any time.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from render.blitz.ami import Pending
from render.blitz.errors import ServiceLost
from render.blitz.session import LiveSession
from render.blitz.stores import Geometry, PixelsStore, StoreKey
from render.deadline import Deadline
from render.errors import SourceFailed
from render.values import DTYPES, ImageInfo, PlaneIndex, Region

Result = TypeVar("Result")

#: One call: a region of a plane.
Piece = tuple[PlaneIndex, Region]


def read_geometry(live: LiveSession, key: StoreKey, deadline: Deadline) -> Geometry:
    """Ask a store for the resolution levels and the tile size of its pixels."""
    return _with_store(live, key, 0, lambda store: store.geometry(deadline), deadline)


def read_planes(
    live: LiveSession,
    info: ImageInfo,
    planes: Sequence[PlaneIndex],
    level: int,
    region: Region,
    deadline: Deadline,
) -> list[np.ndarray]:
    """Read the same region of several planes, as big-endian (height, width) arrays."""
    if info.pixel_type not in DTYPES:
        raise SourceFailed(f"pixels of type '{info.pixel_type}' cannot be read")
    dtype = np.dtype(DTYPES[info.pixel_type])
    parts = split_region(region, dtype.itemsize, live.limits.read_bytes, info.tile_height)
    pieces = [(plane, part) for plane in planes for part in parts]
    key = StoreKey(info.pixels_id, info.group_id, info.pixels_version)
    answers = _with_store(
        live,
        key,
        level,
        lambda store: _read_pieces(live, store, level, pieces, deadline),
        deadline,
    )
    arrays = [
        _array_of(answer, dtype, part) for answer, (_, part) in zip(answers, pieces, strict=True)
    ]
    if len(parts) == 1:
        return arrays
    count = len(parts)
    return [
        _put_together(arrays[first : first + count], parts, region, dtype)
        for first in range(0, len(arrays), count)
    ]


def split_region(
    region: Region, bytes_per_pixel: int, most_bytes: int, tile_height: int
) -> list[Region]:
    """Cut a region into pieces of at most `most_bytes`: bands of whole tile rows where it can."""
    if region.width * region.height * bytes_per_pixel <= most_bytes:
        return [region]
    width = min(region.width, max(1, most_bytes // bytes_per_pixel))
    height = max(1, most_bytes // (bytes_per_pixel * width))
    if height > tile_height > 0:
        height -= height % tile_height
    return [
        Region(
            x,
            y,
            min(width, region.x + region.width - x),
            min(height, region.y + region.height - y),
        )
        for y in range(region.y, region.y + region.height, height)
        for x in range(region.x, region.x + region.width, width)
    ]


def _with_store(
    live: LiveSession,
    key: StoreKey,
    level: int,
    read: Callable[[PixelsStore], Result],
    deadline: Deadline,
) -> Result:
    """Read with a store of the pool; when it proves gone, once more with a fresh one."""
    try:
        return _read_once(live, key, level, read, deadline)
    except ServiceLost:
        # The others that lie idle were open at the same time and will be gone as well.
        live.stores.discard_idle(key)
    return _read_once(live, key, level, read, deadline)


def _read_once(
    live: LiveSession,
    key: StoreKey,
    level: int,
    read: Callable[[PixelsStore], Result],
    deadline: Deadline,
) -> Result:
    store = live.stores.acquire(key, level, deadline)
    try:
        if not store.has_level(level):
            # Levels can be added after a store was opened; a fresh one knows them.
            raise ServiceLost(f"the pixels store does not have resolution level {level}")
        result = read(store)
    except BaseException:
        # Also a call out of time, or a killed greenlet: the store may still be at work.
        live.stores.discard(store)
        raise
    live.stores.release(store)
    return result


def _read_pieces(
    live: LiveSession,
    store: PixelsStore,
    level: int,
    pieces: Sequence[Piece],
    deadline: Deadline,
) -> list[bytes]:
    if len(pieces) == 1:
        _stand_at([store], level, deadline)
        return [store.start_tile(*pieces[0]).result(deadline)]
    wanted = min(len(pieces), live.limits.parallel_reads)
    others = live.stores.acquire_idle(store.key, level, wanted - 1)
    if len(others) < wanted - 1:
        live.stores.grow(store.key, wanted)
    try:
        answers = _read_side_by_side([store, *others], level, pieces, deadline)
    except BaseException:
        for other in others:
            live.stores.discard(other)
        raise
    for other in others:
        live.stores.release(other)
    return answers


def _read_side_by_side(
    stores: Sequence[PixelsStore], level: int, pieces: Sequence[Piece], deadline: Deadline
) -> list[bytes]:
    """Read each piece with one of the stores in turn, each store one piece at a time."""
    _stand_at(stores, level, deadline)
    count = len(stores)
    under_way: list[Pending] = []
    answers = []
    try:
        under_way = [stores[i].start_tile(*pieces[i]) for i in range(min(count, len(pieces)))]
        for i in range(len(pieces)):
            answers.append(under_way[i % count].result(deadline))
            if i + count < len(pieces):
                under_way[i % count] = stores[i % count].start_tile(*pieces[i + count])
    except BaseException:
        for pending in under_way:
            pending.cancel()
        raise
    return answers


def _stand_at(stores: Sequence[PixelsStore], level: int, deadline: Deadline) -> None:
    changes = [change for store in stores if (change := store.start_level(level)) is not None]
    for change in changes:
        change.result(deadline)


def _array_of(answer: bytes, dtype: np.dtype, region: Region) -> np.ndarray:
    if len(answer) != region.width * region.height * dtype.itemsize:
        raise SourceFailed(
            f"OMERO.server sent {len(answer)} bytes for {region.width} x {region.height} pixels "
            f"of {dtype.itemsize} bytes"
        )
    return np.frombuffer(answer, dtype).reshape(region.height, region.width)


def _put_together(
    arrays: Sequence[np.ndarray], parts: Sequence[Region], region: Region, dtype: np.dtype
) -> np.ndarray:
    whole = np.empty((region.height, region.width), dtype)
    for array, part in zip(arrays, parts, strict=True):
        top, left = part.y - region.y, part.x - region.x
        whole[top : top + part.height, left : left + part.width] = array
    return whole
