"""ServiceFactory: what a client holds after logging in, and where it gets every service."""

from collections.abc import Callable
from typing import Any

import Ice

from imageserver.entities import Entity
from imageserver.faults import guarded, usage
from imageserver.model import Builder
from imageserver.services import refused
from imageserver.services.admin import Admin
from imageserver.services.config import Config
from imageserver.services.container import Container
from imageserver.services.context import ServiceContext
from imageserver.services.handle import Handle
from imageserver.services.metadata import Metadata
from imageserver.services.pixels import Pixels
from imageserver.services.query import Query
from imageserver.services.raw_file import RawFileStore
from imageserver.services.raw_pixels import RawPixelsStore
from imageserver.services.rendering_engine import RenderingEngine
from imageserver.services.rendering_settings import RenderingSettings
from imageserver.services.roi import Roi
from imageserver.services.script import Script
from imageserver.services.session import Session
from imageserver.services.shared_resources import SharedResources
from imageserver.services.types import Types
from imageserver.services.update import Update
from render.blitz.slices import omero

# Operation, name in the identity, servant class.
_STATELESS = (
    ("getAdminService", "omero.api.IAdmin", Admin),
    ("getConfigService", "omero.api.IConfig", Config),
    ("getContainerService", "omero.api.IContainer", Container),
    ("getMetadataService", "omero.api.IMetadata", Metadata),
    ("getPixelsService", "omero.api.IPixels", Pixels),
    ("getProjectionService", "omero.api.IProjection", refused.Projection),
    ("getQueryService", "omero.api.IQuery", Query),
    ("getRenderingSettingsService", "omero.api.IRenderingSettings", RenderingSettings),
    ("getRoiService", "omero.api.IRoi", Roi),
    ("getScriptService", "omero.api.IScript", Script),
    ("getSessionService", "omero.api.ISession", Session),
    ("getTimelineService", "omero.api.ITimeline", refused.Timeline),
    ("getTypesService", "omero.api.ITypes", Types),
    ("getUpdateService", "omero.api.IUpdate", Update),
)
_STATEFUL = (
    ("createExporter", "omero.api.Exporter", refused.Exporter),
    ("createRawFileStore", "omero.api.RawFileStore", RawFileStore),
    ("createRawPixelsStore", "omero.api.RawPixelsStore", RawPixelsStore),
    ("createRenderingEngine", "omero.api.RenderingEngine", RenderingEngine),
    ("createThumbnailStore", "omero.api.ThumbnailStore", refused.ThumbnailStore),
)
_MOST_OPEN_SERVICES = 1000


class _Doors:
    """The operations that give services, one method for each row of the tables above."""

    _context: ServiceContext

    def _stateless_service(self, name: str, servant: type, current: Ice.Current) -> Any:
        client = self._context.client
        return self._proxy(client.stateless(name, lambda: servant(self._context)), name, current)

    def _stateful_service(self, name: str, servant: type, current: Ice.Current) -> Any:
        self._check_room()
        client = self._context.client
        identity = client.stateful(name, lambda own_name: servant(self._context, own_name))
        return self._proxy(identity, name, current)

    def _check_room(self) -> None:
        if len(self._context.client.service_names()) >= _MOST_OPEN_SERVICES:
            raise usage(f"A client may have {_MOST_OPEN_SERVICES} services open; close some.")

    def _proxy(self, identity_name: str, service: str, current: Ice.Current) -> Any:
        key = self._context.client.session.key
        proxy = current.adapter.createProxy(Ice.Identity(identity_name, key))
        prx_class = getattr(omero.api, service.rpartition(".")[2] + "Prx")
        return prx_class.uncheckedCast(proxy)


def _stateless_door(name: str, servant: type) -> Callable:
    return lambda self, current: self._stateless_service(name, servant, current)


def _stateful_door(name: str, servant: type) -> Callable:
    return lambda self, current: self._stateful_service(name, servant, current)


