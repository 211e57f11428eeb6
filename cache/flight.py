"""Many ask for one thing at a time: one makes it, the others wait for that one."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

#: How often those who wait look whether their value is still wanted.
_LOOK_S = 0.2


def _wanted() -> None:
    """Find nothing against waiting on."""


class FlightTimeout(TimeoutError):
    """The one who makes the value took longer than this caller could wait."""


class _Flight:
    """One production; whoever finds it vacant makes the value. Guarded by the lock of all."""

    def __init__(self, lock: threading.Lock) -> None:
        self.changed = threading.Condition(lock)
        self.is_vacant = True
        self.is_done = False
        self.waiting = 0
        self.value: Any = None
        self.error: Exception | None = None


class SingleFlight(Generic[Value]):
    """Lets one caller of a key produce at a time, among the threads or greenlets of a process.

    An error of the producer is raised in each waiter as well, for a missing image is missing for
    all of them. An error that concerns the producer alone, one of the classes in `own_errors`
    (such as its own deadline) or its being killed, makes one of the waiters take over.

    Make it after gevent has patched, for waiting must let other greenlets run.
    """

    def __init__(self, own_errors: tuple[type[Exception], ...] = ()) -> None:
        self._own_errors = own_errors
        self._flights: dict[Hashable, _Flight] = {}
        self._lock = threading.Lock()

    def do(
        self,
        key: Hashable,
        produce: Callable[[], Value],
        wait_s: float,
        check_wanted: Callable[[], None] = _wanted,
    ) -> Value:
        """Give what `produce()` gives, called here or by the caller who came first.

        Waits for others at most `wait_s` seconds in all, then raises FlightTimeout, and no longer
        than until `check_wanted`, called now and then, raises; how long `produce` itself takes is
        its own matter. `produce` is called at most once.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = _Flight(self._lock)
            if not flight.is_vacant:
                self._wait(key, flight, wait_s, check_wanted)
            if flight.error is not None:
                raise flight.error
            if flight.is_done:
                return flight.value
            flight.is_vacant = False
        return self._lead(key, flight, produce)

    def in_flight(self) -> int:
        """Count the keys that are being produced."""
        return len(self._flights)

    def _wait(
        self, key: Hashable, flight: _Flight, wait_s: float, check_wanted: Callable[[], None]
    ) -> None:
        """Wait until the flight is done or vacant; the lock is held before and after."""
        until_s = time.monotonic() + wait_s
        flight.waiting += 1
        try:
            while not flight.is_done and not flight.is_vacant:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise FlightTimeout(f"waited {wait_s:.3g} s for another request's result")
                flight.changed.wait(min(left_s, _LOOK_S))
                check_wanted()
        except BaseException:
            if flight.is_vacant and flight.waiting == 1:
                del self._flights[key]
            raise
        finally:
            flight.waiting -= 1

    def _lead(self, key: Hashable, flight: _Flight, produce: Callable[[], Value]) -> Value:
        try:
            flight.value = produce()
            flight.is_done = True
        except self._own_errors:
            raise
        except Exception as error:
            flight.error = error
            flight.is_done = True
            raise
        finally:
            with self._lock:
                flight.is_vacant = not flight.is_done
                if flight.is_done or not flight.waiting:
                    del self._flights[key]
                flight.changed.notify_all()
        return flight.value
