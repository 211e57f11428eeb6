"""Reads regions of planes through pooled pixels stores.

Several planes, and the pieces of a region too large for one message, are spread over the
stores that are free; each store has one call under way at any time.
"""

from collections.abc import Callable, Sequence

import numpy as np

from render.blitz.ami import Pending
from render.blitz.pixels_store import Geometry, PixelsStore
from render.blitz.pyramid_service import StoreKey
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import SourceFailed
from render.values import DTYPES, ImageInfo, PlaneIndex, Region

#: One call: a region of a plane.
Piece = tuple[PlaneIndex, Region]

_NOTHING = np.empty((0, 0))


def read_geometry(live: LiveSession, key: StoreKey, deadline: Deadline) -> Geometry:
    """Ask a store for the resolution levels and the tile size of its pixels."""
    return live.stores.use(key, 0, lambda store: store.geometry(deadline), deadline)


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

    def read(store: PixelsStore) -> list[np.ndarray]:
        arrays: list[np.ndarray] = [_NOTHING] * len(planes)
        if len(parts) > 1:
            arrays = [np.empty((region.height, region.width), dtype) for _ in planes]

        def keep(number: int, answer: bytes) -> None:
            plane, part = divmod(number, len(parts))
            array = _array_of(answer, dtype, parts[part])
            if len(parts) == 1:
                arrays[plane] = array
            else:
                top, left = parts[part].y - region.y, parts[part].x - region.x
                arrays[plane][top : top + array.shape[0], left : left + array.shape[1]] = array

        _read_pieces(live, store, level, pieces, keep, deadline)
        return arrays

    return live.stores.use(key, level, read, deadline)


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


def _read_pieces(
    live: LiveSession,
    store: PixelsStore,
    level: int,
    pieces: Sequence[Piece],
    keep: Callable[[int, bytes], None],
    deadline: Deadline,
) -> None:
    """Read pieces, handing each on as it comes, so that those of a large region do not add up."""
    if len(pieces) == 1:
        _stand_at([store], level, deadline)
        keep(0, store.start_tile(*pieces[0]).result(deadline))
        return
    wanted = min(len(pieces), live.limits.parallel_reads)
    others = live.stores.acquire_idle(store.key, level, wanted - 1)
    if len(others) < wanted - 1:
        live.stores.grow(store.key, wanted)
    try:
        _read_side_by_side([store, *others], level, pieces, keep, deadline)
    except BaseException:
        for other in others:
            live.stores.discard(other)
        raise
    for other in others:
        live.stores.release(other)


def _read_side_by_side(
    stores: Sequence[PixelsStore],
    level: int,
    pieces: Sequence[Piece],
    keep: Callable[[int, bytes], None],
    deadline: Deadline,
) -> None:
    """Read each piece with one of the stores in turn, each store one piece at a time."""
    _stand_at(stores, level, deadline)
    count = len(stores)
    under_way: list[Pending] = []
    try:
        under_way = [stores[i].start_tile(*pieces[i]) for i in range(min(count, len(pieces)))]
        for i in range(len(pieces)):
            answer = under_way[i % count].result(deadline)
            if i + count < len(pieces):
                under_way[i % count] = stores[i % count].start_tile(*pieces[i + count])
            keep(i, answer)
    except BaseException:
        for pending in under_way:
            pending.cancel()
        raise


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