for _operation, _name, _servant in _STATELESS:
    setattr(_Doors, _operation, _stateless_door(_name, _servant))
for _operation, _name, _servant in _STATEFUL:
    setattr(_Doors, _operation, _stateful_door(_name, _servant))


@guarded(omero.api.ServiceFactory)
class ServiceFactory(_Doors, omero.api.ServiceFactory):
    """One client's door to the services."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getByName(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        for _, service, servant in _STATELESS:
            if service == name:
                return self._stateless_service(service, servant, current)
        # Also a service that is open already, by the name that activeServices tells.
        if self._context.client.service(name) is not None:
            proxy = current.adapter.createProxy(
                Ice.Identity(name, self._context.client.session.key)
            )
            return omero.api.ServiceInterfacePrx.uncheckedCast(proxy)
        raise usage(f"There is no service {name}.")

    def createByName(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        for _, service, servant in _STATEFUL:
            if service == name:
                return self._stateful_service(service, servant, current)
        raise usage(f"There is no service {name}.")

    def getSecurityContexts(self, current: Ice.Current) -> list:  # noqa: N802
        """Give the groups that the user is in: contexts to choose from."""
        view, builder = self._context.view, Builder(self._context.graph)
        groups = (Entity("ExperimenterGroup", g.id, g) for g in view.accounts.groups_of(view.user))
        return [builder.load(group) for group in groups]

    def setSecurityContext(self, obj: Any, current: Ice.Current) -> None:  # noqa: N802
        """Make a group the one of all calls of this session that name none."""
        if not isinstance(obj, omero.model.ExperimenterGroup) or obj.id is None:
            raise usage("Only a group can be made the session's context.")
        view = self._context.view_in(str(obj.id.val))
        if view.group_id not in view.accounts.groups:
            raise usage("Only a group can be made the session's context.")
        self._context.client.session.group_id = view.group_id

    def setSecurityPassword(self, password: str, current: Ice.Current) -> None:  # noqa: N802
        """Nothing here asks for a fresh password."""

    def submit(self, request: Any, current: Ice.Current) -> Any:
        self._check_room()
        client = self._context.client
        name = client.stateful("Handle", lambda own: Handle(self._context, own, request))
        proxy = current.adapter.createProxy(Ice.Identity(name, client.session.key))
        return omero.cmd.HandlePrx.uncheckedCast(proxy)

    def sharedResources(self, current: Ice.Current) -> Any:  # noqa: N802
        client, name = self._context.client, "SharedResources"
        identity = client.stateless(name, lambda: SharedResources(self._context))
        proxy = current.adapter.createProxy(Ice.Identity(identity, client.session.key))
        return omero.grid.SharedResourcesPrx.uncheckedCast(proxy)

    def subscribe(self, topic: str, proxy: Any, current: Ice.Current) -> None:
        raise usage("This server has no topics.")

    def setCallback(self, callback: Any, current: Ice.Current) -> None:  # noqa: N802
        """Ignored, as by current servers of OMERO."""

    def closeOnDestroy(self, current: Ice.Current) -> None:  # noqa: N802
        self._context.client.detached = False

    def detachOnDestroy(self, current: Ice.Current) -> None:  # noqa: N802
        self._context.client.detached = True

    def activeServices(self, current: Ice.Current) -> list[str]:  # noqa: N802
        return self._context.client.service_names()

    def keepAlive(self, proxy: Any, current: Ice.Current) -> bool:  # noqa: N802
        return proxy is not None and self._is_open(proxy)

    def keepAllAlive(self, proxies: list, current: Ice.Current) -> int:  # noqa: N802
        """Give a number whose bit i is set when proxy i is not alive."""
        return sum(
            1 << i for i, proxy in enumerate(proxies) if proxy is None or not self._is_open(proxy)
        )

    def destroy(self, current: Ice.Current) -> None:
        self._context.sessions.end(self._context.client)

    def _is_open(self, proxy: Any) -> bool:
        return self._context.sessions.servant(proxy.ice_getIdentity()) is not None
