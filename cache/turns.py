"""One process of a host at a time does the work for a key; the kernel frees what the dead held.

A key is a byte of one lock file, far beyond its end, so that nothing is created and nothing is
left to be cleaned up: two system calls for a turn that nobody else wants. The locks belong to the
open file and not to the process, so that two parts of one process exclude each other too.
"""

import contextlib
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from cache.flight import FlightTimeout
from cache.native import native_lock, pause

#: How long to let others run before asking again whether it is one's turn: first, and at most.
FIRST_PAUSE_S = 0.001
LONGEST_PAUSE_S = 0.02

#: The byte, beyond those of all keys, that processes in which somebody waits lock together.
_WAITING = 1 << 62

#: `struct flock` of 64-bit Linux: type, whence, start, length, process (0 for these locks).
_FLOCK = struct.Struct("hhqqi4x")

Release = Callable[[], None]


class Turns:
    """Turns of all the processes that use one lock file. Make it once in each, after fork.

    Where the file cannot be used, everybody has a turn at once.
    """

    def __init__(self, path: str | Path) -> None:
        #: By offset, what tells one turn from another.
        self._held: dict[int, object] = {}
        self._waiters = 0
        self._lock = native_lock()
        self._file: int | None = None
        with contextlib.suppress(OSError):
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o600)

    def take(self, key: str, wait_s: float) -> Release:
        """Wait for the turn of a key, letting greenlets run; give what ends it.

        Raises FlightTimeout after `wait_s` seconds. The turn ends with the process in any case.
        Any thread may end it, and to end it twice does no harm.
        """
        offset = _offset(key)
        turn = object()
        if not self._try(offset, turn):
            self._count_waiters(1)
            try:
                self._wait(offset, turn, wait_s)
            finally:
                self._count_waiters(-1)
        return lambda: self._release(offset, turn)

    def are_awaited(self) -> bool:
        """Tell whether somebody in another process waits for a turn, of whatever key."""
        with self._lock:
            if self._file is None:
                return False
            try:
                return _is_locked(self._file, _WAITING)
            except OSError:
                return False

    def close(self) -> None:
        """End all turns."""
        with self._lock:
            file, self._file = self._file, None
            self._held.clear()
            if file is not None:
                os.close(file)

    def _wait(self, offset: int, turn: object, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        pause_s = FIRST_PAUSE_S
        while not self._try(offset, turn):
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise FlightTimeout(f"waited {wait_s:.3g} s for another process's result")
            pause(min(pause_s, left_s))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _count_waiters(self, change: int) -> None:
        with self._lock:
            self._waiters += change
            if self._file is None or self._waiters not in (0, change):
                return
            with contextlib.suppress(OSError):
                _set_lock(self._file, fcntl.F_RDLCK if change > 0 else fcntl.F_UNLCK, _WAITING)

    def _try(self, offset: int, turn: object) -> bool:
        with self._lock:
            if self._file is None:
                return True
            if offset in self._held:
                return False
            try:
                _set_lock(self._file, fcntl.F_WRLCK, offset)
            except (BlockingIOError, PermissionError):
                return False
            except OSError:
                # A file system without locks: better twice than not at all.
                return True
            self._held[offset] = turn
            return True

    def _release(self, offset: int, turn: object) -> None:
        with self._lock:
            if self._file is None or self._held.get(offset) is not turn:
                return
            del self._held[offset]
            with contextlib.suppress(OSError):
                _set_lock(self._file, fcntl.F_UNLCK, offset)


def _offset(key: str) -> int:
    """Give the byte that stands for a key: two keys in 2^62 share one, and merely take turns."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2


def _set_lock(file: int, kind: int, offset: int) -> None:
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, _flock(kind, offset))


def _is_locked(file: int, offset: int) -> bool:
    """Tell whether a byte is locked through another opening of the file."""
    found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, offset))
    return _FLOCK.unpack(found)[0] != fcntl.F_UNLCK


def _flock(kind: int, offset: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0)
