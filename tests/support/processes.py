"""What all test servers have in common: found or missed, started, waited for, stopped."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def find(program: str) -> str | None:
    """Give where a program is, those of administrators included; None where there is none."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def require(program: str, package: str) -> str:
    """Give where a program is; without it skip the test, or fail it where CI=true."""
    found = find(program)
    if found is None:
        missing(f"{program} is not installed (Debian package {package})")
    return found


@contextlib.contextmanager
def running(
    command: Sequence[str],
    ports: Sequence[int],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    stop_with: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen]:
    """Run a server while the block lasts, from when it listens on all `ports` of 127.0.0.1.

    With `log` its output goes there, and that is the folder it runs in.
    """
    with contextlib.ExitStack() as stack:
        output = None if log is None else stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=None if environment is None else os.environ | environment,
            user=user,
            cwd=None if log is None else log.parent,
        )
        stack.callback(stop, process, stop_with)
        try:
            wait_listening(process, ports)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text() if log else ''}") from None
        yield process


def wait_listening(process: subprocess.Popen, ports: Sequence[int]) -> None:
    """Wait until a server listens on all `ports`; raise AssertionError if it ends before."""
    until = time.monotonic() + START_TIMEOUT_S
    for port in ports:
        while True:
            if process.poll() is not None:
                raise AssertionError(f"{process.args} ended with status {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)


def stop(process: subprocess.Popen, number: int = signal.SIGTERM) -> int:
    """End a process that was started here, by force if need be; give its exit status."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    return process.returncode
