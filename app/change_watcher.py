"""Has one process of each host look what others changed on a server, and outdates it for all."""

import contextlib
import fcntl
import logging
import os
import threading
from pathlib import Path

from app.freshness import Freshness
from app.servers import own_credentials_of
from app.settings import PREFIX, Settings, SettingsError
from render.blitz.endpoint import Credentials
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from render.errors import ServiceError
from render.waiting import spawn

log = logging.getLogger(__name__)

#: How long one look may take.
_LOOK_TIMEOUT_S = 20.0


class ChangeWatcher:
    """Looks at a server's event log from `start` until `close`, while no other process does.

    Which process it is, a lock on a file tells: it falls to another one when the first ends.
    """

    def __init__(
        self,
        source: BlitzSource,
        credentials: Credentials,
        freshness: Freshness,
        lock_path: Path,
        interval_s: float,
    ) -> None:
        self._source = source
        self._credentials = credentials
        self._freshness = freshness
        self._lock_path = lock_path
        self._interval_s = interval_s
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._lock_file: int | None = None
        self._last: int | None = None
        self._complained = False

    def start(self) -> None:
        """Begin to look, in the background."""
        spawn(self._watch)

    def close(self) -> None:
        """Stop, after a look that is under way."""
        self._closed.set()
        self._ended.wait(_LOOK_TIMEOUT_S)

    def look(self) -> None:
        """Look once, if it is this process that looks."""
        try:
            if self._holds_lock():
                self._look()
            self._complained = False
        except (OSError, ServiceError) as error:
            if not self._complained:
                log.warning("cannot look what others changed: %s", error)
            self._complained = True

    def _watch(self) -> None:
        try:
            while not self._closed.is_set():
                self.look()
                self._closed.wait(self._interval_s)
        finally:
            if self._lock_file is not None:
                os.close(self._lock_file)
            self._ended.set()

    def _look(self) -> None:
        deadline = Deadline.after(_LOOK_TIMEOUT_S)
        session = self._source.session(self._credentials, deadline)
        changes = session.changes_since(self._last, deadline)
        if changes.everything or self._last is None:
            # Nobody knows what happened before the first look.
            self._freshness.touch_all()
        self._freshness.touch(changes.image_ids)
        self._last = changes.last

    def _holds_lock(self) -> bool:
        if self._lock_file is not None:
            return True
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock_file = descriptor
            return True
        os.close(descriptor)
        return False


def watcher_credentials(settings: Settings) -> Credentials | None:
    """Give the login that looks, None when nobody shall. Raises SettingsError without a login."""
    if not settings.change_poll_s:
        return None
    if settings.change_poll_user is not None and settings.change_poll_password is not None:
        password = settings.change_poll_password.get_secret_value()
        return Credentials.login(settings.change_poll_user, password)
    credentials = own_credentials_of(settings)
    if credentials is None:
        raise SettingsError(
            f"setting change_poll_s ({PREFIX}CHANGE_POLL_S) = {settings.change_poll_s}: "
            "needs change_poll_user and change_poll_password where viewers log in"
        )
    return credentials
