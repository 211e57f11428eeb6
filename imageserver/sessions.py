"""Sessions, the clients that hold them, and the services that belong to each client."""

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import Ice

from imageserver.accounts import Accounts, User
from imageserver.accounts.source import AccountsSource

log = logging.getLogger("blitzrender.imageserver")

FACTORY_PREFIX = "session-"
# Sessions of one user that were made but that no client holds.
_MOST_UNHELD = 100


@dataclass
class Session:
    """An OMERO session: a key that any number of clients may hold.

    `group_id` is the group that calls are made in which name none; None = the user's default one.
    `timeout_s` is the time without a call after which it ends, `lifetime_s` the time after which it
    ends in any case (0: never). `sudoer_id` is the administrator who made it for the user.
    """

    id: int
    key: str
    user_id: int
    user_name: str
    agent: str
    started_s: float
    timeout_s: float
    group_id: int | None = None
    lifetime_s: float = 0.0
    sudoer_id: int | None = None
    began_s: float = field(default_factory=time.monotonic)
    used_s: float = field(default_factory=time.monotonic)
    clients: "dict[str, Client]" = field(default_factory=dict)

    def touch(self) -> None:
        """Note that a call came in."""
        self.used_s = time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether no call came in for too long, or its time is over."""
        now_s = time.monotonic()
        over = self.lifetime_s > 0 and now_s - self.began_s > self.lifetime_s
        return over or now_s - self.used_s > self.timeout_s

    def user(self, accounts: Accounts) -> User | None:
        """Give its user, or None when there is no such user any more."""
        user = accounts.users.get(self.user_id)
        return user if user is not None and user.name == self.user_name else None

    def group_now(self, accounts: Accounts) -> int:
        """Give the group of calls that name none: its own while the user may be in there."""
        user = accounts.users[self.user_id]
        groups = accounts.groups_of(user)
        own = accounts.groups.get(self.group_id) if self.group_id is not None else None
        if own is not None and (user.is_admin or own in groups):
            return own.id
        return groups[0].id


class Client:
    """One login: a router session, with the services that were made for it."""

    def __init__(self, client_id: str, session: Session, connection: Any) -> None:
        self.id = client_id
        self.session = session
        self.connection = connection
        self.detached = False
        self.factory: Any = None
        self.on_end: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._services: dict[str, Any] = {}

    @property
    def factory_category(self) -> str:
        """The category of the identity of this client's ServiceFactory."""
        return FACTORY_PREFIX + self.id

    def service(self, name: str) -> Any:
        """Give a service of this client by the name in its identity, or None."""
        return self._services.get(name)

    def service_names(self) -> list[str]:
        """Give the names of the services that are open."""
        with self._lock:
            return sorted(self._services)

    def stateless(self, name: str, make: Callable[[], Any]) -> str:
        """Give the identity's name of a stateless service, made on first use."""
        full_name = self.id + name
        with self._lock:
            if full_name not in self._services:
                self._services[full_name] = make()
        return full_name

    def stateful(self, name: str, make: Callable[[str], Any]) -> str:
        """Make a stateful service; `make` gets the identity's name, which is given back."""
        full_name = f"{uuid.uuid4()}{name}"
        service = make(full_name)
        with self._lock:
            self._services[full_name] = service
        return full_name

    def forget(self, name: str) -> None:
        """Drop a service that was closed: calls to it find nothing from now on."""
        with self._lock:
            self._services.pop(name, None)

    def close_services(self) -> None:
        """Close every stateful service."""
        with self._lock:
            services, self._services = list(self._services.values()), {}
        for service in services:
            release = getattr(service, "release", None)
            if release is not None:
                _quietly(release)


class TooManySessions(Exception):
    """A user has too many sessions that nobody uses."""


