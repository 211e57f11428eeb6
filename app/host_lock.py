"""Chooses one process of a host for a duty; it falls to another one when the first ends."""

import contextlib
import fcntl
import os
from pathlib import Path


class HostLock:
    """A lock on a file, which the kernel takes from a process that ends, however it does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the duty if nobody has it; tell whether it is this one's. Raises OSError."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = descriptor
            return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Leave the duty to others, if it is this one's."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
