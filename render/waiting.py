"""Hands one result from a native thread to whoever waits, greenlet or thread.

Ice's threads and the rendering threads are native. Under gevent the waiter is a greenlet and
must be woken through its hub's loop; without gevent it is an ordinary thread. Callers need not
know which.
"""

import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from render.deadline import Deadline

Result = TypeVar("Result")

#: How often those who wait in a queue look whether their client is still there.
_LOOK_S = 0.2


def gevent_is_in_charge() -> bool:
    """Tell whether gevent has patched this process, so that waiting must go through its hub."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")


def spawn(function: Callable[[], Any]) -> None:
    """Run `function` beside the caller: in a greenlet under gevent, else in a daemon thread."""
    if gevent_is_in_charge():
        import gevent

        gevent.spawn(function)
    else:
        threading.Thread(target=function, daemon=True).start()


def side_by_side(
    tasks: Sequence[Callable[[], Result]], most_at_a_time: int
) -> list[Result | Exception]:
    """Run all tasks, some at a time, and give what each one gave or raised, in their order.

    The caller does its part of them, in threads or, under gevent, greenlets beside it. Returns
    when all have ended: each has to have a deadline of its own.
    """
    outcomes: list[Any] = [None] * len(tasks)
    left = deque(enumerate(tasks))

    def work() -> None:
        while left:
            try:
                index, task = left.popleft()
            except IndexError:
                return
            try:
                outcomes[index] = task()
            except Exception as error:
                outcomes[index] = error

    # gevent makes greenlets of these.
    helpers = [
        threading.Thread(target=work, daemon=True)
        for _ in range(min(most_at_a_time, len(tasks)) - 1)
    ]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    return outcomes


class _Doorbell:
    """Runs functions on one gevent hub, called from any native thread.

    gevent's own `run_callback_threadsafe` counts the callback in the loop's number of active
    watchers from the calling thread, while the loop may be counting too: now and then a count is
    lost, and in the end the loop takes itself for idle and exits (LoopExit). An async watcher's
    `send` touches nothing but an atomic flag and a pipe.
    """

    def __init__(self, hub: Any) -> None:
        self._waiting: deque[Callable[[], Any]] = deque()
        self._watcher = hub.loop.async_()
        self._watcher.start(self._answer)

    def ring(self, function: Callable[[], Any]) -> None:
        """Have the hub run `function` soon."""
        self._waiting.append(function)
        self._watcher.send()

    def _answer(self) -> None:
        # Several rings may come as one.
        while self._waiting:
            self._waiting.popleft()()


#: By hub, which there is one of in each thread that gevent runs in.
_doorbells: "weakref.WeakKeyDictionary[Any, _Doorbell]" = weakref.WeakKeyDictionary()


def _doorbell_of_this_hub() -> _Doorbell:
    import gevent

    hub = gevent.get_hub()
    doorbell = _doorbells.get(hub)
    if doorbell is None:
        doorbell = _doorbells[hub] = _Doorbell(hub)
    return doorbell


class Handoff:
    """A one-shot box: made and awaited by one thread or greenlet, filled from any native thread."""

    def __init__(self) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._filled = False
        self._doorbell: _Doorbell | None = None
        self._event: Any
        if gevent_is_in_charge():
            import gevent.event

            self._doorbell = _doorbell_of_this_hub()
            self._event = gevent.event.Event()
        else:
            self._event = threading.Event()

    def fill(self, value: Any = None, error: BaseException | None = None) -> None:
        """Store the result, or the exception to raise, and wake the waiter. Any thread may call."""
        self._value, self._error = value, error
        self._filled = True
        if self._doorbell is None:
            self._event.set()
        else:
            self._doorbell.ring(self._event.set)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until filled; tell whether it was within `timeout_s` seconds."""
        return bool(self._event.wait(timeout_s))

    def wait_in_queue(self, deadline: Deadline, step: str) -> Any:
        """Wait and give the result; raise DeadlineExceeded, or ClientGone.

        For waiting that can be broken off without harm: nothing is under way yet.
        """
        while not self._filled:
            deadline.check_wanted()
            self._event.wait(min(deadline.remaining_s(step), _LOOK_S))
        return self.result()

    def result(self) -> Any:
        """Give the value, or raise the stored exception; call after `wait` gave True."""
        if self._error is not None:
            raise self._error
        return self._value
