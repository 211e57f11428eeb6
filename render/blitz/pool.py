"""The sessions that one process holds on one server: bounded, kept alive, closed when idle."""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import Ice

from render.blitz.breaker import Breaker
from render.blitz.communicator import destroy_communicator, make_communicator
from render.blitz.endpoint import Credentials, Endpoint, Limits
from render.blitz.errors import Lost, translate
from render.blitz.session import LiveSession, log_in, ping_router
from render.blitz.slot import SessionSlot
from render.deadline import Deadline
from render.errors import (
    ClientGone,
    DeadlineExceeded,
    Overloaded,
    ServiceError,
    SourceUnavailable,
)
from render.waiting import spawn

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: How often the pool looks for sessions to refresh or to close, at most.
_ROUND_S = 1.0

#: How long a router may take to answer that it is there.
_PING_TIMEOUT_S = 1.25

#: Time allowed for one keep-alive, and for closing one session.
_HOUSEKEEPING_TIMEOUT_S = 5.0


class SessionPool:
    """Sessions by credentials. Belongs to the process that made it."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self._process = os.getpid()
        self._endpoint = endpoint
        self._limits = limits
        self._lock = threading.Lock()
        self._slots: dict[Credentials, SessionSlot] = {}
        self._communicator: Any = None
        self._closed = threading.Event()
        #: Guards logins; calls on sessions that are open do not go through it.
        self.breaker = Breaker(limits.failures, limits.pause_s)
        atexit.register(self.close)

    def run(
        self,
        credentials: Credentials,
        operation: Callable[[LiveSession], Result],
        deadline: Deadline,
    ) -> Result:
        """Run an operation that only reads on the session of these credentials.

        A session that proves lost on the way is opened anew and the operation is run again,
        once.
        """
        slot = self._check_out(credentials)
        try:
            live = slot.live(deadline)
            try:
                return self._answered(slot, operation(live))
            except Lost as error:
                log.info("opening a session anew: %s", error)
                slot.discard(live)
            live = slot.live(deadline)
            try:
                return self._answered(slot, operation(live))
            except Lost:
                slot.discard(live)
                raise
        except ClientGone:
            raise
        except DeadlineExceeded:
            slot.suspect = True
            raise
        except Ice.Exception as error:
            raise translate(error, "use the session") from error
        finally:
            self._check_in(slot)

    def lease(self, credentials: Credentials, deadline: Deadline) -> "Lease":
        """Open the session of these credentials, and keep it open until the lease is released."""
        slot = self._check_out(credentials)
        try:
            return Lease(slot, slot.live(deadline), self._check_in)
        except BaseException:
            self._check_in(slot)
            raise

    def _answered(self, slot: SessionSlot, result: Result) -> Result:
        slot.last_answered_s = time.monotonic()
        return result

    def log_in_apart(self, credentials: Credentials, deadline: Deadline) -> LiveSession:
        """Open a session that the pool does not keep; the caller closes it."""
        return self._log_in(credentials, deadline)

    def live_sessions(self) -> list[LiveSession]:
        """Give the sessions that are open now."""
        with self._lock:
            slots = list(self._slots.values())
        return [live for slot in slots if (live := slot.current) is not None]

    def close(self) -> None:
        """Close all sessions and end the communicator; the pool cannot be used again."""
        if self._closed.is_set() or os.getpid() != self._process:
            # What a fork inherited belongs to the parent; touching it here would hang.
            return
        self._closed.set()
        atexit.unregister(self.close)
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
            communicator, self._communicator = self._communicator, None
        deadline = Deadline.after(_HOUSEKEEPING_TIMEOUT_S)  # for all of them together
        for slot in slots:
            live = slot.give_up()
            if live is not None:
                live.close(deadline)
        if communicator is not None:
            destroy_communicator(communicator)

    def _check_out(self, credentials: Credentials) -> SessionSlot:
        with self._lock:
            if self._closed.is_set():
                raise SourceUnavailable("the connection to OMERO.server is being closed")
            slot = self._slots.get(credentials)
            if slot is None:
                self._make_room()
                slot = SessionSlot(lambda deadline: self._log_in(credentials, deadline), _close)
                self._slots[credentials] = slot
            if not slot.users:
                slot.last_answered_s = time.monotonic()
            slot.users += 1
            return slot

    def _check_in(self, slot: SessionSlot) -> None:
        with self._lock:
            slot.users -= 1
            slot.last_used_s = time.monotonic()
            if not slot.users and slot.is_vacant:
                # Refused, or lost: whoever tries keys must not push out sessions that work.
                self._slots = {key: kept for key, kept in self._slots.items() if kept is not slot}

    def _make_room(self) -> None:
        if len(self._slots) < self._limits.sessions:
            return
        idle = [item for item in self._slots.items() if item[1].users == 0]
        if not idle:
            raise Overloaded("all sessions that may be open at once are in use", retry_after_s=1)
        credentials, slot = min(idle, key=lambda item: item[1].last_used_s)
        del self._slots[credentials]
        _close_in_background(slot)

    def check(self, deadline: Deadline) -> None:
        """Have the router give a sign of life; raise SourceUnavailable when it gives none.

        This is an attempt like any other: where the circuit is open none is made, and one that
        gets through closes it.
        """
        self._attempt(lambda communicator: ping_router(communicator, self._endpoint, deadline))

    def _log_in(self, credentials: Credentials, deadline: Deadline) -> LiveSession:
        return self._attempt(
            lambda communicator: log_in(
                communicator, self._endpoint, credentials, self._limits, deadline
            )
        )

    def _attempt(self, attempt: Callable[[Any], Result]) -> Result:
        """Make an attempt to reach the server, unless the circuit is open."""
        with self._lock:
            if self._closed.is_set():
                raise SourceUnavailable("the connection to OMERO.server is being closed")
            if self._communicator is None:
                self._communicator = make_communicator(self._endpoint, self._limits)
                spawn(self._keep_house)
            communicator = self._communicator

        def translated() -> Result:
            try:
                return attempt(communicator)
            except Ice.Exception as error:
                # Preparing a call can fail too, such as on a communicator that is being ended.
                raise translate(error, "log in") from error

        return self.breaker.run(translated)

    def _keep_house(self) -> None:
        """Refresh the sessions in use, close idle ones and idle stores, until the pool closes."""
        limits = self._limits
        shortest_s = min(limits.store_idle_s, limits.keep_alive_s, limits.silence_s)
        round_s = min(_ROUND_S, shortest_s / 2)
        while not self._closed.wait(round_s):
            now_s = time.monotonic()
            self._close_idle(now_s)
            with self._lock:
                slots = list(self._slots.values())
            for slot in slots:
                live = slot.current
                if live is None:
                    continue
                live.stores.expire(now_s)
                live.renderers.expire(now_s)
                if slot.suspect or now_s - slot.last_refreshed_s > self._limits.keep_alive_s:
                    slot.suspect = False
                    slot.last_refreshed_s = now_s
                    spawn(partial(_refresh, slot, live))
                if slot.is_silent(now_s, self._limits.silence_s):
                    slot.last_answered_s = now_s
                    spawn(partial(self._examine, slot, live))

    def _examine(self, slot: SessionSlot, live: LiveSession) -> None:
        """Find out whether a session's connection is dead, and give it up then.

        The router is asked, which answers also while the server behind it is busy. It, or the
        whole machine, may stand still for seconds itself: then a new connection gets through only
        once the old one does too.
        """
        if live.router_answers(_PING_TIMEOUT_S):
            return
        try:
            self.check(Deadline.after(self._limits.connect_timeout_s + _PING_TIMEOUT_S))
        except ServiceError as error:
            log.info("giving up a session: %s", error)
        else:
            if live.router_answers(_PING_TIMEOUT_S):
                return
            log.info("giving up a session whose connection is dead")
        slot.discard(live)

    def _close_idle(self, now_s: float) -> None:
        with self._lock:
            for credentials, slot in list(self._slots.items()):
                if slot.users == 0 and now_s - slot.last_used_s > self._limits.session_idle_s:
                    del self._slots[credentials]
                    _close_in_background(slot)


class Lease:
    """A session that is not closed for being idle, while something goes on that takes long."""

    def __init__(
        self, slot: SessionSlot, live: LiveSession, check_in: Callable[[SessionSlot], None]
    ) -> None:
        self._slot = slot
        self._check_in = check_in
        self._is_over = False
        self.live = live

    def answered(self) -> None:
        """Note that the server answered on this session."""
        self._slot.last_answered_s = time.monotonic()

    def renew(self, deadline: Deadline) -> None:
        """Open the session anew that proved lost."""
        self._slot.discard(self.live)
        self.live = self._slot.live(deadline)

    def release(self) -> None:
        """Give the session back; more than once does no harm."""
        if not self._is_over:
            self._is_over = True
            self._check_in(self._slot)


def _refresh(slot: SessionSlot, live: LiveSession) -> None:
    try:
        live.keep_alive(Deadline.after(_HOUSEKEEPING_TIMEOUT_S))
    except (Lost, DeadlineExceeded) as error:
        # Without an answer to so small a question the connection is taken for dead.
        log.info("giving up a session: %s", error)
        slot.discard(live)
    except ServiceError as error:
        log.warning("a session could not be kept alive: %s", error)


def _close_in_background(slot: SessionSlot) -> None:
    live = slot.give_up()
    if live is not None:
        spawn(partial(_close, live))


def _close(live: LiveSession) -> None:
    live.close(Deadline.after(_HOUSEKEEPING_TIMEOUT_S))
