"""Starts Debian's Glacier2 router in front of an image server, as OMERO runs one."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imageserver.supervisor import free_port
from tests.support.image_server import RunningImageServer, stop

START_TIMEOUT_S = 30.0
PROGRAM = "glacier2router"


@dataclass(frozen=True)
class RunningRouter:
    """A running router and the ports of its tcp and ssl endpoints."""

    process: subprocess.Popen
    ports: dict[str, int]
    host: str = "127.0.0.1"


def require_glacier2() -> str:
    """Give the router's program; skip the test without it, or fail it where CI=true."""
    program = shutil.which(PROGRAM)
    if program is None:
        reason = f"{PROGRAM} is not installed (Debian package zeroc-glacier2)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@contextlib.contextmanager
def start_glacier2(
    server: RunningImageServer, *, tcp_port: int | None = None, session_timeout_s: int = 600
) -> Iterator[RunningRouter]:
    """Run a router in front of `server`, which needs its manager port, while the block lasts."""
    program = require_glacier2()
    ports = {"tcp": tcp_port or free_port("127.0.0.1"), "ssl": free_port("127.0.0.1")}
    properties = _properties(server, ports, session_timeout_s)
    process = subprocess.Popen([program, *(f"--{k}={v}" for k, v in properties.items())])
    try:
        _wait_listening(process, ports)
        yield RunningRouter(process, ports)
    finally:
        stop(process)


def _properties(
    server: RunningImageServer, ports: dict[str, int], session_timeout_s: int
) -> dict[str, str]:
    manager = f"tcp -h 127.0.0.1 -p {server.ports['manager']}"
    certificate: Path = server.certificate
    return {
        "Glacier2.InstanceName": "OMERO.Glacier2",
        "Glacier2.Client.Endpoints": ":".join(
            f"{transport} -h 127.0.0.1 -p {port}" for transport, port in ports.items()
        ),
        "Glacier2.Server.Endpoints": "tcp -h 127.0.0.1",
        "Glacier2.SessionManager": f"BlitzManager:{manager}",
        "Glacier2.PermissionsVerifier": f"BlitzVerifier:{manager}",
        "Glacier2.SessionTimeout": str(session_timeout_s),
        "Glacier2.Client.ForwardContext": "1",
        "Glacier2.Server.ForwardContext": "1",
        "Ice.MessageSizeMax": "65536",
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.CertFile": str(certificate),
        "IceSSL.KeyFile": str(certificate.with_suffix(".key")),
        "IceSSL.VerifyPeer": "0",
    }


def _wait_listening(process: subprocess.Popen, ports: dict[str, int]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    for port in ports.values():
        while True:
            if process.poll() is not None:
                raise AssertionError(f"{PROGRAM} ended with status {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
