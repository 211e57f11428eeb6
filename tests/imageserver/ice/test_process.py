"""`python -m imageserver` as a process: its line, its end, and what it refuses to do."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.imageserver.ice.clients import log_in
from tests.imageserver.ice.images import Folder
from tests.support.image_server import PROJECT, read_ports, start_image_server
from tests.support.processes import stop


def launch(*arguments: str, **options: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "imageserver", *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_client_connected(
    folder: Folder, tmp_path: Path, number: signal.Signals
) -> None:
    process = launch(str(folder.path), "--port", "0", "--cache-dir", str(tmp_path))
    try:
        with log_in(read_ports(process)["tcp"]):
            process.send_signal(number)
            assert process.wait(15) == 0
    finally:
        stop(process)


def test_the_end_of_its_input_ends_it(folder: Folder, tmp_path: Path) -> None:
    process = launch(
        *(str(folder.path), "--port", "0", "--cache-dir", str(tmp_path), "--with-parent"),
        stdin=subprocess.PIPE,
    )
    try:
        read_ports(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(15) == 0
    finally:
        stop(process)


@pytest.mark.slow
def test_the_end_of_its_parent_ends_it(folder: Folder, tmp_path: Path) -> None:
    # Its input stays open: what ends is the process that started it.
    reading, writing = os.pipe()
    pid_file = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'imageserver', *sys.argv[2:]],"
        " stdin=0, stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline()\n"
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
    )
    arguments = [str(folder.path), "--port", "0", "--with-parent", "--cache-dir", str(tmp_path)]
    try:
        subprocess.run(
            [sys.executable, "-c", program, str(pid_file), *arguments],
            cwd=PROJECT,
            stdin=reading,
            timeout=60,
            check=True,
        )
        pid = int(pid_file.read_text())
        until = time.monotonic() + 15
        while Path(f"/proc/{pid}").exists() and not is_over(pid) and time.monotonic() < until:
            time.sleep(0.1)
        assert not Path(f"/proc/{pid}").exists() or is_over(pid)
    finally:
        os.close(reading)
        os.close(writing)


def is_over(pid: int) -> bool:
    """Tell whether a process ended, though nobody has taken notice yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--host", "0.0.0.0"), "needs a password"),
        (("--session-timeout", "0"), "--session-timeout"),
    ],
)
@pytest.mark.slow
def test_what_makes_no_sense_stops_the_start(
    folder: Folder, arguments: tuple[str, ...], reason: str
) -> None:
    process = launch(str(folder.path), *arguments, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert reason in errors


@pytest.mark.slow
def test_a_folder_that_is_none_and_a_taken_port_are_told(folder: Folder, tmp_path: Path) -> None:
    process = launch(
        *(str(tmp_path / "nothing"), "--cache-dir", str(tmp_path)), stderr=subprocess.PIPE
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and "not a folder" in errors
    with start_image_server(folder.path, cache_dir=tmp_path / "a") as server:
        port = str(server.ports["tcp"])
        process = launch(
            *(str(folder.path), "--port", port, "--cache-dir", str(tmp_path / "b")),
            stderr=subprocess.PIPE,
        )
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "cannot listen" in errors


@pytest.mark.slow
def test_the_password_of_the_environment_counts(folder: Folder, tmp_path: Path) -> None:
    environment = {"BLITZRENDER_IMAGESERVER_PASSWORD": "s3cret"}
    with (
        start_image_server(
            folder.path, cache_dir=tmp_path, environment=environment, arguments=("--user", "anna")
        ) as server,
        log_in(server.ports["tcp"], user="anna", password="s3cret") as client,
    ):
        assert client.factory.getAdminService().getEventContext().userName == "anna"


@pytest.mark.slow
def test_identity_and_certificate_outlive_a_restart(folder: Folder, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with start_image_server(folder.path, cache_dir=tmp_path) as server:
            with log_in(server.ports["ssl"], "ssl") as client:
                identity = client.factory.getConfigService().getDatabaseUuid()
                rows = client.rows("select i.id, i.name from Image i order by i.id")
            found.append((identity, rows, server.certificate.read_bytes()))
            key = server.certificate.with_suffix(".key")
            assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert found[0] == found[1]
