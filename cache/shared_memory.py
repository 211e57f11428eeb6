"""Bytes by key in memory that a process shares with those it forks, bounded, cleaned by the kernel.

The memory belongs to no file system: it is gone when the last of the processes is, however that
one ends. Values follow each other in a ring; a table says where each one begins. All is done under
a lock of the kernel's that a process loses when it dies. A value counts once it is whole and its
row is written, so one that was being written is never seen. The two words on which that hangs, how
far the ring is used and how long a value is, are each written by a single store: `struct` clears
them first, and a process killed in between would leave that for the others.

Measured on the development machine for 512 KiB: writing 0.05 to 0.07 ms and reading 0.05 ms,
against 0.3 and 0.1 ms as files in a tmpfs with an index in SQLite, and 1.3 ms of all processes
together to ask an image server on the same host.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cache.native import native_lock, pause

#: How often to look whether another process has done with the memory, and for how long a time
#: each; they are quicker than that by far, unless stopped. Whoever finds it taken goes without.
TRIES = 20
PAUSE_S = 0.0002

#: What is copied at most before others get the memory, and one value more.
AT_A_TIME_BYTES = 4 * 1024**2

#: Digest, start and length. A length of 0 means that there is no value.
_ROW = struct.Struct("=16sQQ")
_LENGTH_AT = 24
_ROWS_TOGETHER = 8
_TOGETHER_BYTES = _ROWS_TOGETHER * _ROW.size
_TABLE_AT = mmap.PAGESIZE
#: Values are taken to have this size at least, when the table is laid out.
_SMALL_VALUE_BYTES = 16 * 1024
_ALIGNED = 64

Part = bytes | memoryview


class SharedMemoryStats(NamedTuple):
    """How full the memory is, for all processes, and how it has served this one."""

    entries: int
    size_bytes: int
    max_bytes: int
    hits: int
    misses: int
    stored: int
    refused: int


class SharedMemory:
    """A cache of bytes for a process and its children; make it before they are forked.

    What is not asked for goes first: a value that is read while it is in the older half of the
    ring becomes the newest. Safe for threads and greenlets; no call waits longer than a few
    milliseconds.
    """

    def __init__(self, max_bytes: int) -> None:
        self._capacity = max_bytes
        groups = max(1, max_bytes // (_SMALL_VALUE_BYTES * _ROWS_TOGETHER))
        self._groups = 1 << (groups - 1).bit_length()
        self._data_at = _TABLE_AT + self._groups * _TOGETHER_BYTES
        self._file = os.memfd_create("blitzrender", os.MFD_CLOEXEC)
        # Also when nobody closes it: the memory is there as long as the file is open anywhere.
        self._close_file = weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, self._data_at + max_bytes)
        self._memory = mmap.mmap(self._file, self._data_at + max_bytes)
        self._words = memoryview(self._memory)[: self._data_at].cast("Q")
        self._lock = native_lock()
        self._hits = self._misses = self._stored = self._refused = 0

    def get(self, key: str) -> bytes | None:
        """Give the value, or None."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give the value of each key, or None; several cost little more than one."""
        values: list[bytes | None] = []
        digests = [_digest(key) for key in keys]
        while len(values) < len(digests):
            with self._locked() as is_ours:
                copied = 0
                while len(values) < len(digests) and copied < AT_A_TIME_BYTES:
                    value = self._find(digests[len(values)]) if is_ours else None
                    values.append(value)
                    copied += len(value or b"")
        found = sum(value is not None for value in values)
        self._hits += found
        self._misses += len(values) - found
        return values

    def has(self, key: str) -> bool:
        """Tell whether there is a value; counts as no use. False while others hold the memory."""
        with self._locked() as is_ours:
            at = self._row_of(_digest(key)) if is_ours else None
            if at is None:
                return False
            _, start, length = _ROW.unpack_from(self._memory, at)
            return length > 0 and self._is_there(start, self._head())

    def set(self, key: str, *parts: Part) -> bool:
        """Keep the parts as one value; tell whether it is kept, which a huge one is not."""
        return self.set_many([(key, parts)]) == 1

    def set_many(self, values: Sequence[tuple[str, Sequence[Part]]]) -> int:
        """Keep the parts of each as one value; give how many are kept, as by `set`."""
        left = deque((_digest(key), parts, sum(map(len, parts))) for key, parts in values)
        kept = 0
        while left:
            with self._locked() as is_ours:
                copied = 0
                while left and copied < AT_A_TIME_BYTES:
                    digest, parts, length = left.popleft()
                    if is_ours and 0 < length <= self._capacity // 8:
                        self._put(digest, parts, length)
                        kept += 1
                        copied += length
        self._stored += kept
        self._refused += len(values) - kept
        return kept

    def clear(self) -> None:
        """Forget all."""
        with self._locked() as is_ours:
            if is_ours:
                self._memory[_TABLE_AT : self._data_at] = bytes(self._data_at - _TABLE_AT)

    def stats(self) -> SharedMemoryStats:
        """Give the figures of this moment."""
        head, table = self._head(), self._memory[_TABLE_AT : self._data_at]
        lengths = [
            length
            for _, start, length in _ROW.iter_unpack(table)
            if length and self._is_there(start, head)
        ]
        return SharedMemoryStats(
            len(lengths),
            sum(lengths),
            self._capacity,
            self._hits,
            self._misses,
            self._stored,
            self._refused,
        )

    def close(self) -> None:
        """Give this process's view of the memory up."""
        self._words.release()
        self._memory.close()
        self._close_file()

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Hold the memory for a moment; gives False when it could not be had. Nothing may yield."""
        held = self._try()
        for _ in range(TRIES):
            if held:
                break
            pause(PAUSE_S)
            held = self._try()
        try:
            yield held
        finally:
            if held:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
                self._lock.release()

    def _try(self) -> bool:
        # The kernel's lock is the process's; between the threads of one another one is needed.
        if not self._lock.acquire(False):
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.release()
            return False
        return True

    def _find(self, digest: bytes) -> bytes | None:
        at = self._row_of(digest)
        if at is None:
            return None
        _, start, length = _ROW.unpack_from(self._memory, at)
        head = self._head()
        if not length or not self._is_there(start, head):
            return None
        first = self._data_at + start % self._capacity
        value = self._memory[first : first + length]
        if head - start > self._capacity // 2:
            self._put(digest, (value,), length)
        return value

    def _put(self, digest: bytes, parts: Sequence[Part], length: int) -> None:
        at = self._row_of(digest)
        if at is None:
            at = self._row_to_give_up(digest)
        # Until the new value is whole there is none.
        self._words[(at + _LENGTH_AT) // 8] = 0
        start = self._head()
        left = self._capacity - start % self._capacity
        if length > left:
            start += left
        end = start + -(-length // _ALIGNED) * _ALIGNED
        self._words[0] = end
        first = self._data_at + start % self._capacity
        for part in parts:
            self._memory[first : first + len(part)] = part
            first += len(part)
        _ROW.pack_into(self._memory, at, digest, start, 0)
        self._words[(at + _LENGTH_AT) // 8] = length

    def _row_of(self, digest: bytes) -> int | None:
        group = self._group_of(digest)
        rows = self._memory[group : group + _TOGETHER_BYTES]
        at = rows.find(digest)
        while at >= 0:
            if at % _ROW.size == 0:
                return group + at
            at = rows.find(digest, at + 1)
        return None

    def _row_to_give_up(self, digest: bytes) -> int:
        group = self._group_of(digest)
        rows = list(_ROW.iter_unpack(self._memory[group : group + _TOGETHER_BYTES]))
        oldest = min(range(_ROWS_TOGETHER), key=lambda i: (rows[i][2] > 0, rows[i][1]))
        return group + oldest * _ROW.size

    def _group_of(self, digest: bytes) -> int:
        number = int.from_bytes(digest[:4], "little") & (self._groups - 1)
        return _TABLE_AT + number * _TOGETHER_BYTES

    def _is_there(self, start: int, head: int) -> bool:
        return head <= start + self._capacity

    def _head(self) -> int:
        """Give how many bytes were ever reserved; positions count on and on."""
        return self._words[0]


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
