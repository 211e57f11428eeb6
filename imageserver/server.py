"""The Ice side of the image server: endpoints, threads, and the objects that answer on them."""

import ctypes
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import Ice

from imageserver.accounts import AccountsFile, FixedAccounts, local_accounts
from imageserver.accounts.passwords import Secret
from imageserver.accounts.source import AccountsSource
from imageserver.certificate import ensure_certificate
from imageserver.graph_source import GraphSource
from imageserver.router import MANAGER_ID, ROUTER_ID, VERIFIER_ID, Gate, Manager, Router, Verifier
from imageserver.services.context import ServerSettings, ServiceContext
from imageserver.services.factory import ServiceFactory
from imageserver.sessions import Client, Sessions
from imageserver.visible import Catalog

log = logging.getLogger("blitzrender.imageserver")

_CLIENTS, _ROUTERS = "Clients", "Routers"
_MESSAGE_SIZE_MAX_KB = 65536
_EXPIRY_CHECK_S = 10.0
#: PyGILState_LOCKED: the global lock stays with Ice, which took it to call us.
_HELD_ALREADY = 0


@dataclass(frozen=True)
class Options:
    """Where and how to listen. A port of None is not listened on, 0 is any free one.

    `manager_port` is where a real Glacier2 router finds the session manager and the permissions
    verifier. Whoever reaches it is trusted as that router is, so it is always on loopback.
    `insecure_router` is the proxy that the clients of such a router are told to go on with after
    logging in over ssl, if they like; with none they stay on ssl. `users` is the users' file; with
    none there is one user, `user` with `password`.
    """

    host: str = "127.0.0.1"
    port: int | None = 4063
    ssl_port: int | None = None
    ws_port: int | None = None
    manager_port: int | None = None
    user: str = "local"
    password: str = "local"
    users: Path | None = None
    session_timeout_s: float = 600.0
    refusal_delay_s: float = 2.0
    threads: int = 32
    insecure_router: str = ""


class ImageServer:
    """Serves a catalog from `start` until `close`. Raises UsersFileError."""

    def __init__(self, catalog: Catalog, cache_dir: Path, options: Options) -> None:
        self._options = options
        self._sessions = Sessions(_accounts(options), options.session_timeout_s)
        self._catalog = catalog
        self._graphs = GraphSource(catalog)
        self._database_uuid = _database_uuid(cache_dir)
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="store")
        self._communicator = Ice.initialize(_ice_settings(options, cache_dir))
        self._stopping = threading.Event()
        self.endpoints: dict[str, tuple[str, int]] = {}

    def start(self) -> None:
        """Listen and answer. Raises OSError when a port is taken."""
        try:
            adapters = [self._clients_adapter()]
            if self._options.manager_port is not None:
                adapters.append(self._routers_adapter())
        except Ice.SocketException as error:
            raise OSError(error.error, "cannot listen on the ports asked for") from error
        for adapter in adapters:
            adapter.activate()
        threading.Thread(target=self._expire, name="session-expiry", daemon=True).start()

    def close(self) -> None:
        """Stop answering, close every session, and let the calls under way end."""
        self._stopping.set()
        self._sessions.close_all()
        self._communicator.destroy()
        self._executor.shutdown()

    # -- endpoints -------------------------------------------------------------------------

    def _clients_adapter(self) -> Any:
        options = self._options
        ports = {"tcp": options.port, "ssl": options.ssl_port, "ws": options.ws_port}
        wanted = [
            f"{transport} -h {options.host} -p {port}"
            for transport, port in ports.items()
            if port is not None
        ]
        adapter = self._communicator.createObjectAdapterWithEndpoints(_CLIENTS, ":".join(wanted))
        router = Router(
            self._sessions,
            lambda client: self._make_factory(client, self._own_insecure_router()),
            round(options.session_timeout_s),
            options.refusal_delay_s,
        )
        adapter.add(router, ROUTER_ID)
        adapter.addServantLocator(Gate(self._sessions, only_own=True), "")
        self._note_endpoints(adapter)
        return adapter

    def _routers_adapter(self) -> Any:
        endpoint = f"tcp -h 127.0.0.1 -p {self._options.manager_port}"
        adapter = self._communicator.createObjectAdapterWithEndpoints(_ROUTERS, endpoint)
        adapter.add(Verifier(self._sessions), VERIFIER_ID)
        insecure_router = self._options.insecure_router
        manager = Manager(
            self._sessions, lambda client: self._make_factory(client, insecure_router)
        )
        adapter.add(manager, MANAGER_ID)
        adapter.addServantLocator(Gate(self._sessions, only_own=False), "")
        self._note_endpoints(adapter, "manager")
        return adapter

    def _note_endpoints(self, adapter: Any, name: str | None = None) -> None:
        for endpoint in adapter.getEndpoints():
            info: Any = endpoint.getInfo()
            while not isinstance(info, Ice.IPEndpointInfo):
                info = info.underlying
            transport = endpoint.toString().partition(" ")[0]
            self.endpoints.setdefault(name or transport, (info.host, info.port))

    def _own_insecure_router(self) -> str:
        """Give this server's tcp endpoint as a router, or an empty text when there is none."""
        if "tcp" not in self.endpoints:
            return ""
        # The client puts the host that it knows this server by.
        return f"OMERO.Glacier2/router:tcp -h @omero.host@ -p {self.endpoints['tcp'][1]}"

    # -- sessions --------------------------------------------------------------------------

    def _make_factory(self, client: Client, insecure_router: str) -> ServiceFactory:
        return ServiceFactory(
            ServiceContext(
                self._catalog,
                self._graphs,
                self._sessions,
                ServerSettings(self._database_uuid, insecure_router, self._options.refusal_delay_s),
                self._executor,
                client,
            )
        )

    def _expire(self) -> None:
        while not self._stopping.wait(min(_EXPIRY_CHECK_S, self._options.session_timeout_s / 4)):
            self._sessions.close_expired()


