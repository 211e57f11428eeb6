"""What one process remembers: two small bounded least-recently-used memories."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np

Value = TypeVar("Value")


class RecentMemory(Generic[Value]):
    """Remembers at most `max_entries` values, each for `max_age_s` seconds at most.

    Safe to use from many threads or greenlets.
    """

    def __init__(self, max_entries: int, max_age_s: float = float("inf")) -> None:
        self._max_entries = max_entries
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
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
        """Remember a value; the one that was not asked for the longest time may go for it."""
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


class ArrayMemory:
    """Remembers arrays of at most `max_bytes` together; an array above a quarter of it is not kept.

    Arrays that come out must not be written to. Safe to use from many threads or greenlets.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Give the bytes of all arrays in memory."""
        return self._bytes

    def get(self, key: Hashable) -> np.ndarray | None:
        """Give the array, or None."""
        with self._lock:
            array = self._arrays.get(key)
            if array is not None:
                self._arrays.move_to_end(key)
            return array

    def set(self, key: Hashable, array: np.ndarray) -> None:
        """Remember an array, dropping those that were not asked for the longest time."""
        if array.nbytes > self._max_bytes // 4:
            return
        # A view would keep all of its base alive, uncounted.
        if array.base is not None and getattr(array.base, "nbytes", len(array.base)) > array.nbytes:
            array = array.copy()
        with self._lock:
            before = self._arrays.pop(key, None)
            self._bytes += array.nbytes - (0 if before is None else before.nbytes)
            self._arrays[key] = array
            while self._bytes > self._max_bytes:
                _, dropped = self._arrays.popitem(last=False)
                self._bytes -= dropped.nbytes
