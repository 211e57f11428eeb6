"""The call that is being answered: who asks, in which group.

It is known to everything that works for the call, in whichever thread, without being handed
through every function: what is put off is run by `later`.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import Ice

from imageserver.accounts import View

_VIEW: ContextVar[View | None] = ContextVar("view", default=None)


@contextlib.contextmanager
def answering(view: View) -> Iterator[None]:
    """Make a view that of the call for as long as the block lasts."""
    token = _VIEW.set(view)
    try:
        yield
    finally:
        _VIEW.reset(token)


def view_of_call() -> View | None:
    """Give the view of the call that is being answered, None outside one."""
    return _VIEW.get()


def later(work: Callable[[], Any]) -> Callable[[], Any]:
    """Give `work` as a part of this call, for another thread."""
    return partial(copy_context().run, work)


def fail_later(delay_s: float, error: Exception) -> Ice.Future:
    """Give the answer of a call that fails after a while, without holding its thread."""
    future = Ice.Future()
    timer = threading.Timer(delay_s, future.set_exception, (error,))
    timer.daemon = True
    timer.start()
    return future
