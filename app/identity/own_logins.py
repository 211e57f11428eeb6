"""Viewers who logged in to Blitzrender itself, known by a cookie of its own.

What is kept is the key of an OMERO session, never a password. It is kept on disk, for all
processes, under a digest of the cookie: who can read the folder has no cookie that lets him in,
but he has the OMERO sessions, so that only this user may read it.
"""

import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from flask import Request

from app.identity.attempts import LoginAttempts
from app.identity.viewer import Viewer, viewer_of_session
from app.operations.memory import RecentMemory
from app.servers import Server, find_server
from cache.file_cache import FileCache
from render.blitz.logins import OpenedSession
from render.deadline import Deadline
from render.errors import Forbidden, NotAuthenticated, ServiceError, SourceUnavailable

COOKIE = "blitzrender_session"

_COOKIE_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
_REMEMBERED_MAX = 5000
_ENTRY_BYTES = 2048
#: In OMERO.web's words, which clients show.
REFUSED = "Connection not available, please check your user name and password."


class OwnLogins:
    """Logins by cookie: bounded in number, ended by age, by logout, or with the OMERO session."""

    def __init__(
        self,
        folder: Path,
        servers: Sequence[Server],
        attempts: LoginAttempts,
        *,
        max_entries: int,
        age_s: int,
        remembered_s: float,
    ) -> None:
        self._servers = servers
        self._attempts = attempts
        self._disk = open_private(folder, max_entries, age_s)
        self._known: RecentMemory[Viewer] = RecentMemory(_REMEMBERED_MAX, remembered_s)

    def viewer(self, request: Request, deadline: Deadline) -> Viewer | None:
        """Give who the cookie belongs to, None without such a login."""
        cookie = request.cookies.get(COOKIE, "")
        if not _COOKIE_FORM.fullmatch(cookie):
            return None
        key = _digest(cookie)
        viewer = self._known.get(key)
        if viewer is None:
            viewer = self._read(key)
            if viewer is not None:
                self._known.set(key, viewer)
        return viewer

    def log_in(
        self, server_id: str | None, user: str, password: str, address: str, deadline: Deadline
    ) -> tuple[str, OpenedSession]:
        """Make an OMERO session; give the cookie that stands for it, and whose it is.

        Raises Forbidden for what OMERO refuses, TooManyAttempts after too many such.
        """
        server = self._server(server_id)
        if user == "guest":
            raise Forbidden("Guest account is not for user login.")
        try:
            with self._attempts.one(user, address):
                opened = server.source.log_in(user, password, deadline)
        except NotAuthenticated as error:
            raise Forbidden(REFUSED) from error
        cookie = secrets.token_urlsafe(32)
        entry = json.dumps({"server": server.id, "key": opened.key}).encode()
        if not self._disk.set(_digest(cookie), entry):
            server.source.log_out(opened.key, deadline)
            raise ServiceError("the login could not be kept; the cache folder does not take it")
        return cookie, opened

    def log_out(self, request: Request, deadline: Deadline) -> None:
        """End the login of the cookie, and with it the OMERO session, which was made for it.

        A session that cannot be ended now is left to time out: nobody has its key any more.
        """
        viewer = self.viewer(request, deadline)
        if viewer is None:
            return
        key = _digest(request.cookies[COOKIE])
        self._disk.delete(key)
        self._known.forget(key)
        server = find_server(self._servers, viewer.server)
        if server is not None:
            with contextlib.suppress(ServiceError):
                server.source.log_out(viewer.credentials.session_key, deadline)

    def close(self) -> None:
        """Close the files."""
        self._disk.close()

    def _read(self, key: str) -> Viewer | None:
        entry = self._disk.get(key)
        if entry is None:
            if not self._disk.stats().usable:
                raise SourceUnavailable("the store of logins cannot be read", retry_after_s=5)
            return None
        held = json.loads(entry)
        return viewer_of_session(held["server"], held["key"])

    def _server(self, wanted: str | None) -> Server:
        server = self._servers[0] if not wanted else find_server(self._servers, wanted)
        if server is None:
            raise Forbidden("Server: there is no such server.")
        return server


def open_private(folder: Path, max_entries: int, age_s: int) -> FileCache:
    """Open a store that nobody but the user of this process can read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    database = folder / "cache.db"
    # SQLite gives the files that it puts beside a database the database's own permissions.
    database.touch(mode=0o600)
    database.chmod(0o600)
    return FileCache(
        folder, max_bytes=max_entries * _ENTRY_BYTES, max_entries=max_entries, timeout_s=age_s
    )


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
