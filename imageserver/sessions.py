"""Sessions, the clients that hold them, and the services that belong to each client."""

import hmac
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import Ice

from imageserver.identity import LocalUser

log = logging.getLogger("blitzrender.imageserver")

FACTORY_PREFIX = "session-"


@dataclass
class Session:
    """An OMERO session: a key that any number of clients may hold.

    `timeout_s` is the time without a call after which it ends.
    """

    id: int
    key: str
    agent: str
    started_s: float
    timeout_s: float
    used_s: float = field(default_factory=time.monotonic)
    clients: "dict[str, Client]" = field(default_factory=dict)

    def touch(self) -> None:
        """Note that a call came in."""
        self.used_s = time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether no call came in for too long."""
        return time.monotonic() - self.used_s > self.timeout_s


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


class Sessions:
    """All sessions and clients. Thread-safe."""

    def __init__(self, user: LocalUser, password: str, timeout_s: float) -> None:
        self.user = user
        self._password = password
        self.timeout_s = timeout_s
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._clients: dict[str, Client] = {}
        self._by_connection: dict[Any, Client] = {}
        self._numbers = itertools.count(1)

    # -- logging in and out ----------------------------------------------------------------

    def accepts(self, user: str, password: str) -> bool:
        """Tell whether these open a session: the user's own, or a live session's key twice."""
        with self._lock:
            if user in self._sessions or password in self._sessions:
                return user == password
        # Both are compared whatever the first gives, so that the time taken tells nothing.
        name_fits = _same(user, self.user.name)
        return _same(password, self._password) and name_fits

    def open(self, user: str, client_id: str, agent: str, connection: Any) -> Client:
        """Let a client in, whose credentials `accepts` approved.

        A client that comes again under its id takes the place of its former login.
        """
        with self._lock:
            former = self._clients.get(client_id)
        if former is not None:
            self.end(former)
        with self._lock:
            session = self._sessions.get(user) or self._start(agent)
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
        with self._lock:
            expired = [session.key for session in self._sessions.values() if session.expired]
        for key in expired:
            log.info("a session ended because nobody used it")
            self.close(key)

    # -- finding ---------------------------------------------------------------------------

    def session(self, key: str) -> Session | None:
        """Give the live session with a key, or None."""
        with self._lock:
            return self._sessions.get(key)

    def all_sessions(self) -> list[Session]:
        """Give the live sessions, the oldest first."""
        with self._lock:
            return list(self._sessions.values())

    def client_at(self, connection: Any) -> Client | None:
        """Give the client that logged in over a connection, or None."""
        with self._lock:
            return self._by_connection.get(connection)

    def servant(self, identity: Ice.Identity) -> Any:
        """Give the servant of an identity, or None."""
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
        if holder is not None and found is not None:
            holder.session.touch()
        return found

    def _start(self, agent: str) -> Session:
        session = Session(
            next(self._numbers), str(uuid.uuid4()), agent, time.time(), self.timeout_s
        )
        self._sessions[session.key] = session
        return session


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _quietly(action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception:
        log.exception("something went wrong while closing a session")
