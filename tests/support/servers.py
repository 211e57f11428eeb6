"""Starts the servers in which OMERO.web keeps its sessions, on free ports, and stops them again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imageserver.supervisor import free_port

START_TIMEOUT_S = 60.0
_POSTGRES_FOLDERS = "/usr/lib/postgresql/*/bin"


def missing(reason: str) -> None:
    """Skip the test, or fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def start_redis(folder: Path) -> Iterator[tuple[int, subprocess.Popen]]:
    """Run a Redis server that keeps nothing on disk while the block lasts; give its port."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server is not installed (Debian package redis-server)")
    port = free_port("127.0.0.1")
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with _running([str(program), *arguments], folder / "redis.log") as process:
        _wait_listening(process, port)
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
        with _running(command, folder / "log", user) as process:
            _wait_listening(process, port)
            url = f"postgresql://web@127.0.0.1:{port}/postgres"
            _wait_accepting(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(command: list[str], log: Path, user: str | None = None) -> Iterator[subprocess.Popen]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, user=user, cwd=log.parent)
    try:
        yield process
    finally:
        # To PostgreSQL it means: without waiting for clients to leave. Redis knows it, too.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_listening(process: subprocess.Popen, port: int) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while True:
        if process.poll() is not None:
            raise AssertionError(f"{process.args} ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


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
