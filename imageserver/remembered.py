"""What files tell when somebody asks: read once, and remembered within a bound."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by key, those used last, as many as have `max_weight` together; any thread may ask.

    A value is read once, however many ask for it at the same time.
    """

    def __init__(self, weigh: Callable[[Value], int], max_weight: int) -> None:
        self._weigh = weigh
        self._max_weight = max_weight
        self._lock = threading.Lock()
        self._reading: dict[Hashable, threading.Lock] = {}
        self._known: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0

    def get(self, key: Hashable, read: Callable[[], Value]) -> Value:
        """Give the value of a key, by `read` if it is not known; what that raises is raised."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                if key in self._known:
                    return self._known[key]
            try:
                value = read()
            finally:
                with self._lock:
                    self._reading.pop(key, None)
            with self._lock:
                self._keep(key, value)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        old = self._known.pop(key, None)
        self._weight += self._weigh(value) - (0 if old is None else self._weigh(old))
        self._known[key] = value
        while self._weight > self._max_weight and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self._weight -= self._weigh(dropped)
