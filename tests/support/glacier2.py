"""Starts Debian's Glacier2 router in front of an image server, as OMERO runs one."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from imageserver.supervisor import free_port
from render.blitz.endpoint import Endpoint
from tests.support import processes

PROGRAM = "glacier2router"
#: Path of the WebSocket endpoints.
WS_PATH = "/omero-ws"


class BehindRouter(Protocol):
    """A server that a router can stand in front of: it has a port called `manager`."""

    @property
    def ports(self) -> Mapping[str, int]: ...
    @property
    def certificate(self) -> Path: ...


@dataclass(frozen=True)
class RunningRouter:
    """A running router and the ports of its endpoints by transport."""

    process: subprocess.Popen
    ports: dict[str, int]
    host: str = "127.0.0.1"

    def endpoint(self, transport: str = "tcp", **options: Any) -> Endpoint:
        """Give where clients find the router; `options` are those of TLS."""
        path = WS_PATH if transport in ("ws", "wss") else "/"
        host = options.pop("host", self.host)
        return Endpoint(host, self.ports[transport], transport, path, **options)  # type: ignore[arg-type]


def missing_glacier2() -> str | None:
    """Say why there is no router to test with; None where there is one, and where CI=true."""
    if processes.find(PROGRAM) is not None or os.environ.get("CI") == "true":
        return None
    return f"{PROGRAM} is not installed (Debian package zeroc-glacier2)"


def require_glacier2() -> str:
    """Give the router's program; skip the test without it, or fail it where CI=true."""
    return processes.require(PROGRAM, "zeroc-glacier2")


@contextlib.contextmanager
def start_glacier2(
    server: BehindRouter,
    *,
    tcp_port: int | None = None,
    session_timeout_s: int = 600,
    transports: tuple[str, ...] = ("tcp", "ssl"),
    tls: dict[str, str] | None = None,
    ports: dict[str, int] | None = None,
) -> Iterator[RunningRouter]:
    """Run a router in front of `server` while the block lasts.

    `tls` are IceSSL's settings; without them the router has the image server's certificate.
    `ports`, by transport, are those of a router that ran before.
    """
    program = require_glacier2()
    if ports is None:
        ports = {transport: free_port("127.0.0.1") for transport in transports}
        if tcp_port is not None:
            ports["tcp"] = tcp_port
    properties = _properties(server, ports, session_timeout_s) | (tls or _tls_of(server))
    command = [program, *(f"--{k}={v}" for k, v in properties.items())]
    with processes.running(command, list(ports.values())) as process:
        yield RunningRouter(process, ports)


def _properties(
    server: BehindRouter, ports: dict[str, int], session_timeout_s: int
) -> dict[str, str]:
    manager = f"tcp -h 127.0.0.1 -p {server.ports['manager']}"
    return {
        "Glacier2.InstanceName": "OMERO.Glacier2",
        "Glacier2.Client.Endpoints": ":".join(
            f"{transport} -h 127.0.0.1 -p {port}"
            + (f" -r {WS_PATH}" if transport in ("ws", "wss") else "")
            for transport, port in ports.items()
        ),
        "Glacier2.Server.Endpoints": "tcp -h 127.0.0.1",
        "Glacier2.SessionManager": f"BlitzManager:{manager}",
        "Glacier2.PermissionsVerifier": f"BlitzVerifier:{manager}",
        "Glacier2.SessionTimeout": str(session_timeout_s),
        "Glacier2.Client.ForwardContext": "1",
        "Glacier2.Server.ForwardContext": "1",
        "Ice.MessageSizeMax": "65536",
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
    }


def _tls_of(server: BehindRouter) -> dict[str, str]:
    return {
        "IceSSL.CertFile": str(server.certificate),
        "IceSSL.KeyFile": str(server.certificate.with_suffix(".key")),
        "IceSSL.VerifyPeer": "0",
    }
