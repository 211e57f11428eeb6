"""What one process remembers for a while, bounded in number and age."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from cache.native import native_lock

Value = TypeVar("Value")


class RecentMemory(Generic[Value]):
    """Remembers at most `max_entries` values, each for `max_age_s` seconds at most.

    Which one goes when it is full: the one that was not asked for the longest time. Safe to use
    from many threads or greenlets.
    """

    def __init__(self, max_entries: int, max_age_s: float = float("inf")) -> None:
        self._max_entries = max_entries
        self._max_age_s = max_age_s
        self._lock = native_lock()
        self._entries: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """Give the value, or None when it was never told, is too old or was dropped."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry[0] <= time.monotonic():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def set(self, key: Hashable, value: Value) -> None:
        """Remember a value."""
        if self._max_age_s <= 0:
            return
        with self._lock:
            self._entries[key] = (time.monotonic() + self._max_age_s, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Drop the value."""
        with self._lock:
            self._entries.pop(key, None)
