"""One login on an OMERO.server: its router session, its services, its pooled pixels stores."""

import contextlib
import logging
import uuid
from typing import Any

import Ice

from render.blitz.ami import Pending, call, start
from render.blitz.endpoint import Credentials, Endpoint, Limits
from render.blitz.mapping import server_settings_of, session_user_of
from render.blitz.records import ServerSettings, SessionUser
from render.blitz.slices import Glacier2, omero
from render.blitz.stores import StorePool
from render.deadline import Deadline
from render.errors import Forbidden, ServiceError, SourceFailed

log = logging.getLogger(__name__)

#: Group id in a call's context that means: all groups the viewer may read.
ALL_GROUPS = -1

#: Settings of the server that are worth knowing; the pattern has to match the whole name.
_SETTINGS_PATTERN = r"omero\.(pixeldata|client)\..*"

#: Stateless services by short name: the call that gives one, and its type.
_SERVICES = {
    "admin": ("getAdminService", omero.api.IAdminPrx),
    "config": ("getConfigService", omero.api.IConfigPrx),
    "container": ("getContainerService", omero.api.IContainerPrx),
    "metadata": ("getMetadataService", omero.api.IMetadataPrx),
    "query": ("getQueryService", omero.api.IQueryPrx),
    "script": ("getScriptService", omero.api.IScriptPrx),
}


class LiveSession:
    """An open session. Each has a connection of its own, told apart by its client uuid.

    Made by `log_in`; after `close` or a lost connection it is of no further use.
    """

    user: SessionUser
    settings: ServerSettings

    def __init__(self, router: Any, session_proxy: Any, client_uuid: str, limits: Limits) -> None:
        self._router = router
        self._client_uuid = client_uuid
        #: The key by which others can join the session: the name of its proxy's identity.
        self.key: str = session_proxy.ice_getIdentity().name
        self._context = {"omero.client.uuid": client_uuid, "omero.session.uuid": self.key}
        self._services: dict[tuple[str, int | None], Any] = {}
        self.limits = limits
        self.factory = self.bind(omero.api.ServiceFactoryPrx.uncheckedCast(session_proxy))
        self.stores = StorePool(self._create_store, limits)

    def bind(self, proxy: Any, group_id: int | None = None) -> Any:
        """Give a proxy out of a reply what it needs to be called: router, connection, context.

        Encoding 1.0 lets unknown subclasses be received as their nearest known base.
        """
        context = dict(self._context)
        if group_id is not None:
            context["omero.group"] = str(group_id)
        return (
            proxy.ice_router(self._router)
            .ice_connectionId(self._client_uuid)
            .ice_encodingVersion(Ice.Encoding_1_0)
            .ice_context(context)
        )

    def service(self, name: str, deadline: Deadline, group_id: int | None = ALL_GROUPS) -> Any:
        """Give a stateless service for calls within a group (None = the session's own)."""
        known = self._services.get((name, group_id))
        if known is not None:
            return known
        return self._keep_service(name, group_id, self._ask_for_service(name).result(deadline))

    def _ask_for_service(self, name: str) -> Pending:
        getter, _ = _SERVICES[name]
        return start(f"get {name} service", getattr(self.factory, f"{getter}Async"))

    def _keep_service(self, name: str, group_id: int | None, proxy: Any) -> Any:
        if proxy is None:
            raise SourceFailed(f"OMERO.server offers no {name} service")
        _, kind = _SERVICES[name]
        bound = self.bind(kind.uncheckedCast(proxy), group_id)
        self._services[name, group_id] = bound
        return bound

    def prepare(self, deadline: Deadline) -> None:
        """Learn whose session this is and what the server's settings are."""
        wanted = {"admin": None, "config": None, "query": ALL_GROUPS}
        asked = {name: self._ask_for_service(name) for name in wanted}
        for name, group_id in wanted.items():
            self._keep_service(name, group_id, asked[name].result(deadline))
        event_context = start(
            "ask who is logged in", self._services["admin", None].getEventContextAsync
        )
        settings = start(
            "read the server's settings",
            self._services["config", None].getConfigValuesAsync,
            _SETTINGS_PATTERN,
        )
        self.user = session_user_of(event_context.result(deadline))
        try:
            self.settings = server_settings_of(settings.result(deadline))
        except Forbidden:
            # A server may keep its settings to administrators; its defaults are well known.
            self.settings = ServerSettings()

    def keep_alive(self, deadline: Deadline) -> None:
        """Refresh both clocks, the router's and the server's. A false answer means nothing."""
        call(deadline, "keep the session alive", self.factory.keepAliveAsync, None)

    def close(self, deadline: Deadline) -> None:
        """End the router session; a joined OMERO session goes on without us. Never raises."""
        self.stores.close(deadline)
        try:
            call(deadline, "log out", self._router.destroySessionAsync)
        except ServiceError as error:
            # The router often drops the connection before its answer is through.
            log.debug("logging out ended with: %s", error)
        self.drop_connection()

    def drop_connection(self) -> None:
        """Close the session's connection at once, without asking the other side."""
        drop_connection(self._router)

    def _create_store(self, group_id: int, deadline: Deadline) -> Any:
        proxy = call(deadline, "open a pixels store", self.factory.createRawPixelsStoreAsync)
        return self.bind(omero.api.RawPixelsStorePrx.uncheckedCast(proxy), group_id)


def log_in(
    communicator: Any,
    endpoint: Endpoint,
    credentials: Credentials,
    limits: Limits,
    deadline: Deadline,
) -> LiveSession:
    """Open a session: log in with user and password, or join one by its key."""
    client_uuid = str(uuid.uuid4())
    # A connection of its own for each session: the router tells sessions apart by connection.
    router = Glacier2.RouterPrx.uncheckedCast(
        communicator.stringToProxy(endpoint.router_text())
    ).ice_connectionId(client_uuid)
    name = credentials.session_key or credentials.user
    password = credentials.session_key or credentials.password
    context = {"omero.client.uuid": client_uuid, "omero.agent": "Blitzrender"}
    try:
        proxy = call(deadline, "log in", router.createSessionAsync, name, password, context)
        if proxy is None:
            raise SourceFailed("OMERO.server made no session for the login")
        live = LiveSession(router, proxy, client_uuid, limits)
        if credentials.joins:
            # Before anything else: until this is said, our leaving would end the session for
            # everybody, such as the person who is logged in to OMERO.web with it.
            call(deadline, "detach from the session", live.factory.detachOnDestroyAsync)
        live.prepare(deadline)
    except BaseException:
        drop_connection(router)
        raise
    return live


def drop_connection(router: Any) -> None:
    """Close the connection that a router proxy uses, if there is one."""
    with contextlib.suppress(Ice.Exception):
        connection = router.ice_getCachedConnection()
        if connection is not None:
            connection.close(Ice.ConnectionClose.Forcefully)
