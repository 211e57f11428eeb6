"""Starts Debian's NGINX with a configuration of `flask nginx`, and stops it again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_TIMEOUT_S = 20.0
PROGRAM = "nginx"


def require_nginx() -> str:
    """Give NGINX's program; skip the test without it, or fail it where CI=true."""
    program = find_nginx()
    if program is None:
        reason = f"{PROGRAM} is not installed (Debian package nginx-light)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def find_nginx() -> str | None:
    """Give NGINX's program, None where there is none."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin:/usr/local/sbin")


def write_configuration(text: str, folder: Path, workers: int = 1) -> Path:
    """Write NGINX's own file around what belongs into its http block; all stays in `folder`."""
    (folder / "site.conf").write_text(text)
    parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {part}_temp_path {folder}/temp_{part};\n" for part in parts)
    # Files of the cache belong to whoever runs the tests.
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(
        f"{user}worker_processes {workers};\n"
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{\n    access_log off;\n    sendfile on;\n    tcp_nopush on;\n"
        f"{temporary}    include {folder}/site.conf;\n}}\n"
    )
    return main


def check(program: str, main: Path) -> None:
    """Have NGINX check a configuration; raise AssertionError, saying what is wrong, if it is."""
    done = subprocess.run(
        [program, "-t", "-q", "-e", "stderr", "-c", str(main)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr


@contextlib.contextmanager
def running(text: str, folder: Path, port: int, workers: int = 1) -> Iterator[int]:
    """Run NGINX with this configuration, which listens on `port`, while the block lasts."""
    program = require_nginx()
    main = write_configuration(text, folder, workers)
    check(program, main)
    process = subprocess.Popen([program, "-c", str(main), "-e", str(folder / "error.log")])
    try:
        _wait_listening(process, port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_listening(process: subprocess.Popen, port: int) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while True:
        if process.poll() is not None:
            raise AssertionError(f"{PROGRAM} ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
