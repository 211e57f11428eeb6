"""A server with one pixels set that can be told to fail, for faults the image server cannot play.

`python -m tests.render.blitz.tiny_server PORT` prints `ready` and its port when it listens (0 =
any port), answers each line on its standard input with its counters as JSON, forgets its stores
or its counters when the line says so, and ends when its input closes. It is its own router, like
the image server. Which fault happens is said by the z index of the plane that is read.
"""

# ruff: noqa: N802, N815 (operations have the names that OMERO gave them)

import json
import os
import sys
import threading
import time
import uuid

import Ice
import numpy as np

from render.blitz.slices import Glacier2, omero
from tests.render.blitz.tiny_projections import (
    TinyImages,
    TinyProjection,
    TinySettings,
    TinyUpdate,
)
from tests.render.blitz.tiny_tables import Resources, TinyTable

#: Fault by z index of the tile that is read.
SLOW, FAILS, GONE, DIES, SHORT, LEAVES_SESSION = range(100, 106)

SLOW_S = 1.5

LEVELS = ((1024, 768), (512, 384), (256, 192))

PIXELS_ID = 7
ALL_PIXELS = (7, 8, 9)
GROUP_ID = 3

#: User names that are refused in their own way, and the one whose login takes its time.
BUSY_USER, FULL_USER, SLOW_USER = "busy", "full", "slow"
PASSWORD = "secret"


def plane(level: int, z: int, c: int, t: int) -> np.ndarray:
    """Give the pixels of a plane, different for each index, as (height, width) big-endian."""
    width, height = LEVELS[level]
    y, x = np.mgrid[0:height, 0:width]
    return ((x * 7 + y * 13 + z * 101 + c * 1009 + t * 31 + level * 5003) % 65536).astype(">u2")


class State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.planes: dict[tuple[int, ...], np.ndarray] = {}
        self.reset()

    def reset(self) -> None:
        self.stores = 0
        self.most_stores = 0
        self.logins = 0
        self.detached = 0
        self.kept_alive = 0
        self.level_changes = 0
        self.overlaps = 0
        self.engines = 0
        self.tables = 0
        self.settings_made = 0
        self.settings_changed = 0
        self.saved = 0
        self.reversals = 0
        self.projected = 0
        self.settings_copied = 0
        self.described = 0
        self.linked = 0
        self.named = 0
        self.made = ""
        self.sessions: set[str] = set()
        self.open_stores: list[Opened] = []

    def change(self, **changes: int) -> None:
        with self.lock:
            for name, change in changes.items():
                setattr(self, name, getattr(self, name) + change)
            self.most_stores = max(self.most_stores, self.stores)

    def counters(self) -> dict[str, int]:
        with self.lock:
            counts = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return counts | {"sessions": len(self.sessions)}

    def plane(self, *index: int) -> np.ndarray:
        if index not in self.planes:
            self.planes[index] = plane(*index)
        return self.planes[index]


class Opened:
    """What is opened on pixels and has to be closed; `counter` names who counts it."""

    counter = "stores"

    def __init__(self, state: State, session: "Session") -> None:
        self.state, self.session = state, session
        self.level = 0
        self.pixels_id = 0
        self.busy = threading.Lock()
        state.change(**{self.counter: 1})

    def getResolutionDescriptions(self, current):
        return [omero.api.ResolutionDescription(*size) for size in LEVELS]

    def setResolutionLevel(self, level, current):
        self.state.change(level_changes=1)
        self.level = len(LEVELS) - 1 - level

    def close(self, current):
        with self.busy:
            self.remove_from(current.adapter)

    def remove_from(self, adapter):
        with self.state.lock:
            if self not in self.state.open_stores:
                return
            self.state.open_stores.remove(self)
        adapter.remove(self.identity)
        self.state.change(**{self.counter: -1})


class Store(Opened, omero.api.RawPixelsStore):
    def setPixelsId(self, pixels_id, bypass, current):
        if current.ctx.get("omero.group") != str(GROUP_ID) or pixels_id not in ALL_PIXELS:
            raise omero.ValidationException(message="no such pixels")
        self.pixels_id = pixels_id

    def getTileSize(self, current):
        return [256, 128]

    def getTile(self, z, c, t, x, y, w, h, current):
        if current.ctx.get("blitzrender.request_id") == "a-request":
            self.state.change(named=1)
        if not self.busy.acquire(blocking=False):
            self.state.change(overlaps=1)
            raise omero.InternalException(message="two calls at once")
        try:
            if z == SLOW:
                time.sleep(SLOW_S)
            elif z == FAILS:
                raise omero.InternalException("trace", "java.lang.Oops", "a secret message")
            elif z == GONE and t == 0:
                self.remove_from(current.adapter)
                raise Ice.ObjectNotExistException()
            elif z == DIES:
                os._exit(3)
            elif z == SHORT:
                return b"\0"
            elif z == LEAVES_SESSION:
                self.session.remove_from(current.adapter)
                raise Ice.ObjectNotExistException()
            return self.state.plane(self.level, z, c, t)[y : y + h, x : x + w].tobytes()
        finally:
            self.busy.release()


