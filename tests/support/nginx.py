"""Starts Debian's NGINX with a configuration of `flask nginx`, and stops it again."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support import processes

PROGRAM = "nginx"


def require_nginx() -> str:
    """Give NGINX's program; skip the test without it, or fail it where CI=true."""
    return processes.require(PROGRAM, "nginx-light")


def find_nginx() -> str | None:
    """Give NGINX's program, None where there is none."""
    return processes.find(PROGRAM)


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
    command = [program, "-c", str(main), "-e", str(folder / "error.log")]
    with processes.running(command, [port]):
        yield port
