"""Starts an image server that can be paused, killed and started again, for the client's tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from imageserver.supervisor import free_port
from render.blitz.source import Credentials, Endpoint

LOGIN = Credentials.login("local", "local")


class ImageServer:
    """`python -m imageserver` over a folder, at every kind of endpoint; ports outlive restarts."""

    def __init__(self, folder: Path, cache: Path, *options: str) -> None:
        self.cache = cache
        self._arguments = [sys.executable, "-m", "imageserver", str(folder), "--with-parent"]
        self._arguments += ["--cache-dir", str(cache), *options]
        self.ports = {name: free_port("127.0.0.1") for name in ("tcp", "ssl", "ws", "manager")}
        self.start()

    def start(self) -> None:
        ports = []
        for name, port in self.ports.items():
            ports += ["--port" if name == "tcp" else f"--{name}-port", str(port)]
        self._process = subprocess.Popen(
            [*self._arguments, *ports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("ready")

    def endpoint(self, transport: str = "tcp", **options: object) -> Endpoint:
        return Endpoint("127.0.0.1", self.ports[transport], transport, **options)  # type: ignore[arg-type]

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
