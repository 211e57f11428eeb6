"""NGINX in front: what it keeps for everybody, and cached files that it sends once permitted.

The measure beside them in the same run is the same NGINX giving out the same bytes as a static
file, to the same number of clients.
"""

import contextlib
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app import create_app
from app.operations.nginx import Site, nginx_configuration
from app.settings import load_settings
from benchmarks.apache import bench
from imageserver.supervisor import free_port
from tests.support import nginx, service

CLIENTS = 8
WORKERS = 2
PLACE = "/_blitzrender/"
IMAGE = "lung-histology-rgb.ome.tif"
_MAP = {"inverted": {"enabled": False}, "quantization": {"family": "linear"}}
_MAPS = quote(json.dumps([_MAP] * 3))
_COLORS = f"c=1|0:255$FF0000,2|0:255$00FF00,3|0:255$0000FF&m=c&maps={_MAPS}"
#: What is asked for, and how often.
PICTURES = {
    "tile, JPEG": (f"render_image_region/{{}}/0/0/?region=0,0,512,512&q=0.9&{_COLORS}", 8000),
    "plane, PNG": (f"render_image/{{}}/0/0/?format=png&{_COLORS}", 2000),
}


@dataclass(frozen=True)
class Rates:
    """Requests per second for one picture of `size_bytes`, by the way it is sent."""

    size_bytes: int
    static: float
    public: float
    offload: float
    through: float


def report_nginx() -> None:
    """Print what NGINX sends by itself against a static file of the same bytes."""
    if nginx.find_nginx() is None:
        print("nginx: not installed (Debian package nginx-light)")
        return
    for name, rates in measure().items():
        print(f"NGINX in front, {name}, {rates.size_bytes / 1000:.0f} kB, {CLIENTS} clients")
        print(f"  static file         {rates.static:8.1f} requests/s")
        for text, rate in (
            ("public, kept there  ", rates.public),
            ("permitted, its file ", rates.offload),
            ("permitted, our bytes", rates.through),
        ):
            print(f"  {text}{rate:8.1f} requests/s   ratio {rate / rates.static:.2f}", end="")
            print(" (reach 0.7)" if text.startswith("public") else "")


def measure() -> dict[str, Rates]:
    """Measure every picture in every way."""
    port = free_port("127.0.0.1")
    omero = {
        "omero_host": "127.0.0.1",
        "omero_port": port,
        "omero_transport": "tcp",
        "omero_user": "local",
        "omero_password": "local",
    }
    found: dict[str, dict[str, float]] = {name: {} for name in PICTURES}
    sizes = {}
    offload = {"x_accel_redirect": PLACE, "image_server_port": port}
    with _front(offload, offload) as (front, bodies):
        for name, body in bodies.items():
            sizes[name] = len(body)
        _measure_all(front, found, "offload")
        for name, (_, requests) in PICTURES.items():
            found[name]["static"] = _ab(front.static_url(name), requests)
        with _front(omero, omero) as (public, _):
            _measure_all(public, found, "public")
    plain = {"image_server_port": port}
    with _front(plain, plain) as (front, _):
        _measure_all(front, found, "through")
    return {name: Rates(size_bytes=sizes[name], **rates) for name, rates in found.items()}


@dataclass(frozen=True)
class _Front:
    port: int
    static_port: int
    image_id: int

    def url(self, name: str) -> str:
        path = PICTURES[name][0].format(self.image_id)
        return f"http://127.0.0.1:{self.port}/webgateway/{path}"

    def static_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.static_port}/{quote(name)}"


@contextlib.contextmanager
def _front(
    run_with: dict[str, object], print_with: dict[str, object]
) -> Iterator[tuple[_Front, dict[str, bytes]]]:
    """Run a service and NGINX before it; every picture is in all caches."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        cache_dir, static = folder / "cache", folder / "static"
        cache_dir.mkdir()
        static.mkdir()
        samples = service.PROJECT / "samples"
        with service.running(samples, cache_dir, workers=WORKERS, **run_with) as running:
            port, static_port = free_port("127.0.0.1"), free_port("127.0.0.1")
            settings = load_settings(
                env_file=None, port=running.port, cache_dir=cache_dir, **print_with
            )
            site = Site(listen=f"127.0.0.1:{port}", cache_folder=folder / "kept")
            text = nginx_configuration(create_app(settings), settings, site)
            text += f"server {{ listen 127.0.0.1:{static_port}; root {static}; }}\n"
            with nginx.running(text, folder, port, WORKERS):
                front = _Front(port, static_port, running.image_ids(6)[IMAGE])
                bodies = {}
                for name in PICTURES:
                    for _ in range(20):
                        with urllib.request.urlopen(front.url(name)) as answer:
                            bodies[name] = answer.read()
                    (static / name).write_bytes(bodies[name])
                yield front, bodies


def _measure_all(front: _Front, found: dict[str, dict[str, float]], way: str) -> None:
    for name, (_, requests) in PICTURES.items():
        found[name][way] = _ab(front.url(name), requests)


def _ab(url: str, requests: int) -> float:
    """Give ApacheBench's requests per second, after a short run to warm up."""
    bench(url, requests // 10, CLIENTS)
    return bench(url, requests, CLIENTS).per_second
