"""Reads from a store within a time, beside the event loop."""

import logging
from collections.abc import Callable

from app.identity.stores.base import Session, SessionStore, StoreAway
from render.errors import ServiceError
from render.waiting import Handoff, spawn
from render.workers.native import make_lock, start_thread

log = logging.getLogger("blitzrender.identity")

#: Reads under way at a time; with so many a store that hangs is not asked any more.
_MOST_AT_A_TIME = 64


class BoundedStore:
    """A store that is waited for no longer than `timeout_s`, whatever keeps it."""

    def __init__(self, store: SessionStore, timeout_s: float) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._lock = make_lock()
        self._under_way = 0

    def read(self, cookie: str, most_s: float) -> Session | None:
        """Give the session of a cookie; raise StoreAway when the store does not answer in time.

        A session that cannot be read, or was not signed by OMERO.web, is none.
        """
        with self._lock:
            if self._under_way >= _MOST_AT_A_TIME:
                raise _silent()
            self._under_way += 1
        box = Handoff()
        self._start(lambda: box.fill(*self._outcome(cookie)))
        try:
            if not box.wait(min(self._timeout_s, most_s)):
                raise _silent()
            return box.result()
        except ValueError as error:
            log.warning("a session of OMERO.web is not understood: %s", error)
            return None

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _start(self, action: Callable[[], None]) -> None:
        if self._store.blocks:
            start_thread(action)
        else:
            spawn(action)

    def _outcome(self, cookie: str) -> tuple[Session | None, BaseException | None]:
        try:
            return self._store.read(cookie), None
        except (ServiceError, ValueError) as error:
            return None, error
        except Exception as error:
            away = StoreAway("OMERO.web's session store cannot be read", retry_after_s=5)
            away.__cause__ = error
            return None, away
        finally:
            with self._lock:
                self._under_way -= 1


def _silent() -> StoreAway:
    return StoreAway("OMERO.web's session store does not answer in time", retry_after_s=5)
