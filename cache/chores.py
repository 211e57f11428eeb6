"""A native thread that does one store's work which waits for the disk, so that no request does."""

import time
from collections.abc import Callable

from cache.native import native_lock, native_queue, pause, start_native_thread

#: How long to let others run before looking again whether the thread has ended.
_LOOK_AGAIN_S = 0.0005


class Chores:
    """Runs what it is given, one after the other, in a thread that starts with the first.

    `last` is run in that thread before it ends.
    """

    def __init__(self, last: Callable[[], object]) -> None:
        self._last = last
        self._queue = native_queue()
        self._lock = native_lock()
        self._is_running = self._has_ended = False

    def do_later(self, chore: Callable[[], object]) -> None:
        """Run `chore` in the thread; it must not raise, nor wait for greenlets.

        After `end` nothing is run any more.
        """
        with self._lock:
            if self._has_ended:
                return
            starts, self._is_running = not self._is_running, True
        if starts:
            start_native_thread(self._run)
        self._queue.put(chore)

    def end(self, wait_s: float) -> None:
        """Let the thread end after what it was given; wait for that, `wait_s` seconds at most."""
        with self._lock:
            self._has_ended = True
        self._queue.put(None)
        until_s = time.monotonic() + wait_s
        while self._is_running and time.monotonic() < until_s:
            pause(_LOOK_AGAIN_S)

    def _run(self) -> None:
        while (chore := self._queue.get()) is not None:
            chore()
        self._last()
        self._is_running = False
