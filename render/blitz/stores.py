"""Pooled RawPixelsStores: expensive to open, stateful, one call at a time each.

A store is lent to one reader at a time. It knows the resolution level it stands at, so that
changing it costs a round trip only when needed.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from render.blitz.ami import Pending, call, start
from render.blitz.endpoint import Limits
from render.blitz.errors import ConnectionLost
from render.deadline import Deadline
from render.errors import ServiceError, SourceFailed
from render.values import PlaneIndex, Region
from render.waiting import spawn

log = logging.getLogger(__name__)

#: How long a store may take to close before it is taken for closed.
_CLOSE_TIMEOUT_S = 10.0

#: How long a store that nobody waits for may take to open.
_OPEN_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class StoreKey:
    """What a store is opened for: one version of a pixels set, in the group that owns it.

    A store goes on reading what it once opened; when the pixels change, new ones are needed.
    """

    pixels_id: int
    group_id: int
    version: str


@dataclass(frozen=True)
class Geometry:
    """Size (width, height) of each resolution level, level 0 = full size, and the tile size."""

    levels: tuple[tuple[int, int], ...]
    tile_width: int
    tile_height: int


class PixelsStore:
    """One open RawPixelsStore. Not to be used by two readers at once."""

    def __init__(self, proxy: Any, key: StoreKey) -> None:
        self.key = key
        self.level = 0
        self.last_used_s = time.monotonic()
        self._proxy = proxy
        self._get_tile = proxy.getTileAsync
        self._levels: tuple[tuple[int, int], ...] = ()
        self._tile_size: tuple[int, int] | None = None

    def open(self, deadline: Deadline) -> None:
        """Point the store at its pixels and learn their resolution levels."""
        call(deadline, "open pixels", self._proxy.setPixelsIdAsync, self.key.pixels_id, False)
        described = call(
            deadline, "ask for resolution levels", self._proxy.getResolutionDescriptionsAsync
        )
        # Descriptions begin with full size, as our levels do.
        self._levels = tuple((level.sizeX, level.sizeY) for level in described)
        if not self._levels:
            raise SourceFailed("OMERO.server describes no resolution level of the pixels")

    def geometry(self, deadline: Deadline) -> Geometry:
        """Give the levels and the tile size; the latter is asked for once."""
        if self._tile_size is None:
            width, height = call(deadline, "ask for the tile size", self._proxy.getTileSizeAsync)
            self._tile_size = (width, height)
        return Geometry(self._levels, *self._tile_size)

    def has_level(self, level: int) -> bool:
        """Tell whether the store knows that resolution level."""
        return level < len(self._levels)

    def start_level(self, level: int) -> Pending | None:
        """Send the change to a level, None if the store stands there; await it before reading."""
        if level == self.level:
            return None
        # The server counts the other way round: its highest level is full size.
        sent = start(
            "set the resolution level",
            self._proxy.setResolutionLevelAsync,
            len(self._levels) - 1 - level,
        )
        self.level = level
        return sent

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

    def start_closing(self) -> Pending | None:
        """Send the closing of the service on the server; None if it cannot even be sent."""
        try:
            return start("close a pixels store", self._proxy.closeAsync)
        except ServiceError as error:
            log.debug("a pixels store cannot be closed: %s", error)
            return None

    def await_closed(self, closing: Pending | None, deadline: Deadline) -> None:
        """Wait for the closing. Never raises: what does not close is gone already."""
        try:
            if closing is not None:
                closing.result(deadline)
        except ServiceError as error:
            log.debug("closing a pixels store ended with: %s", error)


class StorePool:
    """The stores of one session: bounded in number, closed when idle.

    A store counts until its close was answered, so the server never holds more than the bound.
    """

    def __init__(self, create: Callable[[int, Deadline], Any], limits: Limits) -> None:
        self._create = create
        self._limits = limits
        self._changed = threading.Condition()
        self._idle: dict[StoreKey, list[PixelsStore]] = {}
        self._counts: dict[StoreKey, int] = {}
        self._size = 0
        self._closed = False

    @property
    def size(self) -> int:
        """Number of stores open now, those being opened or closed included."""
        return self._size

    def acquire(self, key: StoreKey, level: int, deadline: Deadline) -> PixelsStore:
        """Lend a store: an idle one, best at that level, else a new one, else wait for one.

        Give it back with `release`, or with `discard` after any failure.
        """
        with self._changed:
            while True:
                if self._closed:
                    raise ConnectionLost("the session on OMERO.server was closed")
                store = self._take_idle(key, level)
                if store is not None:
                    return store
                if self._counts.get(key, 0) < self._limits.stores_per_pixels:
                    if self._size < self._limits.stores_per_session:
                        self._count(key, +1)
                        break
                    victim = self._take_oldest_idle()
                    if victim is not None:
                        self._dispose(victim)
                self._changed.wait(deadline.remaining_s("wait for a pixels store"))
        return self._open(key, deadline)

    def acquire_idle(self, key: StoreKey, level: int, most: int) -> list[PixelsStore]:
        """Lend up to `most` stores that are idle right now and know that level."""
        with self._changed:
            fit = [store for store in self._idle.get(key, ()) if store.has_level(level)]
            for store in fit[:most]:
                self._remove_idle(key, store)
            return fit[:most]

    def grow(self, key: StoreKey, wanted: int) -> None:
        """Open one more store in the background if a pixels set has fewer than `wanted`.

        Who reads several planes at once gains by it next time, and waits for nothing now. No
        other store is closed for it.
        """
        with self._changed:
            if (
                self._closed
                or self._counts.get(key, 0) >= min(wanted, self._limits.stores_per_pixels)
                or self._size >= self._limits.stores_per_session
            ):
                return
            self._count(key, +1)

        def open_store() -> None:
            try:
                self.release(self._open(key, Deadline.after(_OPEN_TIMEOUT_S)))
            except ServiceError as error:
                log.debug("opening one more pixels store ended with: %s", error)

        spawn(open_store)

    def release(self, store: PixelsStore) -> None:
        """Take a store back that is fit for the next reader."""
        store.last_used_s = time.monotonic()
        with self._changed:
            if not self._closed:
                self._idle.setdefault(store.key, []).append(store)
                self._changed.notify_all()
                return
        self.discard(store)

    def discard(self, store: PixelsStore) -> None:
        """Take a store back that must not be used again; it is closed in the background."""
        with self._changed:
            self._dispose(store)

    def discard_idle(self, key: StoreKey) -> None:
        """Close all idle stores of a pixels set, which proved stale."""
        with self._changed:
            for store in self._idle.pop(key, []):
                self._dispose(store)

    def expire(self, now_s: float) -> None:
        """Close the stores that nobody has used for their idle time."""
        with self._changed:
            for key, stores in list(self._idle.items()):
                for store in stores[:]:
                    if now_s - store.last_used_s > self._limits.store_idle_s:
                        self._remove_idle(key, store)
                        self._dispose(store)

    def close(self, deadline: Deadline) -> None:
        """Close all idle stores now, and those on loan when they come back."""
        with self._changed:
            self._closed = True
            stores = [store for idle in self._idle.values() for store in idle]
            self._idle.clear()
            self._changed.notify_all()
        closing = [store.start_closing() for store in stores]
        for store, pending in zip(stores, closing, strict=True):
            store.await_closed(pending, deadline)
            with self._changed:
                self._count(store.key, -1)

    def _open(self, key: StoreKey, deadline: Deadline) -> PixelsStore:
        store = None
        try:
            store = PixelsStore(self._create(key.group_id, deadline), key)
            store.open(deadline)
            return store
        except BaseException:
            if store is not None:
                self.discard(store)
            else:
                with self._changed:
                    self._count(key, -1)
            raise

    def _dispose(self, store: PixelsStore) -> None:
        def close() -> None:
            store.await_closed(store.start_closing(), Deadline.after(_CLOSE_TIMEOUT_S))
            with self._changed:
                self._count(store.key, -1)

        spawn(close)

    def _count(self, key: StoreKey, change: int) -> None:
        self._size += change
        count = self._counts.get(key, 0) + change
        if count:
            self._counts[key] = count
        else:
            self._counts.pop(key, None)
        if change < 0:
            self._changed.notify_all()

    def _take_idle(self, key: StoreKey, level: int) -> PixelsStore | None:
        stores = self._idle.get(key)
        if not stores:
            return None
        store = next((s for s in reversed(stores) if s.level == level), stores[-1])
        self._remove_idle(key, store)
        return store

    def _take_oldest_idle(self) -> PixelsStore | None:
        oldest = min(
            (stores[0] for stores in self._idle.values()),
            key=lambda store: store.last_used_s,
            default=None,
        )
        if oldest is not None:
            self._remove_idle(oldest.key, oldest)
        return oldest

    def _remove_idle(self, key: StoreKey, store: PixelsStore) -> None:
        stores = self._idle[key]
        stores.remove(store)
        if not stores:
            del self._idle[key]
