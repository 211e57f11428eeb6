"""The call that is being answered: who asks, in which group, for which request.

It is known to everything that works for the call, in whichever thread, without being handed
through every function: what is put off is run by `later`.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import Ice

from imageserver.accounts import View

#: Name of the request's id in a call's context, and what ids look like: others are not logged.
REQUEST_ID = "blitzrender.request_id"
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_VIEW: ContextVar[View | None] = ContextVar("view", default=None)
_REQUEST: ContextVar[str] = ContextVar("request", default="-")


def note_request(current: Ice.Current) -> None:
    """Note the id of the request that the client makes the call for, if it tells one."""
    given = current.ctx.get(REQUEST_ID, "")
    _REQUEST.set(given if _PLAIN_ID.fullmatch(given) else "-")


def request_of_call() -> str:
    """Give the id of the request that the call in hand is made for, `-` where it is not told."""
    return _REQUEST.get()


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
