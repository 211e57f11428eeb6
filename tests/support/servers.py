"""Starts the servers in which OMERO.web keeps its sessions, on free ports, and stops them again."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imageserver.supervisor import free_port
from tests.support.processes import START_TIMEOUT_S, missing, require, running

_POSTGRES_FOLDERS = "/usr/lib/postgresql/*/bin"


@contextlib.contextmanager
def start_redis(folder: Path) -> Iterator[tuple[int, subprocess.Popen]]:
    """Run a Redis server that keeps nothing on disk while the block lasts; give its port."""
    program = require("redis-server", "redis-server")
    port = free_port("127.0.0.1")
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running([program, *arguments], [port], log=folder / "redis.log") as process:
        yield port, process


@contextlib.contextmanager
def start_postgres() -> Iterator[str]:
    """Run PostgreSQL with one empty database while the block lasts; give the database's URL."""
    found = sorted(Path("/").glob(f"{_POSTGRES_FOLDERS.removeprefix('/')}/initdb"))
    if not found:
        missing("PostgreSQL is not installed (Debian package postgresql)")
    programs = found[-1].parent
    # PostgreSQL refuses to run as root, and its user has to reach the folder.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="blitzrender-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port("127.0.0.1")
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "web", "-A", "trust", "--no-sync"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        command += ["-h", "127.0.0.1", "-k", str(folder), "-c", "fsync=off"]
        # As it is told here, PostgreSQL stops without waiting for clients to leave.
        with running(command, [port], log=folder / "log", user=user, stop_with=signal.SIGINT):
            url = f"postgresql://web@127.0.0.1:{port}/postgres"
            _wait_accepting(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_accepting(url: str) -> None:
    import psycopg

    until = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
