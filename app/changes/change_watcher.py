"""Has one process of each host look what others changed on a server, and outdates it for all."""

import logging
import threading

from app.changes.freshness import Freshness
from app.host_lock import HostLock
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
    """Looks at a server's event log from `start` until `close`, while it has the lock for it."""

    def __init__(
        self,
        source: BlitzSource,
        credentials: Credentials,
        freshness: Freshness,
        lock: HostLock,
        interval_s: float,
    ) -> None:
        self._source = source
        self._credentials = credentials
        self._freshness = freshness
        self._lock = lock
        self._interval_s = interval_s
        self._closed = threading.Event()
        self._ended = threading.Event()
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
            if self._lock.acquire():
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
            self._lock.release()
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
