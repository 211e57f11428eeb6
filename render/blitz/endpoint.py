"""Where a server listens, who logs in there, and how much of it a process may hold."""

import re
from dataclasses import dataclass, field
from typing import Literal

Transport = Literal["tcp", "ssl", "ws", "wss"]

_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.%\w]*")
_PATH = re.compile(r"/[\w./~%-]*")

#: Options of one Ice endpoint for each transport; the router listens for nothing else.
_ENDPOINT_FORMS = {
    "tcp": "tcp -h {host} -p {port}",
    "ssl": "ssl -h {host} -p {port}",
    "ws": "ws -h {host} -p {port} -r {path}",
    "wss": "wss -h {host} -p {port} -r {path}",
}


@dataclass(frozen=True)
class Endpoint:
    """The Glacier2 router of one OMERO.server.

    TLS without `verify` accepts any certificate, as OMERO's own clients do. With `verify` the
    certificate must descend from `ca_file` (PEM), or from the system's authorities when that is
    None, and carry the host's name when `check_name` is set. `anonymous_ciphers` admits servers
    that were never given a certificate.
    """

    host: str = "localhost"
    port: int = 4064
    transport: Transport = "ssl"
    path: str = "/"
    verify: bool = False
    ca_file: str | None = None
    check_name: bool = False
    anonymous_ciphers: bool = False

    def __post_init__(self) -> None:
        if self.transport not in _ENDPOINT_FORMS:
            raise ValueError(
                f"transport '{self.transport}' is none of {', '.join(_ENDPOINT_FORMS)}"
            )
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port} is not between 1 and 65535")
        # Ice would read anything after a blank as further options of the endpoint.
        if not _HOST.fullmatch(self.host) or not _PATH.fullmatch(self.path):
            raise ValueError(f"host '{self.host}' or path '{self.path}' is malformed")
        if self.verify and self.anonymous_ciphers:
            raise ValueError("a certificate cannot be verified where ciphers without one will do")

    @property
    def secure(self) -> bool:
        """Tell whether TLS protects the connection."""
        return self.transport in ("ssl", "wss")

    def router_text(self) -> str:
        """Give the stringified proxy of the router."""
        host = f'"{self.host}"' if ":" in self.host else self.host
        form = _ENDPOINT_FORMS[self.transport]
        return "OMERO.Glacier2/router:" + form.format(host=host, port=self.port, path=self.path)

    def __str__(self) -> str:
        path = self.path if self.transport in ("ws", "wss") else ""
        return f"{self.transport}://{self.host}:{self.port}{path}"


@dataclass(frozen=True)
class Credentials:
    """Who logs in: `user` with `password`, or an existing session that is joined by its key."""

    user: str = ""
    password: str = field(default="", repr=False)
    session_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if bool(self.user) == bool(self.session_key):
            raise ValueError("credentials are either a user with a password, or a session key")

    @classmethod
    def login(cls, user: str, password: str) -> "Credentials":
        """Give the credentials of a user; the session made with them is ours and ends with us."""
        return cls(user=user, password=password)

    @classmethod
    def join(cls, session_key: str) -> "Credentials":
        """Give the credentials that join a session; it outlives us."""
        return cls(session_key=session_key)

    @property
    def joins(self) -> bool:
        """Tell whether an existing session is joined."""
        return bool(self.session_key)


@dataclass(frozen=True)
class Limits:
    """What one process may hold of a server, and for how long.

    Sessions and stores that were not used for their idle time are closed; sessions are kept
    alive in between. `read_bytes` is the most that one call may bring: larger regions are read
    in pieces, since a router refuses messages above its limit (64 MiB as shipped) and the
    reply counts as one. `shapes` is the most that is loaded of one image or region. A server
    that could not be reached `failures` times in a row is left alone for `pause_s`. Who
    waits for `silence_s` without any answer in a session has its connection tried, and given up
    if it proves dead.
    """

    sessions: int = 64
    session_idle_s: float = 300.0
    keep_alive_s: float = 120.0
    stores_per_session: int = 16
    stores_per_pixels: int = 8
    store_idle_s: float = 60.0
    parallel_reads: int = 4
    read_bytes: int = 16 * 1024 * 1024
    file_bytes: int = 4 * 1024 * 1024
    shapes: int = 50_000
    connect_timeout_s: float = 5.0
    failures: int = 3
    pause_s: float = 1.0
    silence_s: float = 2.0
