"""Hands one result from a native thread to whoever waits, greenlet or thread.

Ice's threads and the rendering threads are native. Under gevent the waiter is a greenlet and
must be woken through its hub's loop; without gevent it is an ordinary thread. Callers need not
know which.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any


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


class Handoff:
    """A one-shot box: made and awaited by one thread or greenlet, filled from any native thread."""

    def __init__(self) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._hub: Any = None
        self._event: Any
        if gevent_is_in_charge():
            import gevent
            import gevent.event

            self._hub = gevent.get_hub()
            self._event = gevent.event.Event()
        else:
            self._event = threading.Event()

    def fill(self, value: Any = None, error: BaseException | None = None) -> None:
        """Store the result, or the exception to raise, and wake the waiter. Any thread may call."""
        self._value, self._error = value, error
        if self._hub is None:
            self._event.set()
        else:
            self._hub.loop.run_callback_threadsafe(self._event.set)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until filled; tell whether it was within `timeout_s` seconds."""
        return bool(self._event.wait(timeout_s))

    def result(self) -> Any:
        """Give the value, or raise the stored exception; call after `wait` gave True."""
        if self._error is not None:
            raise self._error
        return self._value
