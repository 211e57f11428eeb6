"""Exports from the whole service: resumed, held by clients that stall, over a killed server."""

import contextlib
import io
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile

from tests.support.processes import require
from tests.support.service import Service, running

pytestmark = pytest.mark.slow

BIG = "big.ome.tif"
#: Downloads at a time that the service is told to allow.
MOST = 40


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(6).integers(0, 4000, (3, 2048, 2048), np.uint16)


@pytest.fixture(scope="module")
def service(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("images")
    with tifffile.TiffWriter(folder / BIG, ome=True) as file:
        file.write(pixels, tile=(256, 256), photometric="minisblack", metadata={"axes": "CYX"})
    cache = tmp_path_factory.mktemp("cache")
    with running(folder, cache, workers=1, downloads_max=MOST) as started:
        yield started


@pytest.fixture(scope="module")
def image_id(service: Service) -> int:
    return service.image_ids(1)[BIG]


@pytest.fixture(scope="module")
def path(image_id: int) -> str:
    return f"/webgateway/render_ome_tiff/i/{image_id}/"


def read(content: bytes) -> np.ndarray:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return file.series[0].asarray()


def begin(service: Service, path: str) -> socket.socket:
    """Ask for a download and read no further than its first line."""
    client = socket.create_connection(("127.0.0.1", service.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    return client


def test_curl_resumes_an_export_that_was_broken_off(
    service: Service, path: str, pixels: np.ndarray, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.ome.tiff"
    command = [require("curl", "curl"), "-sS", "-o", str(kept)]
    with subprocess.Popen([*command, "--limit-rate", "4M", service.url(path)]) as curl:
        until_s = time.monotonic() + 30
        while not (kept.exists() and kept.stat().st_size > 1024**2):
            assert time.monotonic() < until_s
            time.sleep(0.05)
        curl.kill()
    assert 0 < kept.stat().st_size < pixels.nbytes
    subprocess.run([*command, "-C", "-", "-f", service.url(path)], check=True, timeout=60)
    np.testing.assert_array_equal(read(kept.read_bytes()), pixels)


def test_clients_that_stall_hold_little_and_give_it_back_when_they_go(
    service: Service, path: str, image_id: int
) -> None:
    (worker,) = [
        child
        for child in service.master.children()
        if child != service.image_server() and "imageserver" not in child.cmdline()
    ]
    urllib.request.urlopen(service.url(path)).read()
    before = psutil.Process(worker.pid).memory_info().rss
    with contextlib.ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(begin(service, path))
        time.sleep(1)
        grown = psutil.Process(worker.pid).memory_info().rss - before
        assert grown < 64 * 1024**2, grown
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(service.url(path))
        assert refused.value.code == 503 and refused.value.headers["Retry-After"]
        refused.value.close()
        begun_s = time.monotonic()
        tile = f"/webgateway/render_image_region/{image_id}/0/0/?tile=0,1,1"
        with urllib.request.urlopen(service.url(tile)) as got:
            assert got.read(2) == b"\xff\xd8"
        assert time.monotonic() - begun_s < 5
    until_s = time.monotonic() + 20
    while True:
        with contextlib.suppress(urllib.error.HTTPError), contextlib.ExitStack() as stack:
            # As many as before fit in again: none was counted for good.
            for _ in range(MOST):
                answer = urllib.request.urlopen(service.url(path))
                stack.callback(answer.close)
            return
        assert time.monotonic() < until_s
        time.sleep(0.5)


def test_an_export_outlives_a_server_that_is_killed(
    service: Service, path: str, pixels: np.ndarray
) -> None:
    server = service.image_server()
    assert server is not None
    with urllib.request.urlopen(service.url(path), timeout=60) as answer:
        begun = answer.read(100_000)
        server.kill()
        whole = begun + answer.read()
    np.testing.assert_array_equal(read(whole), pixels)
