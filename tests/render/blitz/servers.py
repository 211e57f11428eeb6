"""Starts the image server, and Debian's Glacier2 router in front of it, for the client's tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from render.blitz.source import Credentials, Endpoint

LOGIN = Credentials.login("local", "local")


def free_port() -> int:
    """Give a port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ImageServer:
    """`python -m imageserver` over a folder, at every kind of endpoint; ports outlive restarts."""

    def __init__(self, folder: Path, cache: Path, *options: str) -> None:
        self.cache = cache
        self._arguments = [sys.executable, "-m", "imageserver", str(folder), "--with-parent"]
        self._arguments += ["--cache-dir", str(cache), *options]
        self.ports = {name: free_port() for name in ("", "ssl-", "ws-", "manager-")}
        self.start()

    def start(self) -> None:
        ports = [text for name, port in self.ports.items() for text in (f"--{name}port", str(port))]
        self._process = subprocess.Popen(
            [*self._arguments, *ports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("ready")

    def endpoint(self, transport: str = "tcp", **options: object) -> Endpoint:
        port = self.ports[{"tcp": "", "ssl": "ssl-", "ws": "ws-"}[transport]]
        return Endpoint("127.0.0.1", port, transport, **options)  # type: ignore[arg-type]

    @property
    def certificate(self) -> Path:
        return next(self.cache.rglob("server.pem"))

    def pause(self) -> None:
        """Let the process stand still, as a machine does that swaps; connections stay open."""
        self._process.send_signal(signal.SIGSTOP)
        # Until the last of its threads stands still, one could answer yet.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Glacier2:
    """A Glacier2 router in front of an image server, over TCP and TLS."""

    program = shutil.which("glacier2router")

    def __init__(self, server: ImageServer, folder: Path) -> None:
        assert self.program is not None
        self.ports = {"tcp": free_port(), "ssl": free_port()}
        manager = f"tcp -h 127.0.0.1 -p {server.ports['manager-']}"
        key = server.certificate.with_name("server.key")
        clients = ":".join(f"{name} -h 127.0.0.1 -p {port}" for name, port in self.ports.items())
        properties = {
            "Glacier2.InstanceName": "OMERO.Glacier2",
            "Glacier2.Client.Endpoints": clients,
            "Glacier2.Server.Endpoints": "tcp -h 127.0.0.1",
            "Glacier2.SessionManager": f"BlitzManager:{manager}",
            "Glacier2.PermissionsVerifier": f"BlitzVerifier:{manager}",
            "Glacier2.Client.ForwardContext": "1",
            "Glacier2.SessionTimeout": "600",
            "Ice.MessageSizeMax": "65536",
            "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
            "IceSSL.CertFile": str(server.certificate),
            "IceSSL.KeyFile": str(key),
            "IceSSL.VerifyPeer": "0",
        }
        config = folder / "glacier2.cfg"
        config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        self._process = subprocess.Popen([self.program, f"--Ice.Config={config}"])
        until = time.monotonic() + 10
        while not _listens(self.ports["ssl"]):
            assert time.monotonic() < until and self._process.poll() is None
            time.sleep(0.02)

    def endpoint(self, transport: str = "tcp", **options: object) -> Endpoint:
        return Endpoint("127.0.0.1", self.ports[transport], transport, **options)  # type: ignore[arg-type]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def missing_router() -> str | None:
    """Say why there is no Glacier2 to test with; CI has to have one."""
    if Glacier2.program is not None or os.environ.get("CI"):
        return None
    return "glacier2router is not installed (package zeroc-glacier2)"
