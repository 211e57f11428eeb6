"""Downloads from the whole service: resumed, broken off, many at once beside tiles."""

import contextlib
import hashlib
import io
import socket
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.processes import require
from tests.support.service import Service, running

pytestmark = pytest.mark.slow

BIG, SMALL = "big.png", "Zell körper, 'α'.png"
SIZE = 40 * 1024**2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    for name in (BIG, SMALL):
        Image.new("L", (64, 64), 90).save(made / name)
    with (made / BIG).open("ab") as file:
        # Behind its last chunk a PNG may hold anything: a file of any size, quickly read.
        file.write(np.random.default_rng(3).bytes(SIZE))
    return made


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(folder, tmp_path_factory.mktemp("cache"), workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def url(service: Service) -> str:
    return service.url(f"/webgateway/archived_files/download/{service.image_ids(2)[BIG]}/")


def open_big_files(service: Service) -> int:
    """Count how often the image server holds the big file open."""
    server = service.image_server()
    assert server is not None
    count = 0
    for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += descriptor.readlink().name == BIG
    return count


def wait_for_open_files(service: Service, count: int, timeout_s: float) -> float:
    """Wait until the big file is open so often; give the seconds that it took."""
    begun_s = time.monotonic()
    while open_big_files(service) != count:
        assert time.monotonic() - begun_s < timeout_s, open_big_files(service)
        time.sleep(0.02)
    return time.monotonic() - begun_s


def wait_until_idle(service: Service) -> int:
    """Wait until no download is left; give how often the file is open then, to be rendered."""
    until_s = time.monotonic() + 20
    while True:
        seen = [open_big_files(service) for _ in range(3) if not time.sleep(0.3)]
        if max(seen) == min(seen) <= 1:
            return seen[0]
        assert time.monotonic() < until_s, seen


def test_curl_resumes_a_download_that_was_broken_off(
    url: str, folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.png"
    command = [require("curl", "curl"), "-sS", "-o", str(kept)]
    with subprocess.Popen([*command, "--limit-rate", "8M", url]) as curl:
        until_s = time.monotonic() + 30
        while not (kept.exists() and kept.stat().st_size > 1024**2):
            assert time.monotonic() < until_s
            time.sleep(0.05)
        curl.kill()
    begun = kept.stat().st_size
    assert 0 < begun < SIZE
    subprocess.run([*command, "-C", "-", "-f", url], check=True, timeout=60)
    expected = (folder / BIG).read_bytes()
    assert hashlib.sha256(kept.read_bytes()).digest() == hashlib.sha256(expected).digest()


def test_a_client_that_goes_away_leaves_nothing_open(service: Service, url: str) -> None:
    idle = wait_until_idle(service)
    path = url.removeprefix(service.url(""))
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        wait_for_open_files(service, idle + 1, 10)
    # Promised within a second; a busy machine may take its time.
    assert wait_for_open_files(service, idle, 5) < 5


def test_slow_clients_hold_little_memory_and_nobody_up(service: Service, url: str) -> None:
    (worker,) = [
        child
        for child in service.master.children()
        if child != service.image_server() and "imageserver" not in child.cmdline()
    ]
    path = url.removeprefix(service.url(""))
    urllib.request.urlopen(url).read()
    idle = wait_until_idle(service)
    before = psutil.Process(worker.pid).memory_info().rss
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            for _ in range(60)
        ]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        # They read no further, so the service has to wait with what comes next.
        time.sleep(1)
        grown = psutil.Process(worker.pid).memory_info().rss - before
        assert grown < 64 * 1024**2, grown
        begun_s = time.monotonic()
        ids = service.image_ids(2)
        with urllib.request.urlopen(service.url(f"/webgateway/render_image/{ids[SMALL]}/")) as got:
            assert got.read(2) == b"\xff\xd8"
        assert time.monotonic() - begun_s < 5
    wait_for_open_files(service, idle, 20)


def test_downloads_go_on_beside_a_viewer_who_never_stops_asking(service: Service, url: str) -> None:
    path, image_id = url.removeprefix(service.url("")), service.image_ids(2)[SMALL]
    received = [0] * 8
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            for _ in received
        ]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            client.setblocking(False)
        begun_s, number = time.monotonic(), 0
        # More than the head and what fits into the sockets' buffers when the first picture comes.
        while min(received) < 1024**2:
            number += 1
            assert time.monotonic() - begun_s < 60, received
            picture = f"/webgateway/render_image/{image_id}/?c=1|0:{number}$FFFFFF&m=c"
            with urllib.request.urlopen(service.url(picture), timeout=60) as got:
                assert got.status == 200
            for index, client in enumerate(clients):
                with contextlib.suppress(BlockingIOError):
                    received[index] += len(client.recv(128 * 1024))
    assert number > 10
    wait_until_idle(service)


def test_an_archive_is_understood_by_others(service: Service, folder: Path, tmp_path: Path) -> None:
    ids = service.image_ids(2)
    query = "&".join(f"image={image_id}" for image_id in ids.values())
    with urllib.request.urlopen(
        service.url(f"/webgateway/archived_files/download/?{query}&zipname=all")
    ) as answer:
        content = answer.read()
        assert int(answer.headers["Content-Length"]) == len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: (folder / name).read_bytes() for name in (BIG, SMALL)
        }
    kept = tmp_path / "all.zip"
    kept.write_bytes(content)
    subprocess.run([require("unzip", "unzip"), "-tq", str(kept)], check=True, capture_output=True)


def test_a_download_outlives_a_server_that_is_killed(
    service: Service, url: str, folder: Path
) -> None:
    server = service.image_server()
    assert server is not None
    with urllib.request.urlopen(url, timeout=60) as answer:
        begun = answer.read(100_000)
        server.kill()
        whole = begun + answer.read()
    assert hashlib.sha256(whole).digest() == hashlib.sha256((folder / BIG).read_bytes()).digest()