class Sessions:
    """All sessions and clients. Thread-safe."""

    def __init__(self, accounts: AccountsSource, timeout_s: float) -> None:
        self._accounts = accounts
        #: The accounts as they were when `accounts` looked last.
        self.accounts_seen = accounts.current()
        self.timeout_s = timeout_s
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._clients: dict[str, Client] = {}
        self._by_connection: dict[Any, Client] = {}
        self._numbers = itertools.count(1)

    # -- logging in and out ----------------------------------------------------------------

    def accepts(self, user: str, password: str) -> bool:
        """Tell whether these open a session: the user's own, or a live session's key twice."""
        self.accounts()
        with self._lock:
            keys = [key for key in (user, password) if key in self._sessions]
        # One that is over counts until it is asked for.
        if any(self.session(key) is not None for key in keys):
            return user == password
        return self.knows(user, password)

    def knows(self, user_name: str, password: str) -> bool:
        """Tell whether this is the user's password."""
        accounts = self._accounts.current()
        user = accounts.user_named(user_name)
        if user is not None and user.secret is not None:
            return user.secret.fits(password)
        # Another one's is compared all the same, so that the time taken tells nothing.
        secrets = [u.secret for u in accounts.users.values() if u.secret is not None]
        for secret in sorted(secrets, key=lambda secret: secret.hashed)[-1:]:
            secret.fits(password)
        return False

    def open(
        self, user: str, client_id: str, agent: str, connection: Any, group_name: str = ""
    ) -> Client:
        """Let a client in, whose credentials `accepts` approved.

        A client that comes again under its id takes the place of its former login. Raises
        LookupError when there is no such user any more, or the user is in no group of that name.
        """
        with self._lock:
            former = self._clients.get(client_id)
        if former is not None:
            self.end(former)
        with self._lock:
            session = self.session(user) or self.start(user, agent, group_name)
            client = Client(client_id, session, connection)
            session.touch()
            session.clients[client_id] = client
            self._clients[client_id] = client
            if connection is not None:
                self._by_connection[connection] = client
        return client

    def end(self, client: Client) -> None:
        """End one login. The session ends with its last client, unless that one had detached."""
        with self._lock:
            if self._clients.pop(client.id, None) is None:
                return
            self._by_connection.pop(client.connection, None)
            session = client.session
            session.clients.pop(client.id, None)
            if not session.clients and not client.detached:
                self._sessions.pop(session.key, None)
        client.close_services()
        if client.on_end is not None:
            _quietly(client.on_end)

    def close(self, key: str) -> bool:
        """End a session with all its clients; false when there is none with this key."""
        with self._lock:
            session = self._sessions.pop(key, None)
            clients = list(session.clients.values()) if session else []
        for client in clients:
            self.end(client)
        return session is not None

    def close_all(self) -> None:
        """End everything."""
        with self._lock:
            keys = list(self._sessions)
        for key in keys:
            self.close(key)

    def close_expired(self) -> None:
        """End the sessions that nobody used for too long."""
        self.accounts()
        with self._lock:
            expired = [session.key for session in self._sessions.values() if session.expired]
        for key in expired:
            log.info("a session ended because nobody used it")
            self.close(key)

    # -- finding ---------------------------------------------------------------------------

    def session(self, key: str) -> Session | None:
        """Give the live session with a key, or None."""
        with self._lock:
            session = self._sessions.get(key)
        if session is None or not session.expired:
            return session
        self.close(key)
        return None

    def all_sessions(self) -> list[Session]:
        """Give the live sessions, the oldest first."""
        with self._lock:
            return list(self._sessions.values())

    def client_at(self, connection: Any) -> Client | None:
        """Give the client that logged in over a connection, or None."""
        with self._lock:
            return self._by_connection.get(connection)

    def accounts(self) -> Accounts:
        """Give the accounts of this moment; sessions of users who are no more have ended."""
        accounts = self._accounts.current()
        if accounts is not self.accounts_seen:
            with self._lock:
                self.accounts_seen = accounts
                gone = [s.key for s in self._sessions.values() if s.user(accounts) is None]
            for key in gone:
                log.info("a session ended because its user is there no more")
                self.close(key)
        return accounts

    def servant(self, identity: Ice.Identity) -> Any:
        """Give the servant of an identity, or None."""
        self.accounts()
        category, name = identity.category, identity.name
        with self._lock:
            if category.startswith(FACTORY_PREFIX):
                client = self._clients.get(category.removeprefix(FACTORY_PREFIX))
                found = client.factory if client and client.session.key == name else None
                holder = client
            else:
                session = self._sessions.get(category)
                clients = session.clients.values() if session else ()
                holder = next((c for c in clients if c.service(name) is not None), None)
                found = holder.service(name) if holder else None
        if holder is None or found is None:
            return None
        if holder.session.expired:
            self.close(holder.session.key)
            return None
        holder.session.touch()
        return found

    def start(self, user_name: str, agent: str, group_name: str = "", **limits: Any) -> Session:
        """Make a session of a user that no client holds yet; `limits` are fields of Session.

        Raises LookupError when there is no such user, or the user is in no group of that name, and
        TooManySessions.
        """
        accounts = self._accounts.current()
        user = accounts.user_named(user_name)
        if user is None:
            raise LookupError(f"there is no user {user_name}")
        group = accounts.group_named(group_name) if group_name else None
        if group_name and (group is None or not (user.is_admin or user.id in group.members)):
            raise LookupError(f"the user {user_name} is no member of a group {group_name}")
        session = Session(
            next(self._numbers),
            str(uuid.uuid4()),
            user.id,
            user.name,
            agent,
            time.time(),
            **{"timeout_s": self.timeout_s, **limits},
            group_id=None if group is None else group.id,
        )
        with self._lock:
            unheld = [s for s in self._sessions.values() if s.user_id == user.id and not s.clients]
            if len(unheld) >= _MOST_UNHELD:
                raise TooManySessions(
                    f"the user {user_name} has {_MOST_UNHELD} sessions that nobody uses"
                )
            self._sessions[session.key] = session
        return session


def _quietly(action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception:
        log.exception("something went wrong while closing a session")
