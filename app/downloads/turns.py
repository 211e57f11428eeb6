"""Turns that are taken strictly in the order of asking."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from render.deadline import Deadline
from render.waiting import Handoff


class Turns:
    """Lets `count` at a time have a turn.

    A turn is handed to the one who has waited longest. A semaphore would let those who just
    gave one back take it again, and the others might wait for ever.
    """

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[Handoff] = deque()

    @contextmanager
    def take(self, deadline: Deadline) -> Iterator[None]:
        """Have a turn while the block lasts; raise DeadlineExceeded or ClientGone before it."""
        mine: Handoff | None = None
        with self._lock:
            if self._free:
                self._free -= 1
            else:
                mine = Handoff()
                self._waiting.append(mine)
        if mine is not None:
            self._wait(mine, deadline)
        try:
            yield
        finally:
            self._give_back()

    def _wait(self, mine: Handoff, deadline: Deadline) -> None:
        try:
            mine.wait_in_queue(deadline, "wait for a turn")
        except BaseException:
            with self._lock:
                still_waits = mine in self._waiting
                if still_waits:
                    self._waiting.remove(mine)
            if not still_waits:
                self._give_back()
            raise

    def _give_back(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            following = self._waiting.popleft()
        following.fill()
