"""Starts the embedded image server over a folder, on free ports, and stops it again."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import stop

PROJECT = Path(__file__).parent.parent.parent
START_TIMEOUT_S = 60.0
USER, PASSWORD = "local", "local"


@dataclass(frozen=True)
class RunningImageServer:
    """A running server: the port of each of its endpoints by name (tcp, ssl, ws, manager)."""

    process: subprocess.Popen
    ports: dict[str, int]
    cache_dir: Path
    host: str = "127.0.0.1"

    @property
    def certificate(self) -> Path:
        """The certificate of the ssl endpoint."""
        return self.cache_dir / "certificate" / "server.pem"


@contextlib.contextmanager
def start_image_server(
    folder: Path,
    *,
    cache_dir: Path | None = None,
    transports: Sequence[str] = ("tcp", "ssl", "manager"),
    arguments: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    module: str = "imageserver",
) -> Iterator[RunningImageServer]:
    """Serve `folder` while the block lasts, after the whole folder was read.

    Without `cache_dir` the index is a new one, which goes away with the server.
    """
    with contextlib.ExitStack() as stack:
        if cache_dir is None:
            made = tempfile.TemporaryDirectory(prefix="imageserver-")
            cache_dir = Path(stack.enter_context(made))
        process = _launch(folder, cache_dir, transports, arguments, environment or {}, module)
        stack.callback(stop, process)
        yield RunningImageServer(process, read_ports(process), cache_dir)


def _launch(
    folder: Path,
    cache_dir: Path,
    transports: Sequence[str],
    arguments: Sequence[str],
    environment: dict[str, str],
    module: str,
) -> subprocess.Popen:
    command = [sys.executable, "-m", module, str(folder), "--cache-dir", str(cache_dir)]
    for transport in transports:
        command += ["--port" if transport == "tcp" else f"--{transport}-port", "0"]
    return subprocess.Popen(
        [*command, "--scan-wait", "60", "--with-parent", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_ports(process: subprocess.Popen) -> dict[str, int]:
    """Wait for the line that says `ready`, and give the ports that it names."""
    # A server that hangs while starting ends here: the line then never comes, but its end does.
    guard = threading.Timer(START_TIMEOUT_S, process.kill)
    guard.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        guard.cancel()
    if not line.startswith("ready"):
        raise AssertionError(f"the image server did not start: {line!r}")
    places = (word.partition("=") for word in line.split()[1:])
    return {name: int(place.rpartition(":")[2]) for name, _, place in places}
