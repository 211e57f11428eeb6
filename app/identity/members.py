"""Who asks, where each viewer has an OMERO session of their own."""

from collections.abc import Callable, Sequence
from typing import Protocol

from flask import Request

from app.identity.attempts import LoginAttempts
from app.identity.given import address_of, query_key_of, query_login_of, session_key_of
from app.identity.public import PublicAccess
from app.identity.viewer import Viewer, viewer_of_session, viewer_of_user
from app.networks import Network
from app.operations.memory import RecentMemory
from app.servers import Server, find_server
from render.deadline import Deadline
from render.errors import BadRequest, NotAuthenticated

_REMEMBERED_MAX = 5000
_ENDED_REMEMBERED_S = 30.0
_NOT_LOGGED_IN = "nobody is logged in"

Lookup = Callable[[Request, Deadline], Viewer | None]


class Logins(Protocol):
    """One kind of cookie that stands for a login."""

    def viewer(self, request: Request, deadline: Deadline) -> Viewer | None:
        """Give who the request's cookie belongs to, None when it has no such cookie."""
        ...

    def close(self) -> None:
        """Close connections and files."""
        ...


class MembersIdentity:
    """Tries a header, the URL (where allowed), cookies, and the public user, in that order.

    A session that OMERO.server no longer knows counts as no login, one that cannot be asked about
    does not: then SourceUnavailable is raised, as it is while a cookie's store is away.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        logins: Sequence[Logins],
        public: PublicAccess | None,
        *,
        query_secrets: bool,
        attempts: LoginAttempts | None,
        proxies: Sequence[Network],
        remembered_s: float,
    ) -> None:
        self._servers = servers
        self._logins = logins
        self._public = public
        self._query_secrets = query_secrets
        self._attempts = attempts
        self._proxies = proxies
        #: Viewers of whom the server said lately that their session is alive.
        self._alive: RecentMemory[bool] = RecentMemory(_REMEMBERED_MAX, remembered_s)
        #: Sessions that have ended, which never begin again.
        self._ended: RecentMemory[bool] = RecentMemory(_REMEMBERED_MAX, _ENDED_REMEMBERED_S)

    def viewer(self, request: Request, deadline: Deadline) -> Viewer:
        """Give the viewer; raise NotAuthenticated when nobody is logged in."""
        key = session_key_of(request)
        if key is not None:
            # Who brings a key wants to be nobody else.
            server = self._server_of(request)
            return self._checked(viewer_of_session(server, key), deadline)
        for find in self._ways():
            try:
                viewer = find(request, deadline)
                if viewer is not None and self._may_ask(viewer, request):
                    return self._checked(viewer, deadline)
            except NotAuthenticated:
                # That session has ended, or was none; another way may be open.
                continue
        public = self._public_viewer(request)
        if public is None:
            raise NotAuthenticated(_NOT_LOGGED_IN)
        return self._checked(public, deadline)

    def close(self) -> None:
        """Close the stores of cookies and attempts."""
        for logins in self._logins:
            logins.close()
        if self._attempts is not None:
            self._attempts.close()

    def _ways(self) -> list[Lookup]:
        ways: list[Lookup] = [logins.viewer for logins in self._logins]
        return [self._query_viewer, *ways] if self._query_secrets else ways

    def _query_viewer(self, request: Request, deadline: Deadline) -> Viewer | None:
        key = query_key_of(request)
        if key is not None:
            return viewer_of_session(self._server_of(request), key)
        login = query_login_of(request)
        if login is None:
            return None
        viewer = viewer_of_user(self._server_of(request), *login)
        if self._attempts is None or self._alive.get(viewer.key):
            return viewer
        with self._attempts.one(login[0], address_of(request, self._proxies)):
            return self._checked(viewer, deadline)

    def _may_ask(self, viewer: Viewer, request: Request) -> bool:
        """Tell whether a login counts for this address: the public's counts for some only."""
        if viewer.kind != "public":
            return True
        return self._public is not None and self._public.covers(request)

    def _public_viewer(self, request: Request) -> Viewer | None:
        if self._public is None or not self._public.covers(request):
            return None
        return self._public.viewer(self._server_of(request, self._public.default_server))

    def _server_of(self, request: Request, default: int | None = None) -> int:
        """Give the number of the server that the URL names, else the default, else the only one."""
        wanted = request.args.getlist("server")
        if not wanted and default is not None:
            return default
        if not wanted and len(self._servers) == 1:
            return self._servers[0].id
        server = find_server(self._servers, wanted[-1]) if wanted else None
        if server is None:
            raise BadRequest(
                f"server has to be one of 1 to {len(self._servers)}, or a server's name",
                parameter="server",
            )
        return server.id

    def _checked(self, viewer: Viewer, deadline: Deadline) -> Viewer:
        """Give the viewer when the server knows the session; raise NotAuthenticated if not."""
        if self._alive.get(viewer.key) is None:
            server = find_server(self._servers, viewer.server)
            if server is None:
                raise NotAuthenticated("the session belongs to a server that is not known here")
            if self._ended.get(viewer.key):
                raise NotAuthenticated(_NOT_LOGGED_IN)
            try:
                server.source.session(viewer.credentials, deadline)
            except NotAuthenticated:
                if viewer.credentials.joins:
                    self._ended.set(viewer.key, True)
                raise
            self._alive.set(viewer.key, True)
        return viewer
