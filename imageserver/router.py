"""The ways in: the server as its own Glacier2 router, and the two objects a real router asks.

Either way a login ends in `Sessions.open`. The own router ties it to the connection that it came
over; a real router does that itself and is told which identity categories its client may address.
"""

import logging
from collections.abc import Callable
from typing import Any

import Ice

from imageserver.calls import fail_later
from imageserver.sessions import FACTORY_PREFIX, Client, Sessions, TooManySessions
from render.blitz.slices import Glacier2, omero

log = logging.getLogger("blitzrender.imageserver")

ROUTER_ID = Ice.Identity("router", "OMERO.Glacier2")
MANAGER_ID = Ice.Identity("BlitzManager", "")
VERIFIER_ID = Ice.Identity("BlitzVerifier", "")
REFUSED = "The user name, password or session key is wrong."

MakeFactory = Callable[[Client], Any]


class Router(Glacier2.Router):
    """OMERO.Glacier2/router on the server's own endpoints.

    Its client proxy is null, which makes clients send everything to these endpoints. It keeps no
    routing table, passes no callbacks on, and answers a wrong password only after a while.
    """

    def __init__(
        self,
        sessions: Sessions,
        make_factory: MakeFactory,
        session_timeout_s: int,
        refusal_delay_s: float,
    ) -> None:
        self._sessions = sessions
        self._make_factory = make_factory
        self._timeout_s = session_timeout_s
        self._refusal_delay_s = refusal_delay_s

    def getClientProxy(self, current: Ice.Current) -> tuple[None, bool]:  # noqa: N802
        return None, False

    def getServerProxy(self, current: Ice.Current) -> Any:  # noqa: N802
        return current.adapter.createProxy(ROUTER_ID)

    def addProxies(self, proxies: Any, current: Ice.Current) -> list:  # noqa: N802
        return []

    def getCategoryForClient(self, current: Ice.Current) -> str:  # noqa: N802
        return self._client(current).factory_category

    def createSession(self, user: str, password: str, current: Ice.Current) -> Any:  # noqa: N802
        if self._sessions.client_at(current.con) is not None:
            raise Glacier2.CannotCreateSessionException("This connection has a session already.")
        client_id = _client_id(current)
        if not self._sessions.accepts(user, password):
            return fail_later(self._refusal_delay_s, Glacier2.PermissionDeniedException(REFUSED))
        client = _open(self._sessions, user, client_id, current, current.con, self._make_factory)
        current.con.setCloseCallback(lambda connection: self._sessions.end(client))
        return _factory_proxy(client, current)

    def createSessionFromSecureConnection(self, current: Ice.Current) -> Any:  # noqa: N802
        raise Glacier2.PermissionDeniedException("Certificates do not log anybody in here.")

    def refreshSession(self, current: Ice.Current) -> None:  # noqa: N802
        self._client(current).session.touch()

    def destroySession(self, current: Ice.Current) -> None:  # noqa: N802
        self._sessions.end(self._client(current))

    def getSessionTimeout(self, current: Ice.Current) -> int:  # noqa: N802
        return self._timeout_s

    def getACMTimeout(self, current: Ice.Current) -> int:  # noqa: N802
        return self._timeout_s

    def _client(self, current: Ice.Current) -> Client:
        client = self._sessions.client_at(current.con)
        if client is None:
            raise Glacier2.SessionNotExistException()
        return client


class Verifier(Glacier2.PermissionsVerifier):
    """Tells a real router whether a user may log in."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def checkPermissions(  # noqa: N802
        self, user: str, password: str, current: Ice.Current
    ) -> tuple[bool, str]:
        allowed = self._sessions.accepts(user, password)
        return allowed, "" if allowed else REFUSED


class Manager(Glacier2.SessionManager):
    """Makes the session for a client that a real router has let in."""

    def __init__(self, sessions: Sessions, make_factory: MakeFactory) -> None:
        self._sessions = sessions
        self._make_factory = make_factory

    def create(self, user: str, control: Any, current: Ice.Current) -> Any:
        client_id = _client_id(current)
        client = _open(self._sessions, user, client_id, current, None, self._make_factory)
        if control is not None:
            control.categories().add([client.factory_category, client.session.key])
            # Without waiting: the router may be the one who is just ending this session.
            client.on_end = control.destroyAsync
        return _factory_proxy(client, current)


class Gate(Ice.ServantLocator):
    """Finds the servant of a call, or nothing when the caller may not address it.

    With `only_own`, as on the endpoints that clients reach, a caller addresses the two categories
    of the login that its connection holds, which a real router sees to by itself.
    """

    def __init__(self, sessions: Sessions, only_own: bool) -> None:
        self._sessions = sessions
        self._only_own = only_own

    def locate(self, current: Ice.Current) -> Any:
        if self._only_own:
            client = self._sessions.client_at(current.con)
            if client is None or current.id.category not in (
                client.factory_category,
                client.session.key,
            ):
                return None
        return self._sessions.servant(current.id)

    def finished(self, current: Ice.Current, servant: Any, cookie: Any) -> None:
        """Nothing to give back."""

    def deactivate(self, category: str) -> None:
        """Nothing to close: the server closes the sessions."""


def _client_id(current: Ice.Current) -> str:
    client_id = current.ctx.get("omero.client.uuid", "")
    if not client_id:
        raise omero.WrappedCreateSessionException(
            reason="The request context has no omero.client.uuid.",
            type="ome.conditions.ApiUsageException",
        )
    return client_id


def _open(
    sessions: Sessions,
    user: str,
    client_id: str,
    current: Ice.Current,
    connection: Any,
    make_factory: MakeFactory,
) -> Client:
    agent, group = (current.ctx.get(f"omero.{name}", "") for name in ("agent", "group"))
    try:
        client = sessions.open(user, client_id, agent, connection, group)
    except (LookupError, TooManySessions) as error:
        raise omero.WrappedCreateSessionException(
            reason=f"Refused: {error}.", type="ome.conditions.SecurityViolation"
        ) from error
    client.factory = make_factory(client)
    return client


def _factory_proxy(client: Client, current: Ice.Current) -> Any:
    identity = Ice.Identity(client.session.key, FACTORY_PREFIX + client.id)
    return Glacier2.SessionPrx.uncheckedCast(current.adapter.createProxy(identity))
