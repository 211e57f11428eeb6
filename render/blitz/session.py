"""One login on an OMERO.server: its router session, its services, its pooled pixels stores."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import Ice

from render.blitz.ami import Connecting, call, close_connection, start
from render.blitz.endpoint import Credentials, Endpoint, Limits
from render.blitz.mapping import server_settings_of, session_user_of
from render.blitz.pixels_store import PixelsStore
from render.blitz.pyramid_service import StoreKey
from render.blitz.records import ServerSettings, SessionUser
from render.blitz.renderer import Renderer
from render.blitz.slices import Glacier2, omero
from render.blitz.store_pool import StorePool
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
    "projection": ("getProjectionService", omero.api.IProjectionPrx),
    "query": ("getQueryService", omero.api.IQueryPrx),
    "roi": ("getRoiService", omero.api.IRoiPrx),
    "script": ("getScriptService", omero.api.IScriptPrx),
    "session": ("getSessionService", omero.api.ISessionPrx),
    "settings": ("getRenderingSettingsService", omero.api.IRenderingSettingsPrx),
    "update": ("getUpdateService", omero.api.IUpdatePrx),
}


class LiveSession:
    """An open session, on a connection of its own, by which the router tells sessions apart.

    Made by `log_in`; after `close` or a lost connection it is of no further use. All its proxies
    are fixed to the connection: the session would not survive a new one. It matters for another
    reason too. A proxy that has yet to find its connection makes whoever calls it at the wrong
    moment wait inside Ice, with Python's global lock held, for a thread that may need that lock.
    """

    user: SessionUser
    settings: ServerSettings
    factory: Any

    def __init__(
        self, router: Any, connection: Any, session_key: str, client_uuid: str, limits: Limits
    ) -> None:
        self._router = router
        self._connection = connection
        self._context = {"omero.client.uuid": client_uuid, "omero.session.uuid": session_key}
        self._services: dict[tuple[str, int | None], Any] = {}
        self._has_routing_table = True
        #: The key by which others can join the session.
        self.key = session_key
        self.limits = limits
        self.stores = StorePool(self._create_store, limits)
        self.renderers = StorePool(self.create_renderer, limits)

    def begin(self, session_proxy: Any, joined: bool, deadline: Deadline) -> None:
        """Make the session usable; to be called once, right after the login."""
        _, has_table = call(deadline, "ask the router", self._router.getClientProxyAsync)
        # Left out by older routers, all of which have one.
        self._has_routing_table = has_table is not False
        proxy = omero.api.ServiceFactoryPrx.uncheckedCast(session_proxy)
        self.factory = self.adopt([proxy], deadline)[0]
        if joined:
            # Before anything else: until this is said, our leaving would end the session for
            # everybody, such as the person who is logged in to OMERO.web with it.
            self.detach(deadline)
        self._learn(deadline)

    def detach(self, deadline: Deadline) -> None:
        """Have the OMERO session outlive this login."""
        call(deadline, "detach from the session", self.factory.detachOnDestroyAsync)

    def adopt(
        self, proxies: Sequence[Any], deadline: Deadline, group_id: int | None = None
    ) -> list[Any]:
        """Make proxies out of replies callable: known to the router, with connection and context.

        Encoding 1.0 lets unknown subclasses be received as their nearest known base.
        """
        if self._has_routing_table:
            call(deadline, "tell the router", self._router.addProxiesAsync, list(proxies))
        context = dict(self._context)
        if group_id is not None:
            context["omero.group"] = str(group_id)
        return [
            proxy.ice_fixed(self._connection)
            .ice_encodingVersion(Ice.Encoding_1_0)
            .ice_context(context)
            for proxy in proxies
        ]

    def service(self, name: str, deadline: Deadline, group_id: int | None = ALL_GROUPS) -> Any:
        """Give a stateless service for calls within a group (None = the session's own)."""
        known = self._services.get((name, group_id))
        if known is not None:
            return known
        return self._open_services({name: group_id}, deadline)[0]

    def _open_services(self, wanted: Mapping[str, int | None], deadline: Deadline) -> list[Any]:
        """Ask for stateless services, by name, that are to work in the groups given."""
        asked = [
            start(f"get {name} service", getattr(self.factory, f"{_SERVICES[name][0]}Async"))
            for name in wanted
        ]
        proxies = [pending.result(deadline) for pending in asked]
        if None in proxies:
            raise SourceFailed("OMERO.server does not offer all its services")
        proxies = self.adopt(proxies, deadline)
        for (name, group_id), proxy in zip(wanted.items(), proxies, strict=True):
            service = _SERVICES[name][1].uncheckedCast(proxy)
            if group_id is not None:
                group = {"omero.group": str(group_id)}
                service = service.ice_context(self._context | group)
            self._services[name, group_id] = service
        return [self._services[item] for item in wanted.items()]

    def _learn(self, deadline: Deadline) -> None:
        """Learn whose session this is and what the server's settings are."""
        self._open_services({"admin": None, "config": None, "query": ALL_GROUPS}, deadline)
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

    def router_answers(self, within_s: float) -> bool:
        """Tell whether the router gives a sign of life on the session's connection."""
        try:
            call(Deadline.after(within_s), "ask the router", self._router.ice_pingAsync)
        except ServiceError as error:
            log.debug("the router does not answer: %s", error)
            return False
        return True

    def close(self, deadline: Deadline) -> None:
        """End the router session; a joined OMERO session goes on without us. Never raises."""
        self.stores.close(deadline)
        self.renderers.close(deadline)
        try:
            call(deadline, "log out", self._router.destroySessionAsync)
        except ServiceError as error:
            # The router often drops the connection before its answer is through.
            log.debug("logging out ended with: %s", error)
        self.drop_connection()

    def drop_connection(self) -> None:
        """Close the session's connection at once, without asking the other side."""
        close_connection(self._connection)

    def _create_store(self, key: StoreKey, deadline: Deadline) -> PixelsStore:
        proxy = call(deadline, "open a pixels store", self.factory.createRawPixelsStoreAsync)
        store = omero.api.RawPixelsStorePrx.uncheckedCast(proxy)
        return PixelsStore(self.adopt([store], deadline, key.group_id)[0], key)

    def create_renderer(self, key: StoreKey, deadline: Deadline) -> Renderer:
        """Make an engine that belongs to no pool; the caller opens and closes it."""
        proxy = call(deadline, "open a rendering engine", self.factory.createRenderingEngineAsync)
        engine = omero.api.RenderingEnginePrx.uncheckedCast(proxy)
        return Renderer(self.adopt([engine], deadline, key.group_id)[0], key)


def log_in(
    communicator: Any,
    endpoint: Endpoint,
    credentials: Credentials,
    limits: Limits,
    deadline: Deadline,
) -> LiveSession:
    """Open a session: log in with user and password, or join one by its key."""
    client_uuid = str(uuid.uuid4())
    router, connection = _connect(communicator, endpoint, client_uuid, deadline)
    name = credentials.session_key or credentials.user
    password = credentials.session_key or credentials.password
    context = {"omero.client.uuid": client_uuid, "omero.agent": "Blitzrender"}
    try:
        proxy = call(
            deadline, "log in", router.ice_context(context).createSessionAsync, name, password
        )
        if proxy is None:
            raise SourceFailed("OMERO.server made no session for the login")
        # The session's key is the name of its proxy's identity.
        key = proxy.ice_getIdentity().name
        live = LiveSession(router, connection, key, client_uuid, limits)
        live.begin(proxy, credentials.joins, deadline)
    except BaseException:
        close_connection(connection)
        raise
    return live


def ping_router(communicator: Any, endpoint: Endpoint, deadline: Deadline) -> None:
    """Have the router give a sign of life on a connection made for that."""
    router, connection = _connect(communicator, endpoint, str(uuid.uuid4()), deadline)
    try:
        call(deadline, "ask the router", router.ice_pingAsync)
    finally:
        close_connection(connection)


def _connect(
    communicator: Any, endpoint: Endpoint, connection_id: str, deadline: Deadline
) -> tuple[Any, Any]:
    """Make a connection of its own; give the router, fixed to it, and the connection."""
    router = Glacier2.RouterPrx.uncheckedCast(
        communicator.stringToProxy(endpoint.router_text())
    ).ice_connectionId(connection_id)
    connection = Connecting(router).result(deadline)
    return router.ice_fixed(connection), connection
