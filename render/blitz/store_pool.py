"""The pixels stores of one session: lent to one reader at a time, bounded, closed when idle.

A store counts until its close was answered, so the server never holds more than the bound. Who
finds none free queues, and is served in the order of asking. Stores are opened in the background,
so that one is neither lost nor leaked when the reader it was opened for runs out of time.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, TypeVar

from render.blitz.endpoint import Limits
from render.blitz.errors import ConnectionLost, ServiceLost, again
from render.blitz.pyramid_service import PyramidService, StoreKey
from render.deadline import Deadline
from render.errors import ServiceError, SourceFailed
from render.waiting import Handoff, spawn

log = logging.getLogger(__name__)

Store = TypeVar("Store", bound=PyramidService)
Result = TypeVar("Result")

#: How long a store may take to close before it is taken for closed.
_CLOSE_TIMEOUT_S = 10.0
#: How long leaving a session waits for stores that others still open, use or close.
_SETTLE_S = 1.0

#: How long a store may take to open, whether or not its reader still waits.
_OPEN_TIMEOUT_S = 30.0


class _Waiter:
    """Somebody in the queue, who gets a store or an error."""

    def __init__(self, key: StoreKey, level: int) -> None:
        self.key = key
        self.level = level
        self.handoff = Handoff()
        self.failed = False


class StorePool(Generic[Store]):
    """Lends stores that are made, and not yet opened, by `create(key, deadline)`."""

    def __init__(self, create: Callable[[StoreKey, Deadline], Store], limits: Limits) -> None:
        self._create = create
        self._limits = limits
        self._lock = threading.Lock()
        self._queue: deque[_Waiter] = deque()
        self._idle: dict[StoreKey, list[Store]] = {}
        self._counts: dict[StoreKey, int] = {}
        self._size = 0
        self._opening: Counter[StoreKey] = Counter()
        self._closing = 0
        self._closed = False

    @property
    def size(self) -> int:
        """Number of stores open now, those being opened or closed included."""
        return self._size

    def use(
        self, key: StoreKey, level: int, work: Callable[[Store], Result], deadline: Deadline
    ) -> Result:
        """Do `work` with a store; when the store proves gone, once more with a fresh one."""
        try:
            return self._use_once(key, level, work, deadline)
        except ServiceLost:
            # The others that lie idle were open at the same time and will be gone as well.
            self.discard_idle(key)
        return self._use_once(key, level, work, deadline)

    def acquire(self, key: StoreKey, level: int, deadline: Deadline) -> Store:
        """Lend a store: an idle one, best at that level, else a new one, else wait for one.

        Give it back with `release`, or with `discard` after any failure.
        """
        with self._lock:
            if self._closed:
                raise _closed()
            if not any(waiter.key == key for waiter in self._queue):
                store = self._take_idle(key, level)
                if store is not None:
                    return store
            waiter = _Waiter(key, level)
            self._queue.append(waiter)
            self._serve()
        return self._wait(waiter, deadline)

    def acquire_idle(self, key: StoreKey, level: int, most: int) -> list[Store]:
        """Lend up to `most` stores that are idle right now and know that level."""
        with self._lock:
            fit = [store for store in self._idle.get(key, ()) if store.has_level(level)][:most]
            for store in fit:
                self._remove_idle(store)
            return fit

    def grow(self, key: StoreKey, wanted: int) -> None:
        """Open one more store in the background if a pixels set has fewer than `wanted`.

        Who reads several planes at once gains by it next time, and waits for nothing now. No
        other store is closed for it.
        """
        with self._lock:
            if not (self._closed or self._queue or self._counts.get(key, 0) >= wanted):
                self._try_to_open(key)

    def release(self, store: Store) -> None:
        """Take a store back that is fit for the next reader."""
        store.last_used_s = time.monotonic()
        with self._lock:
            if not self._closed:
                self._idle.setdefault(store.key, []).append(store)
                self._serve()
                return
        self.discard(store)

    def discard(self, store: Store) -> None:
        """Take a store back that must not be used again; it is closed in the background."""
        with self._lock:
            self._dispose(store)

    def discard_idle(self, key: StoreKey) -> None:
        """Close all idle stores of a pixels set, which proved stale."""
        with self._lock:
            for store in self._idle.pop(key, []):
                self._dispose(store)

    def expire(self, now_s: float) -> None:
        """Close the stores that nobody has used for their idle time."""
        oldest_s = now_s - self._limits.store_idle_s
        with self._lock:
            every = [store for stores in self._idle.values() for store in stores]
            for store in every:
                if store.last_used_s < oldest_s:
                    self._remove_idle(store)
                    self._dispose(store)

    def close(self, deadline: Deadline) -> None:
        """Close all idle stores now, and those on loan when they come back."""
        with self._lock:
            self._closed = True
            stores = [store for idle in self._idle.values() for store in idle]
            self._idle.clear()
            self._fail(_closed())
        closing = [store.start_closing() for store in stores]
        for store, pending in zip(stores, closing, strict=True):
            store.await_closed(pending, deadline)
            with self._lock:
                self._forget(store.key)
        # Those that are being opened or closed at this moment go before the session is left.
        until_s = min(deadline.at_s, time.monotonic() + _SETTLE_S)
        while self._size and time.monotonic() < until_s:
            time.sleep(0.005)

    def _use_once(
        self, key: StoreKey, level: int, work: Callable[[Store], Result], deadline: Deadline
    ) -> Result:
        store = self._acquire_with_level(key, level, deadline)
        try:
            result = work(store)
        except BaseException:
            # Also a call out of time, or a killed greenlet: the store may still be at work.
            self.discard(store)
            raise
        self.release(store)
        return result

    def _acquire_with_level(self, key: StoreKey, level: int, deadline: Deadline) -> Store:
        """Lend a store that knows a level; raise SourceFailed when not even a fresh one does.

        Levels can be added after a store was opened.
        """
        asked_s = time.monotonic()
        while True:
            store = self.acquire(key, level, deadline)
            if store.has_level(level):
                return store
            self.discard(store)
            if store.opened_s >= asked_s:
                raise SourceFailed(f"OMERO.server has no resolution level {level} of the pixels")
            self.discard_idle(key)

    # What follows is called with the lock held, unless it says otherwise.

    def _may_open(self, key: StoreKey) -> bool:
        """Take a place for one more store, if the bounds leave one."""
        count = self._counts.get(key, 0)
        if count >= self._limits.stores_per_pixels or self._size >= self._limits.stores_per_session:
            return False
        self._counts[key] = count + 1
        self._size += 1
        return True

    def _forget(self, key: StoreKey) -> None:
        """Give the place of a store free that is closed, or was never opened."""
        self._size -= 1
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
        self._serve()

    def _serve(self) -> None:
        """Give what is free to those who wait, in their order.

        Who waits for another image's store does not hold up those behind.
        """
        if not self._queue:
            return
        for waiter in list(self._queue):
            store = self._take_idle(waiter.key, waiter.level)
            if store is not None:
                self._queue.remove(waiter)
                waiter.handoff.fill(store)
        waiting = Counter(waiter.key for waiter in self._queue)
        for key, count in waiting.items():
            while self._opening[key] < count and self._try_to_open(key):
                pass
        self._make_room(waiting)

    def _make_room(self, waiting: Counter[StoreKey]) -> None:
        """Close idle stores of other images, the oldest first, for those who may open one."""
        most = self._limits.stores_per_pixels
        wanted = sum(
            min(count - self._opening[key], most - self._counts.get(key, 0))
            for key, count in waiting.items()
        )
        idle = [store for stores in self._idle.values() for store in stores]
        idle.sort(key=lambda store: store.last_used_s)
        for store in idle[: max(0, wanted - self._closing)]:
            self._remove_idle(store)
            self._dispose(store)

    def _wait(self, waiter: _Waiter, deadline: Deadline) -> Store:
        """Wait in the queue, without the lock."""
        step = "wait for a pixels store"
        try:
            return waiter.handoff.wait_in_queue(deadline, step)
        except BaseException:
            self._leave(waiter)
            raise

    def _leave(self, waiter: _Waiter) -> None:
        """Take somebody out of the queue, without the lock, and pass on what they just got."""
        with self._lock:
            if waiter in self._queue:
                self._queue.remove(waiter)
                return
            if waiter.failed:
                return
        self.release(waiter.handoff.result())

    def _try_to_open(self, key: StoreKey) -> bool:
        """Open a store in the background if the bounds leave a place for it."""
        if not self._may_open(key):
            return False
        self._opening[key] += 1

        def open_store() -> None:
            error: ServiceError
            try:
                store = self._open(key, Deadline.after(_OPEN_TIMEOUT_S))
            except ServiceError as raised:
                error = raised
            except Exception as raised:
                error = SourceFailed(f"a fault of ours at opening pixels ({type(raised).__name__})")
                error.__cause__ = raised
            else:
                with self._lock:
                    self._opening[key] -= 1
                self.release(store)
                return
            with self._lock:
                self._opening[key] -= 1
                self._fail(error, key)
                self._serve()

        spawn(open_store)
        return True

    def _fail(self, error: ServiceError, key: StoreKey | None = None) -> None:
        """Give an error to those who wait, for one pixels set or for any."""
        for waiter in list(self._queue):
            if key is None or waiter.key == key:
                self._queue.remove(waiter)
                waiter.failed = True
                waiter.handoff.fill(error=again(error))

    def _open(self, key: StoreKey, deadline: Deadline) -> Store:
        """Open a store whose place is taken already; without the lock."""
        store = None
        try:
            store = self._create(key, deadline)
            store.open(deadline)
            return store
        except BaseException:
            with self._lock:
                if store is not None:
                    self._dispose(store)
                else:
                    self._forget(key)
            raise

    def _dispose(self, store: Store) -> None:
        """Close a store in the background; its place is free when that is done."""
        self._closing += 1

        def close() -> None:
            store.await_closed(store.start_closing(), Deadline.after(_CLOSE_TIMEOUT_S))
            with self._lock:
                self._closing -= 1
                self._forget(store.key)

        spawn(close)

    def _take_idle(self, key: StoreKey, level: int) -> Store | None:
        stores = self._idle.get(key)
        if not stores:
            return None
        # The one used last is the one whose reader on the server is warmest.
        store = next((s for s in reversed(stores) if s.level == level), stores[-1])
        self._remove_idle(store)
        return store

    def _remove_idle(self, store: Store) -> None:
        stores = self._idle[store.key]
        stores.remove(store)
        if not stores:
            del self._idle[store.key]


def _closed() -> ConnectionLost:
    return ConnectionLost("the session on OMERO.server was closed")
