"""Runs the calls to one object one after the other without parking a thread for each."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

import Ice

from imageserver.calls import later
from imageserver.faults import translate


class Serial:
    """A queue for the calls to one stateful object.

    A call that finds the object idle runs at once, in the thread that brought it. One that comes
    while another runs leaves a future behind and frees its thread; `executor` runs it when its turn
    comes. So a client that sends a hundred calls to one slow store keeps one thread busy, while
    the others answer small calls.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Callable[[], Any], Ice.Future]] = deque()
        self._busy = False

    def run(self, work: Callable[[], Any]) -> Any:
        """Give the result of `work`, or an Ice.Future of it when another call is at work."""
        with self._lock:
            if self._busy:
                future = Ice.Future()
                self._waiting.append((later(partial(_translated, work)), future))
                return future
            self._busy = True
        try:
            return work()
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            if not self._busy:
                return
            work, future = self._waiting.popleft()
        # One at a time, so that the queues of several objects take turns.
        self._executor.submit(self._run_waiting, work, future)

    def _run_waiting(self, work: Callable[[], Any], future: Ice.Future) -> None:
        try:
            result = work()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._pass_on()


def _translated(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        raise translate(error) from error
