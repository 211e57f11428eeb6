"""Viewers who are logged in to OMERO.web, known by its cookie."""

import hashlib
from collections.abc import Sequence

from flask import Request

from app.identity.connector import Connector, connector_of
from app.identity.stores.base import Session, StoreAway
from app.identity.stores.bounded import BoundedStore
from app.identity.viewer import Kind, Viewer, viewer_of_session
from app.operations.memory import RecentMemory
from app.servers import Server, find_server
from cache.flight import FlightTimeout, SingleFlight
from render.deadline import Deadline
from render.errors import DeadlineExceeded, NotAuthenticated

_REMEMBERED_MAX = 5000


class OmeroWebLogins:
    """Reads OMERO.web's sessions; a login that is found is remembered for a while, none is not."""

    def __init__(
        self,
        cookie_name: str,
        stores: Sequence[BoundedStore],
        servers: Sequence[Server],
        remembered_s: float,
    ) -> None:
        self._cookie_name = cookie_name
        self._stores = stores
        self._servers = servers
        self._known: RecentMemory[Viewer] = RecentMemory(_REMEMBERED_MAX, remembered_s)
        self._flight: SingleFlight[Viewer | None] = SingleFlight((StoreAway, FlightTimeout))

    def viewer(self, request: Request, deadline: Deadline) -> Viewer | None:
        """Give who the cookie belongs to; raise StoreAway while the stores cannot tell."""
        cookie = request.cookies.get(self._cookie_name)
        if not cookie:
            return None
        key = hashlib.blake2b(cookie.encode("utf-8", "replace"), digest_size=16).digest()
        viewer = self._known.get(key)
        if viewer is not None:
            return viewer
        left_s = deadline.remaining_s("access")
        try:
            return self._flight.do(key, lambda: self._find(key, cookie, deadline), left_s)
        except FlightTimeout as error:
            raise DeadlineExceeded("the request ran out of time at the step 'access'") from error

    def close(self) -> None:
        """Close the stores."""
        for store in self._stores:
            store.close()

    def _find(self, key: bytes, cookie: str, deadline: Deadline) -> Viewer | None:
        session = self._read(cookie, deadline)
        connector = None if session is None else connector_of(session)
        if connector is None:
            return None
        viewer = self._viewer_of(connector)
        self._known.set(key, viewer)
        return viewer

    def _read(self, cookie: str, deadline: Deadline) -> Session | None:
        """Look in one store after the other; what the last one says stands."""
        away: StoreAway | None = None
        for store in self._stores:
            try:
                session = store.read(cookie, deadline.remaining_s("access"))
            except StoreAway as error:
                away = error
                continue
            away = None
            if session is not None:
                return session
        if away is not None:
            raise away
        return None

    def _viewer_of(self, connector: Connector) -> Viewer:
        server = find_server(self._servers, connector.server)
        if server is None:
            raise NotAuthenticated("the session belongs to a server that is not known here")
        kind: Kind = "public" if connector.is_public else "member"
        return viewer_of_session(server.id, connector.session_key, kind)
