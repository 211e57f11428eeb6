"""A real application over a real image server, on a socket, over images made here."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from flask import Flask
from PIL import Image
from werkzeug.test import Client, TestResponse

from imageserver.supervisor import free_port
from tests.app.screened import write_screened
from tests.app.serving import Serving, serve
from tests.app.ways import VIA, router_to

PROJECT = Path(__file__).parent.parent.parent

PYRAMID = "pyramid.ome.tif"
STACK = "stack.ome.tif"
FLAT = "flat.png"


@dataclass(frozen=True)
class ImageServer:
    """A running image server, and the pixels that it serves."""

    folder: Path
    port: int
    process: subprocess.Popen
    #: Levels of three-channel 16-bit data, (c, y, x), largest first.
    pyramid: list[np.ndarray]
    #: (t, z, c, y, x) of 16 bits.
    stack: np.ndarray
    #: Settings with which an application finds the router before this server, where there is one.
    router: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Gateway:
    """An application's client, and the ids of the images by name."""

    serving: Serving
    ids: dict[str, int]
    server: ImageServer

    @property
    def app(self) -> Flask:
        """The application; where a whole service answers, one with the same settings."""
        return self.serving.app

    @property
    def client(self) -> Client:
        """The client that keeps its cookies from one request to the next."""
        return self.serving.client

    def close(self) -> None:
        """End the application."""
        self.serving.close()

    def get(self, path: str, **options) -> TestResponse:
        """Ask for a path below /webgateway/."""
        return self.client.get(f"/webgateway/{path}", **options)

    def picture(self, path: str) -> np.ndarray:
        """Give the decoded picture at a path below /webgateway/, (height, width, 3)."""
        response = self.get(path)
        assert response.status_code == 200, response.get_data(as_text=True)
        return decoded(response)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out behind NGINX what holds without it only, and say why."""
    for item in items if VIA == "nginx" else ():
        if marker := item.get_closest_marker("without_nginx"):
            (reason,) = marker.args
            item.add_marker(pytest.mark.skip(reason=f"not behind NGINX: {reason}"))


def asked_by_the_host(gateway: Gateway) -> TestResponse:
    """Ask whether all is ready, beside any NGINX, which tells it to nobody outside."""
    return gateway.app.test_client().get("/readyz")


def decoded(response: TestResponse) -> np.ndarray:
    """Decode a picture, (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(response.get_data())).convert("RGB"))


def start_image_server(
    folder: Path, cache_dir: Path, port: int = 0, manager_port: int | None = None
) -> tuple[subprocess.Popen, int]:
    """Start an image server and wait until it answers; give its process and port."""
    behind_router = [] if manager_port is None else [f"--manager-port={manager_port}"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "imageserver", str(folder), f"--port={port}"),
            *(f"--cache-dir={cache_dir}", "--with-parent", "--scan-wait=20"),
            *behind_router,
        ],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready"), f"the image server said {line!r}"
    return process, int(line.split()[1].rpartition(":")[2])


def stop(process: subprocess.Popen) -> None:
    """End a process and wait for it."""
    process.terminate()
    process.wait(20)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


@contextlib.contextmanager
def images_served(
    folder: Path, cache_dir: Path, pyramid: list[np.ndarray], stack: np.ndarray
) -> Iterator[ImageServer]:
    """Run an image server over a folder, with a router before it where the way has one."""
    manager_port = free_port("127.0.0.1")
    process, port = start_image_server(folder, cache_dir, manager_port=manager_port)
    try:
        with router_to(manager_port) as router:
            yield ImageServer(folder, port, process, pyramid, stack, router)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def image_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageServer]:
    folder = tmp_path_factory.mktemp("images")
    pyramid, stack = _write_images(folder)
    with images_served(folder, tmp_path_factory.mktemp("index"), pyramid, stack) as server:
        yield server


@pytest.fixture
def make_gateway(image_server: ImageServer, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Give a function that makes a gateway with settings of its own."""
    made: list[Gateway] = []

    def make(**settings) -> Gateway:
        cache_dir = settings.pop("cache_dir", tmp_path / f"cache{len(made)}")
        gateway = make_gateway_on(image_server, cache_dir, **settings)
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture(scope="session")
def gateway(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    gateway = make_gateway_on(image_server, tmp_path_factory.mktemp("cache"), whole=True)
    yield gateway
    gateway.close()


def make_gateway_on(
    server: ImageServer, cache_dir: Path, *, whole: bool = False, **settings
) -> Gateway:
    """Make a gateway over an image server.

    Behind NGINX a `whole` service has one of its own over the same folder, with the same ids.
    """
    values = {"cache_dir": cache_dir, "render_threads": 2, **source_of(server, settings)}
    serving = serve(whole=whole, **values | settings)
    client = serving.client
    ids = {
        image["name"]: image["id"]
        for project in _json(client, "proj/list/")
        for dataset in _json(client, f"proj/{project['id']}/children/")
        for image in _json(client, f"dataset/{dataset['id']}/children/")
    }
    return Gateway(serving, ids, server)


def source_of(server: ImageServer, settings: dict[str, Any]) -> dict[str, Any]:
    """Give the settings with which an application finds the server on the way that is taken.

    An `image_server_port` among the other settings is that of another server, asked directly.
    """
    if server.router is None or "image_server_port" in settings:
        return {"images": server.folder, "image_server_port": server.port}
    return {**server.router, "omero_user": "local", "omero_password": "local"}


def _json(client: Client, path: str) -> list[dict]:
    response = client.get(f"/webgateway/{path}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def _write_images(folder: Path) -> tuple[list[np.ndarray], np.ndarray]:
    random = np.random.default_rng(7)
    full = random.integers(0, 2000, (3, 600, 700), np.uint16)
    pyramid = [full, full[:, ::2, ::2].copy(), full[:, ::4, ::4].copy()]
    with tifffile.TiffWriter(folder / PYRAMID, ome=True) as file:
        options = {"photometric": "minisblack", "tile": (128, 128), "compression": "zlib"}
        metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
        file.write(full, subifds=2, metadata=metadata, **options)
        for level in pyramid[1:]:
            file.write(level, subfiletype=1, **options)
    stack = random.integers(0, 4000, (2, 5, 2, 47, 61), np.uint16)
    tifffile.imwrite(
        folder / STACK, stack, ome=True, photometric="minisblack", metadata={"axes": "TZCYX"}
    )
    # Smooth, so that lossy formats stay close to it.
    rows, columns = np.mgrid[0:40, 0:100]
    flat = np.stack([columns * 2, rows * 6, 250 - columns], axis=-1).astype(np.uint8)
    Image.fromarray(flat).save(folder / FLAT)
    write_screened(folder)
    return pyramid, stack
