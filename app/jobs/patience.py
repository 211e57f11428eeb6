"""Steps of long work, done again where a request would be turned away."""

import time
from collections.abc import Callable
from typing import TypeVar

from app.call import Call
from render.errors import Overloaded, SourceUnavailable

Value = TypeVar("Value")

_TRIES = 8
_LONGEST_PAUSE_S = 5.0


def patiently(call: Call, step: Callable[[Call], Value], check: Callable[[], None]) -> Value:
    """Do one step in the time that a request has, again where machine or server are busy.

    `check` is called in between, and raises where it need not go on.
    """
    for _ in range(_TRIES - 1):
        try:
            return step(call.renewed())
        except (Overloaded, SourceUnavailable) as error:
            time.sleep(min(error.retry_after_s or 1.0, _LONGEST_PAUSE_S))
            check()
    return step(call.renewed())
