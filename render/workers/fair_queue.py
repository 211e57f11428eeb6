"""A queue for native threads in which viewers take turns."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from render.workers.native import make_lock, make_queue

Item = TypeVar("Item")
Urgent = TypeVar("Urgent")


class FairQueue(Generic[Item, Urgent]):
    """First come, first served for each viewer; viewers that wait are served in turn.

    Any thread or greenlet may call `put`, `remove`, `make_room` and `end`; only native threads
    `get`, which blocks.
    """

    def __init__(self) -> None:
        # Held for a few instructions at a time.
        self._lock = make_lock()
        self._lanes: dict[Hashable, deque[Item]] = {}
        self._first: deque[Urgent] = deque()
        # One sign for each item that was put; more than items once some were taken out.
        self._signs = make_queue()

    def put(self, item: Item, viewer: Hashable) -> None:
        """Add an item at the end of its viewer's lane."""
        with self._lock:
            self._lanes.setdefault(viewer, deque()).append(item)
        self._signs.put(True)

    def put_first(self, item: Urgent) -> None:
        """Add an item that goes before those of all viewers."""
        with self._lock:
            self._first.append(item)
        self._signs.put(True)

    def get(self) -> Item | Urgent | None:
        """Wait for the next item; None once the queue was ended for this thread."""
        while self._signs.get():
            with self._lock:
                if self._first:
                    return self._first.popleft()
                if self._lanes:
                    return self._next()
        return None

    def remove(self, item: Item, viewer: Hashable) -> bool:
        """Take an item out; tell whether it was still there."""
        with self._lock:
            lane = self._lanes.get(viewer)
            if lane is None or item not in lane:
                return False
            lane.remove(item)
            if not lane:
                del self._lanes[viewer]
            return True

    def make_room(self, viewer: Hashable) -> Item | None:
        """Take out the newest item of the longest lane, where that makes things fairer.

        None when no other viewer has at least two items more waiting than this one.
        """
        with self._lock:
            longest = max(self._lanes, key=lambda other: len(self._lanes[other]), default=None)
            if longest is None:
                return None
            own = len(self._lanes.get(viewer, ()))
            if len(self._lanes[longest]) < own + 2:
                return None
            return self._lanes[longest].pop()

    def end(self) -> None:
        """Let one thread's `get` give None, after what was put before."""
        self._signs.put(False)

    def _next(self) -> Item:
        viewer, lane = next(iter(self._lanes.items()))
        item = lane.popleft()
        # Whoever was served goes behind all others.
        del self._lanes[viewer]
        if lane:
            self._lanes[viewer] = lane
        return item
