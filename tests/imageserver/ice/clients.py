"""A client of our own stubs, as simple as one can be: one communicator, one login."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import Ice

from render.blitz.slices import Glacier2, omero
from tests.support.image_server import PASSWORD, USER

_SETTINGS = {
    "Ice.MessageSizeMax": "250000",
    "Ice.RetryIntervals": "-1",
    "Ice.Default.InvocationTimeout": "30000",
    "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
    "IceSSL.VerifyPeer": "0",
}


@dataclass(frozen=True)
class LoggedIn:
    """A session: its key, its router, and the ServiceFactory with everything behind it."""

    communicator: Any
    router: Any
    factory: Any
    client_id: str

    @property
    def key(self) -> str:
        return self.factory.ice_getIdentity().name

    def rows(self, text: str, **values: Any) -> list[list[Any]]:
        """Project a query, with plain values in and out."""
        found = self.factory.getQueryService().projection(text, parameters(**values))
        return [[None if cell is None else cell.val for cell in row] for row in found]

    def image_id(self, name: str) -> int:
        """Give the id of the image with a name."""
        [[identifier]] = self.rows("select i.id from Image i where i.name = :name", name=name)
        return identifier

    def pixels_id(self, name: str) -> int:
        """Give the id of the pixels of the image with a name."""
        [[identifier]] = self.rows("select p.id from Pixels p where p.image.name = :n", n=name)
        return identifier

    def open_pixels(self, name: str) -> Any:
        """Open a RawPixelsStore on the image with a name."""
        store = self.factory.createRawPixelsStore()
        store.setPixelsId(self.pixels_id(name), False)
        return store


@contextlib.contextmanager
def router_proxy(port: int, transport: str = "tcp", **settings: str) -> Iterator[Any]:
    """Give the router of a server, on a communicator of its own that sends everything to it."""
    initial = Ice.InitializationData()
    initial.properties = Ice.createProperties()
    for name, value in {**_SETTINGS, **settings}.items():
        initial.properties.setProperty(name, value)
    communicator = Ice.initialize(initial)
    try:
        text = f"OMERO.Glacier2/router:{transport} -h 127.0.0.1 -p {port}"
        proxy = communicator.stringToProxy(text)
        communicator.setDefaultRouter(Ice.RouterPrx.uncheckedCast(proxy))
        yield Glacier2.RouterPrx.uncheckedCast(proxy.ice_router(None))
    finally:
        communicator.destroy()


@contextlib.contextmanager
def log_in(
    port: int,
    transport: str = "tcp",
    user: str = USER,
    password: str = PASSWORD,
    agent: str = "tests",
) -> Iterator[LoggedIn]:
    """Hold a session while the block lasts."""
    with router_proxy(port, transport) as router:
        client_id = str(uuid.uuid4())
        context = {"omero.client.uuid": client_id, "omero.agent": agent}
        session = router.createSession(user, password, context)
        factory = omero.api.ServiceFactoryPrx.uncheckedCast(session)
        yield LoggedIn(router.ice_getCommunicator(), router, factory, client_id)


def parameters(limit: int | None = None, offset: int | None = None, **values: Any) -> Any:
    """Make query parameters of plain values: int, str, float, bool, and lists of int."""
    page = None
    if limit is not None:
        page = omero.sys.Filter(
            limit=omero.RInt(limit), offset=None if offset is None else omero.RInt(offset)
        )
    return omero.sys.Parameters(map={k: _wrap(v) for k, v in values.items()}, theFilter=page)


def _wrap(value: Any) -> Any:
    if isinstance(value, bool):
        return omero.RBool(value)
    if isinstance(value, int):
        return omero.RLong(value)
    if isinstance(value, float):
        return omero.RDouble(value)
    if isinstance(value, list):
        return omero.RList([_wrap(item) for item in value])
    return omero.RString(value)
