"""The place of one viewer's session in the pool: who opens it, who shares it, who gives it up."""

import threading
import time
from collections.abc import Callable

from render.blitz.errors import again
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import DeadlineExceeded, ServiceError


class SessionSlot:
    """Holds a session that is opened when needed, once for all who wait."""

    def __init__(self, open_session: Callable[[Deadline], LiveSession]) -> None:
        self._open_session = open_session
        self._lock = threading.Lock()
        self._live: LiveSession | None = None
        self._failure: tuple[float, ServiceError] | None = None
        self.users = 0
        #: A call ran out of time: the server may be slow, or the connection dead without a sign.
        self.suspect = False
        self.last_used_s = time.monotonic()
        self.last_refreshed_s = self.last_used_s

    @property
    def current(self) -> LiveSession | None:
        """The open session, if there is one."""
        return self._live

    def live(self, deadline: Deadline) -> LiveSession:
        """Give the open session, logging in if there is none; those who wait share one login."""
        live = self._live
        if live is not None:
            return live
        asked_s = time.monotonic()
        while not self._lock.acquire(timeout=deadline.remaining_s("wait for the login")):
            pass
        try:
            if self._live is None:
                if self._failure is not None and self._failure[0] > asked_s:
                    # Tried while we waited: the answer is the same, and failed logins are slow.
                    raise again(self._failure[1])
                self._live = self._log_in(deadline)
                self.last_refreshed_s = time.monotonic()
            return self._live
        finally:
            self._lock.release()

    def _log_in(self, deadline: Deadline) -> LiveSession:
        try:
            return self._open_session(deadline)
        except ServiceError as error:
            if not isinstance(error, DeadlineExceeded):
                self._failure = (time.monotonic(), error)
            raise

    def take(self) -> LiveSession | None:
        """Give the open session away, to be closed by the caller."""
        live, self._live = self._live, None
        return live

    def discard(self, live: LiveSession) -> None:
        """Forget a session that proved lost, unless another one has taken its place already."""
        if self._live is live:
            self._live = None
            live.drop_connection()