class Engine(Opened, omero.api.RenderingEngine):
    """Draws each pixel as its place; at first there are no settings for the image.

    The settings that it makes reverse the second channel.
    """

    counter = "engines"

    def lookupPixels(self, pixels_id, current):
        if current.ctx.get("omero.group") != str(GROUP_ID) or pixels_id not in ALL_PIXELS:
            raise omero.ValidationException(message="no such pixels")

    def lookupRenderingDef(self, pixels_id, current):
        return self.state.settings_made > 0

    def resetDefaultSettings(self, save, current):
        self.state.change(settings_made=int(save))
        return 1

    def load(self, current):
        if not self.state.settings_made:
            raise omero.ApiUsageException(message="no settings")

    def getAvailableModels(self, current):
        return [_named(omero.model.RenderingModel, name) for name in ("rgb", "greyscale")]

    def getAvailableFamilies(self, current):
        return [_named(omero.model.Family, "linear")]

    def getCodomainMapContext(self, channel, current):
        return [omero.model.ReverseIntensityContext(loaded=True)] if channel == 1 else []

    def _change(self, *arguments):
        self.state.change(settings_changed=1)

    setModel = setQuantumStrategy = setCodomainInterval = _change
    setActive = setChannelWindow = setRGBA = setChannelLookupTable = setQuantizationMap = _change

    def addCodomainMapToChannel(self, context, channel, current):
        self.state.change(reversals=1)

    def removeCodomainMapFromChannel(self, context, channel, current):
        self.state.change(reversals=-1)

    def setDefaultZ(self, z, current):
        self.default_z = z

    def setDefaultT(self, t, current):
        pass

    def saveCurrentSettings(self, current):
        if self.default_z == SLOW:
            time.sleep(SLOW_S)
        elif self.default_z == FAILS:
            raise omero.ReadOnlyGroupSecurityViolation(message="a secret message")
        self.state.change(saved=1)

    def renderAsPackedInt(self, plane, current):
        if not self.busy.acquire(blocking=False):
            self.state.change(overlaps=1)
            raise omero.InternalException(message="two calls at once")
        try:
            region = plane.region
            if plane.z == SLOW:
                time.sleep(SLOW_S)
            elif plane.z == FAILS:
                raise omero.InternalException("trace", "java.lang.Oops", "a secret message")
            elif plane.z == SHORT:
                return np.zeros(1, "i4")
            y, x = np.mgrid[: region.height, : region.width]
            return (-1 << 24 | (y + region.y) << 8 | (x + region.x)).astype("i4").ravel()
        finally:
            self.busy.release()


def _named(kind, name):
    return kind(loaded=True, value=omero.RString(name))


class Table(Opened, TinyTable):
    counter = "tables"


class Admin(omero.api.IAdmin):
    def getEventContext(self, current):
        return omero.sys.EventContext(userId=4, userName="tess", groupId=GROUP_ID, groupName="lab")


class Config(omero.api.IConfig):
    def getConfigValues(self, pattern, current):
        return {
            "omero.pixeldata.max_plane_width": "900",
            "omero.client.viewer.initial_zoom_level": "2",
        }


