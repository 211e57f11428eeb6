"""Writes log lines beside the requests that they tell of: a native thread writes many at a time."""

import contextlib
import logging
import os
from collections import deque
from typing import TextIO

from typing_extensions import override

from cache.native import native_lock, native_queue, native_sleep, start_native_thread

#: How long lines are gathered, in seconds; a process that is killed takes so many of them along.
GATHER_S = 0.1
#: More than that wait only while nobody takes what is written.
MAX_WAITING_LINES = 10_000


class LateHandler(logging.Handler):
    """Writes to a stream: warnings and what is worse at once, all else a moment later.

    Where whoever reads the stream has stopped, lines are dropped, and it is told how many.
    Threads and greenlets may log at the same time.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._writing = native_lock()
        self._bell = native_queue()
        self._has_thread = False
        self._is_called = False
        os.register_at_fork(after_in_child=self._begin_anew)

    @override
    def createLock(self) -> None:
        """Make the lock around `emit`, which never yields to other greenlets."""
        self.lock = native_lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the record's line in."""
        line = self.format(record)
        if len(self._lines) >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        self._lines.append(line)
        if record.levelno >= logging.WARNING:
            self.flush()
        if self._lines and not self._is_called:
            self._is_called = True
            if not self._has_thread:
                self._has_thread = True
                start_native_thread(self._run)
            self._bell.put(True)

    def flush(self) -> None:
        """Write what waits, unless another thread is writing already."""
        if not self._writing.acquire(False):
            return
        try:
            self._write()
        finally:
            self._writing.release()

    def _run(self) -> None:
        """Run in a native thread until the process ends."""
        while self._bell.get():
            native_sleep(GATHER_S)
            # Lines that come from here on call again.
            self._is_called = False
            self.flush()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(f"{dropped} lines were dropped: nobody took what was written")
        if lines:
            # A full disk or a reader that went away must not stop what is logged about.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()

    def _begin_anew(self) -> None:
        """Leave what waits to the process that this one was forked from, as its thread."""
        self._lines.clear()
        self._writing = native_lock()
        self._bell = native_queue()
        self._has_thread = self._is_called = False
        self.createLock()
