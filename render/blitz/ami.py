"""Calls services without blocking: each call is asynchronous and waited for with a deadline.

Waiting goes through `Handoff`, so a greenlet gives way to others while Ice's own threads do the
work. `future.result()` of a call that still runs would stop the whole event loop.
"""

import contextlib
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import Ice

from render.blitz.errors import translate
from render.deadline import Deadline
from render.errors import DeadlineExceeded
from render.waiting import Handoff, gevent_is_in_charge, spawn

Result = TypeVar("Result")

#: Told what each call was for and whether it failed.
Watcher = Callable[[str, bool], None]
_watcher: ContextVar[Watcher | None] = ContextVar("blitz_calls", default=None)
_request_id: ContextVar[str] = ContextVar("blitz_request_id", default="")

#: Name, in the context of each call, of the id of the request for which it is made.
REQUEST_ID = "blitzrender.request_id"


def watch_calls(watcher: Watcher, request_id: str = "") -> None:
    """Have `watcher` told of every call that this greenlet or thread waits for from now on.

    The calls tell the server `request_id`, so that its log and ours can be read side by side.
    """
    _watcher.set(watcher)
    _request_id.set(request_id)


class Pending:
    """A call on its way."""

    __slots__ = ("_future", "_handoff", "_step")

    def __init__(self, step: str, method: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._step = step
        self._handoff = Handoff()
        try:
            self._future = method(*args)
        except Ice.Exception as error:
            raise translate(error, step) from error
        self._future.add_done_callback(self._handoff.fill)

    def result(self, deadline: Deadline, *, while_wanted: bool = False) -> Any:
        """Wait for the answer; raise one of our errors. A call out of time is given up.

        `while_wanted` = given up as soon as the client has hung up, too: for calls that may be
        broken off, since what the service does meanwhile is of no consequence.
        """
        done = failed = False
        try:
            if while_wanted:
                self._handoff.wait_in_queue(deadline, self._step)
                done = True
            else:
                done = self._handoff.wait(deadline.remaining_s(self._step))
            if not done:
                raise DeadlineExceeded(f"the request ran out of time at the step '{self._step}'")
            return self._future.result()  # done, so this does not wait
        except (Ice.Exception, Ice.UserException) as error:
            failed = True
            raise translate(error, self._step) from error
        finally:
            # Also when the waiting greenlet is killed: Ice would keep the answer for nobody.
            if not done:
                self.cancel()
            else:
                _let_go(self._future)
            watcher = _watcher.get()
            if watcher is not None:
                watcher(self._step, failed or not done)

    def cancel(self) -> None:
        """Give the call up, whose answer is no longer wanted."""
        if not self._future.done():
            self._future.cancel()
        self._future.add_done_callback(_let_go)


class Connecting(Pending):
    """The making of a connection, by `proxy.ice_getConnectionAsync`.

    It is not cancelled: Ice would hold Python's global lock while it waits for its own thread,
    which may wait for that lock. What comes too late is closed instead.
    """

    def __init__(self, proxy: Any) -> None:
        super().__init__("connect", proxy.ice_getConnectionAsync, ())

    def cancel(self) -> None:
        self._future.add_done_callback(_close_late)


def _let_go(future: Any) -> None:
    """Let a call that is done be freed, with its answer.

    Where the answer comes before Ice's Python part has handed the future out, as it does now and
    then with a short switch interval, the future and the call's own object hold each other in a
    way that the garbage collector does not see.
    """
    future._asyncResult = None


def _close_late(future: Any) -> None:
    if future.exception() is None:
        close_connection(future.result())


def close_connection(connection: Any) -> None:
    """Close a connection at once, without asking the other side."""
    with contextlib.suppress(Ice.Exception):
        connection.close(Ice.ConnectionClose.Forcefully)


def start(step: str, method: Callable[..., Any], *args: Any) -> Pending:
    """Send a call such as `proxy.getTileAsync`; `step` names it in errors."""
    return Pending(step, method, (*args, *_context_of(method)))


def _context_of(method: Any) -> tuple[dict[str, str], ...]:
    """Give the last argument of a call for the request in hand; none where there is none.

    A context that is given with a call takes the place of the proxy's own.
    """
    request_id = _request_id.get()
    if not request_id:
        return ()
    return (method.__self__.ice_getContext() | {REQUEST_ID: request_id},)


def call(deadline: Deadline, step: str, method: Callable[..., Any], *args: Any) -> Any:
    """Send a call and wait for its answer."""
    return start(step, method, *args).result(deadline)


def outlive(deadline: Deadline, step: str, work: Callable[[], Result]) -> Result:
    """Do `work` to its end, even if the one who waits for it runs out of time.

    For what makes something on the server and closes it again: broken off in the middle, it
    would leave behind what it has not heard of yet.
    """
    handoff = Handoff()
    request_id = _request_id.get()

    def run() -> None:
        _request_id.set(request_id)
        try:
            handoff.fill(work())
        except Exception as error:
            handoff.fill(error=error)

    spawn(run)
    if not handoff.wait(deadline.remaining_s(step)):
        raise DeadlineExceeded(f"the request ran out of time at the step '{step}'")
    return handoff.result()


class _NativeThreading:
    """The threading module as Ice's Python part needs it: conditions on native locks.

    Ice's futures are locked both by its own threads and by greenlets. gevent's locks would
    make a native thread that meets a held one start a hub of its own and wait there.
    """

    def __init__(self) -> None:
        from gevent import monkey

        self._new_lock = monkey.get_original("_thread", "RLock")

    def Condition(self, lock: Any = None) -> threading.Condition:  # noqa: N802 (as in threading)
        return threading.Condition(self._new_lock() if lock is None else lock)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def keep_futures_native() -> None:
    """Make Ice's futures safe where gevent has patched `threading`; else do nothing."""
    if gevent_is_in_charge() and not isinstance(Ice.threading, _NativeThreading):
        Ice.threading = _NativeThreading()
