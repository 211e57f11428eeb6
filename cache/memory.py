"""Objects in this process's memory, bounded by the bytes they stand for."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cache.figures import CacheFigures
from cache.native import native_lock

Value = TypeVar("Value")


@dataclass(frozen=True)
class MemoryStats:
    """How full a memory cache is and how it has served since the process started."""

    entries: int
    size_bytes: int
    max_bytes: int
    hits: int
    misses: int
    evictions: int

    def figures(self, cache: str) -> CacheFigures:
        """Give them as those of the memory tier of a cache."""
        return CacheFigures(
            cache=cache,
            tier="memory",
            entries=self.entries,
            size_bytes=self.size_bytes,
            max_bytes=self.max_bytes,
            hits=self.hits,
            misses=self.misses,
            evictions=self.evictions,
        )


class MemoryCache(Generic[Value]):
    """A least-recently-used cache of objects with a size, safe for threads and greenlets.

    Objects are handed out as they were put in, so they should be immutable (arrays read-only).
    With `max_bytes` 0 it keeps nothing.
    """

    def __init__(self, max_bytes: int, max_entries: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._size_bytes = 0
        self._hits = self._misses = self._evictions = 0
        self._lock = native_lock()

    def get(self, key: Hashable) -> Value | None:
        """Give the object and make it the most recently used, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def peek(self, key: Hashable) -> Value | None:
        """Give the object, or None; counts as no use."""
        with self._lock:
            entry = self._entries.get(key)
            return None if entry is None else entry[0]

    def set(self, key: Hashable, value: Value, size_bytes: int) -> bool:
        """Keep `value`; tell whether it was kept, which it is not when larger than the bound."""
        if size_bytes < 0:
            raise ValueError(f"size_bytes must not be negative, it is {size_bytes}")
        with self._lock:
            self._drop(key)
            if size_bytes > self._max_bytes or self._max_bytes == 0 or self._max_entries == 0:
                return False
            self._entries[key] = (value, size_bytes)
            self._size_bytes += size_bytes
            while self._is_over():
                _, (_, freed) = self._entries.popitem(last=False)
                self._size_bytes -= freed
                self._evictions += 1
            return True

    def delete(self, key: Hashable) -> bool:
        """Forget one object; tell whether it was there."""
        with self._lock:
            return self._drop(key)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()
            self._size_bytes = 0

    def stats(self) -> MemoryStats:
        """Give the figures of this moment."""
        with self._lock:
            return MemoryStats(
                entries=len(self._entries),
                size_bytes=self._size_bytes,
                max_bytes=self._max_bytes,
                hits=self._hits,
                misses=self._misses,
                evictions=self._evictions,
            )

    def _is_over(self) -> bool:
        if self._size_bytes > self._max_bytes:
            return True
        return self._max_entries is not None and len(self._entries) > self._max_entries

    def _drop(self, key: Hashable) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._size_bytes -= entry[1]
        return True