class Session(omero.api.ServiceFactory):
    def __init__(self, state: State, key: str) -> None:
        self.state, self.key = state, key
        self.id = str(uuid.uuid4())
        self.ids: list[Ice.Identity] = []
        self.ended = False

    def add(self, servant, current, name):
        identity = Ice.Identity(f"{uuid.uuid4()}{name}", self.key)
        self.ids.append(identity)
        return current.adapter.add(servant, identity)

    def getAdminService(self, current):
        return omero.api.IAdminPrx.uncheckedCast(self.add(Admin(), current, "admin"))

    def getConfigService(self, current):
        return omero.api.IConfigPrx.uncheckedCast(self.add(Config(), current, "config"))

    def getQueryService(self, current):
        return omero.api.IQueryPrx.uncheckedCast(self.add(TinyImages(self.state), current, "query"))

    def getProjectionService(self, current):
        servant = TinyProjection(self.state)
        return omero.api.IProjectionPrx.uncheckedCast(self.add(servant, current, "projection"))

    def getRenderingSettingsService(self, current):
        servant = TinySettings(self.state)
        return omero.api.IRenderingSettingsPrx.uncheckedCast(self.add(servant, current, "settings"))

    def getUpdateService(self, current):
        servant = TinyUpdate(self.state)
        return omero.api.IUpdatePrx.uncheckedCast(self.add(servant, current, "update"))

    def createRawPixelsStore(self, current):
        return omero.api.RawPixelsStorePrx.uncheckedCast(self.open(Store, current))

    def createRenderingEngine(self, current):
        return omero.api.RenderingEnginePrx.uncheckedCast(self.open(Engine, current))

    def sharedResources(self, current):
        resources = Resources(lambda current: self.open(Table, current))
        proxy = self.add(resources, current, "resources")
        return omero.grid.SharedResourcesPrx.uncheckedCast(proxy)

    def open(self, kind, current):
        opened = kind(self.state, self)
        proxy = self.add(opened, current, kind.__name__)
        opened.identity = proxy.ice_getIdentity()
        with self.state.lock:
            self.state.open_stores.append(opened)
            ended = self.ended
        if ended:
            # The session went away while this call was under way: so does what it opened.
            opened.remove_from(current.adapter)
            raise Ice.ObjectNotExistException()
        return proxy

    def detachOnDestroy(self, current):
        self.state.change(detached=1)

    def keepAlive(self, proxy, current):
        self.state.change(kept_alive=1)
        return False

    def remove_from(self, adapter):
        with self.state.lock:
            self.ended = True
        for identity in list(self.ids):
            servant = adapter.find(identity)
            if isinstance(servant, Opened):
                servant.remove_from(adapter)
            elif servant is not None:
                adapter.remove(identity)
        self.state.sessions.discard(self.id)


class Router(Glacier2.Router):
    def __init__(self, state: State) -> None:
        self.state = state
        self.by_port: dict[int, Session] = {}

    def createSession(self, user, password, current):
        if user == BUSY_USER:
            raise omero.WrappedCreateSessionException("starting", True, 4000, "x")
        if user == FULL_USER:
            raise Glacier2.CannotCreateSessionException("too many")
        if user == SLOW_USER:
            time.sleep(0.4)
        joining = user == password
        if not joining and password != PASSWORD:
            raise Glacier2.PermissionDeniedException("no")
        if current.ctx.get("omero.client.uuid") is None:
            raise omero.WrappedCreateSessionException("no uuid", False, 0, "x")
        self.state.change(logins=1)
        port = current.con.getInfo().remotePort  # raises if the client has gone meanwhile
        key = user if joining else str(uuid.uuid4())
        session = Session(self.state, key)
        self.state.sessions.add(session.id)
        self.by_port[port] = session
        adapter = current.adapter
        current.con.setCloseCallback(lambda connection: session.remove_from(adapter))
        identity = Ice.Identity(key, f"session-{current.ctx['omero.client.uuid']}")
        session.ids.append(identity)
        return Glacier2.SessionPrx.uncheckedCast(current.adapter.add(session, identity))

    def destroySession(self, current):
        self.by_port.pop(current.con.getInfo().remotePort).remove_from(current.adapter)

    def getClientProxy(self, current):
        return (None, True)

    def getServerProxy(self, current):
        return current.adapter.createProxy(current.id)

    def addProxies(self, proxies, current):
        return []

    def getCategoryForClient(self, current):
        return ""

    def getSessionTimeout(self, current):
        return 600

    def getACMTimeout(self, current):
        return 600

    def refreshSession(self, current):
        pass


def main() -> None:
    data = Ice.InitializationData()
    data.properties = Ice.createProperties()
    for name, value in {
        "Tiny.Endpoints": f"tcp -h 127.0.0.1 -p {sys.argv[1]}",
        "Tiny.ThreadPool.Size": "16",
        "Ice.MessageSizeMax": "65536",
        "Ice.ACM.Server.Timeout": "600",
    }.items():
        data.properties.setProperty(name, value)
    communicator = Ice.initialize(data)
    adapter = communicator.createObjectAdapter("Tiny")
    state = State()
    adapter.add(Router(state), Ice.Identity("router", "OMERO.Glacier2"))
    adapter.activate()
    port = adapter.getEndpoints()[0].getInfo().port
    print(f"ready {port}", flush=True)
    for line in sys.stdin:
        if line.strip() == "forget stores":
            for store in list(state.open_stores):
                store.remove_from(adapter)
        elif line.strip() == "reset":
            state.reset()
        print(json.dumps(state.counters()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
