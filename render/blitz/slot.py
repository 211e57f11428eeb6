"""The place of one viewer's session in the pool: who opens it, who shares it, who gives it up."""

import threading
import time
from collections.abc import Callable

from render.blitz.errors import again
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import ServiceError, SourceFailed, SourceUnavailable
from render.waiting import Handoff, spawn

#: How long a login may take, whether or not somebody still waits for it. A login that was broken
#: off could end the session of the person who is logged in to OMERO.web with it.
_LOGIN_TIMEOUT_S = 30.0


class SessionSlot:
    """Holds a session that is opened when needed, in the background, once for all who wait."""

    def __init__(
        self,
        open_session: Callable[[Deadline], LiveSession],
        close_session: Callable[[LiveSession], None],
    ) -> None:
        self._open_session = open_session
        self._close_session = close_session
        self._lock = threading.Lock()
        self._live: LiveSession | None = None
        self._is_opening = False
        self._is_given_up = False
        self._waiting: list[Handoff] = []
        self.users = 0
        #: A call ran out of time: the server may be slow, or the connection dead without a sign.
        self.suspect = False
        self.last_used_s = time.monotonic()
        self.last_answered_s = self.last_used_s
        self.last_refreshed_s = self.last_used_s

    @property
    def current(self) -> LiveSession | None:
        """The open session, if there is one."""
        return self._live

    @property
    def is_vacant(self) -> bool:
        """Whether no session is open, and none is being opened."""
        with self._lock:
            return self._live is None and not self._is_opening

    def live(self, deadline: Deadline) -> LiveSession:
        """Give the open session, logging in if there is none; those who wait share one login."""
        live = self._live
        if live is not None:
            return live
        mine = Handoff()
        with self._lock:
            if self._live is not None:
                return self._live
            if self._is_given_up:
                raise SourceUnavailable("the connection to OMERO.server is being closed")
            self._waiting.append(mine)
            opens = not self._is_opening
            self._is_opening = True
        if opens:
            spawn(self._open)
        return mine.wait_in_queue(deadline, "wait for the login")

    def _open(self) -> None:
        live: LiveSession | None = None
        error: ServiceError | None = None
        try:
            live = self._open_session(Deadline.after(_LOGIN_TIMEOUT_S))
        except ServiceError as raised:
            error = raised
        except Exception as raised:
            error = SourceFailed(f"a fault of ours while logging in ({type(raised).__name__})")
            error.__cause__ = raised
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._is_opening = False
            unwanted = live if self._is_given_up else None
            if live is not None and unwanted is None:
                self._live = live
                self.last_refreshed_s = self.last_answered_s = time.monotonic()
        for one in waiting:
            one.fill(live, None if error is None else again(error))
        if unwanted is not None:
            self._close_session(unwanted)

    def give_up(self) -> LiveSession | None:
        """Give the open session away, to be closed by the caller; none is opened any more."""
        with self._lock:
            self._is_given_up = True
            live, self._live = self._live, None
        return live

    def discard(self, live: LiveSession) -> None:
        """Forget a session that proved lost, unless another one has taken its place already."""
        with self._lock:
            if self._live is not live:
                return
            self._live = None
        live.drop_connection()

    def is_silent(self, now_s: float, longest_s: float) -> bool:
        """Tell whether somebody has waited for longer than that without any answer to anybody."""
        return self.users > 0 and now_s - self.last_answered_s > longest_s