def _accounts(options: Options) -> AccountsSource:
    if options.users is not None:
        return AccountsFile(options.users)
    return FixedAccounts(local_accounts(options.user, Secret(options.password, hashed=False)))


def _ice_settings(options: Options, cache_dir: Path) -> Any:
    properties = Ice.createProperties()
    settings = {
        "Ice.MessageSizeMax": str(_MESSAGE_SIZE_MAX_KB),
        # Small calls find a free thread while others read files.
        "Ice.ThreadPool.Server.Size": "4",
        "Ice.ThreadPool.Server.SizeMax": str(options.threads),
        "Ice.ThreadPool.Server.SizeWarn": "0",
        # A connection without a sign of life for as long as a session may rest is closed, and
        # with it the login that it holds (4: forcefully, even while a call is waiting).
        "Ice.ACM.Server.Timeout": str(round(options.session_timeout_s)),
        "Ice.ACM.Server.Close": "4",
        "Ice.ACM.Server.Heartbeat": "0",
        "Ice.Warn.Connections": "0",
        "Ice.Warn.Dispatch": "0",
        "Ice.TCP.SndSize": str(1024 * 1024),
        "Ice.ClassGraphDepthMax": "100",
    }
    if options.ssl_port is not None:
        kept = ensure_certificate(cache_dir / "certificate", options.host)
        settings |= {
            "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
            "IceSSL.CertFile": str(kept.certificate),
            "IceSSL.KeyFile": str(kept.key),
            "IceSSL.VerifyPeer": "0",
            "IceSSL.Protocols": "TLS1_2,TLS1_3",
        }
    for name, value in settings.items():
        properties.setProperty(name, value)
    initial = Ice.InitializationData()
    # Otherwise Python makes a state for the thread before each call, and frees it after that.
    initial.threadStart = lambda: ctypes.pythonapi.PyGILState_Ensure()
    initial.threadStop = lambda: ctypes.pythonapi.PyGILState_Release(_HELD_ALREADY)
    initial.properties = properties
    initial.logger = _IceLogger()
    return initial


class _IceLogger(Ice.Logger):
    """Sends what Ice has to say to Python's log."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self._prefix = prefix

    def print(self, message: str) -> None:
        log.info("%s", message)

    def trace(self, category: str, message: str) -> None:
        log.debug("%s: %s", category, message)

    def warning(self, message: str) -> None:
        log.warning("%s", message)

    def error(self, message: str) -> None:
        log.error("%s", message)

    def getPrefix(self) -> str:  # noqa: N802
        return self._prefix

    def cloneWithPrefix(self, prefix: str) -> "_IceLogger":  # noqa: N802
        return _IceLogger(prefix)


def _database_uuid(cache_dir: Path) -> str:
    """Give what identifies this server's data to clients; it stays as long as the index does."""
    path = cache_dir / "database-uuid"
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    cache_dir.mkdir(parents=True, exist_ok=True)
    made = str(uuid.uuid4())
    path.write_text(made, encoding="ascii")
    return made
