"""OMERO sessions that outlive the login that made them, for people who log in here."""

from dataclasses import dataclass, field
from typing import Any

from render.blitz.ami import call
from render.blitz.endpoint import Credentials
from render.blitz.errors import Lost
from render.blitz.pool import SessionPool
from render.blitz.records import SessionUser
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotAuthenticated

#: How often a session is closed until nobody holds it; each answer says how many still do.
_MOST_CLOSINGS = 20


@dataclass(frozen=True)
class OpenedSession:
    """A session by the key with which it is joined, and whose it is."""

    key: str = field(repr=False)
    user: SessionUser


def start_session(pool: SessionPool, user: str, password: str, deadline: Deadline) -> OpenedSession:
    """Log in, and leave the session behind for those who have its key."""
    live = pool.log_in_apart(Credentials.login(user, password), deadline)
    try:
        live.detach(deadline)
        return OpenedSession(live.key, live.user)
    finally:
        live.close(deadline)


def end_session(pool: SessionPool, session_key: str, deadline: Deadline) -> None:
    """End a session, whoever holds it."""
    session = omero.model.Session(uuid=omero.RString(session_key))

    def close(live: LiveSession) -> None:
        service = live.service("session", deadline, None)
        for _ in range(_MOST_CLOSINGS):
            if not _holders_after(deadline, service, session):
                return

    try:
        pool.run(Credentials.join(session_key), close, deadline)
    except (Lost, NotAuthenticated):
        # Gone with its last holder, which was this connection, or before.
        return


def _holders_after(deadline: Deadline, service: Any, session: Any) -> int:
    holders: int = call(deadline, "end the session", service.closeSessionAsync, session)
    return holders
