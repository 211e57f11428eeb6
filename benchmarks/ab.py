"""`ab -n 5000 -c 100` on a thumbnail and a plane, as OMERO.web's published figures were taken.

ab asks for one URL, each time on a new connection. What it measures is warm (the picture is kept)
or cold (the service keeps no picture and no raw pixels, so that each request goes all the way). Of
equal requests at the same moment the service makes one picture, ab's hundred clients are
answered by few renderings: so the cold figures stand a second time for as many clients that ask for
pictures which all differ, where nothing can be shared.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from app import create_app
from app.operations.nginx import Site, nginx_configuration
from app.settings import load_settings
from benchmarks import load, plots
from benchmarks.apache import bench
from benchmarks.pyramids import SAMPLES
from imageserver.supervisor import free_port
from tests.support import nginx, service

REQUESTS, CLIENTS = 5000, 100
#: Of pictures that all differ: enough for some seconds.
DIFFERENT = 1500
WORKERS = 2
#: OMERO.web's own published figures: thumbnails, 20 clients.
PUBLISHED_PER_S, PUBLISHED_MEDIAN_S = 27.9, 0.67
SIDE = 512
_IMAGE = "plane.ome.tif"
#: Nothing that was rendered or read is kept.
KEEPS_NOTHING = {
    "cache_max_bytes": 0,
    "cache_thumbnails_max_bytes": 0,
    "hot_pictures_max_bytes": 0,
    "raw_tiles_max_bytes": 0,
    "raw_tiles_shared_max_bytes": 0,
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    state: str
    way: str
    per_second: float
    median_s: float
    p99_s: float


def report_ab() -> None:
    """Print the table beside OMERO.web's published figures."""
    print(f"ab -n {REQUESTS} -c {CLIENTS}, {WORKERS} workers; no request failed")
    print(
        f"  {'what':<14}{'state':<20}{'way':<10}{'requests/s':>10}{'median':>10}{'p99':>10}", end=""
    )
    print("   of OMERO.web's")
    published = Row("thumbnail", "published", "OMERO.web", PUBLISHED_PER_S, PUBLISHED_MEDIAN_S, 0)
    rows = []
    for row in itertools.chain([published], measure()):
        rows.append(row)
        print(f"  {row.what:<14}{row.state:<20}{row.way:<10}{row.per_second:10.1f}", end="")
        print(f"{row.median_s * 1000:7.0f} ms", end="")
        print(f"{row.p99_s * 1000:7.0f} ms" if row.p99_s else " " * 10, end="")
        ratio = row.per_second / PUBLISHED_PER_S
        print(
            f"   {ratio:.0f} x{_mark(row)}" if row is not published else "   at 20 clients",
            flush=True,
        )
    draw(rows[1:])


def draw(rows: Sequence[Row]) -> None:
    """Draw requests per second, OMERO.web's published figure as a line."""
    plots.draw_bars(
        "bench-ab",
        f"ab -n {REQUESTS} -c {CLIENTS}",
        "requests per second",
        [f"{row.what}, {row.state}, {row.way}" for row in rows],
        {"requests per second": [row.per_second for row in rows]},
        marks={f"OMERO.web: {PUBLISHED_PER_S}": PUBLISHED_PER_S},
        logarithmic=True,
    )


def _mark(row: Row) -> str:
    if row.what != "thumbnail":
        return ""
    return f" (reach {50 if row.state == 'warm' else 10})"


def measure(
    requests: int = REQUESTS, clients: int = CLIENTS, different: int = DIFFERENT
) -> Iterator[Row]:
    """Give the rows, each as soon as it is measured."""
    for state, settings in (("warm", {}), ("cold", KEEPS_NOTHING)):
        with _fronts(settings) as (ports, image_id):
            paths = {
                "thumbnail": f"/webgateway/render_thumbnail/{image_id}/",
                "512² plane": _plane_path(image_id, 0),
            }
            for (what, path), (way, port) in itertools.product(paths.items(), ports.items()):
                url = f"http://127.0.0.1:{port}{path}"
                # So that every worker has made its connections, and keeps what it may keep.
                bench(url, max(clients, requests // 10), clients, keep=False)
                found = bench(url, requests, clients, keep=False)
                yield Row(what, state, way, found.per_second, found.median_s, found.p99_s)
                if state == "cold":
                    yield _measure_different(what, way, port, image_id, different, clients)


def _measure_different(
    what: str, way: str, port: int, image_id: int, count: int, clients: int
) -> Row:
    # The two ways do not share any.
    first = 1 if way == "direct" else 1 + count
    make_path = _sized_thumbnail_path if what == "thumbnail" else _plane_path
    paths = [make_path(image_id, number) for number in range(first, first + count)]
    found = load.run(port, paths, clients)
    if found.failed:
        raise RuntimeError(f"{found.failed} of {count} requests failed")
    rate, median_s, p99_s = found.per_second, found.percentile_s(50), found.percentile_s(99)
    return Row(what, "cold, all differ", way, rate, median_s, p99_s)


def _sized_thumbnail_path(image_id: int, number: int) -> str:
    """Give thumbnails of some 96 x 96 pixels, each of another size."""
    width, height = 60 + number % 72, 60 + number // 72
    return f"/webgateway/render_thumbnail/{image_id}/{width}/{height}/"


def _plane_path(image_id: int, number: int) -> str:
    """Give the whole plane, each with another window."""
    channels = zip((1, 2, 3), ("FF0000", "00FF00", "0000FF"), strict=True)
    colors = ",".join(f"{c}|{number}:20000${color}" for c, color in channels)
    return f"/webgateway/render_image/{image_id}/0/0/?c={colors}&m=c&q=0.9"


@contextlib.contextmanager
def _fronts(settings: dict[str, object]) -> Iterator[tuple[dict[str, int], int]]:
    """Run the service over one plane, and NGINX before it; give the ports, and the image's id."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        images, cache_dir = folder / "images", folder / "cache"
        images.mkdir()
        cache_dir.mkdir()
        _write_plane(images / _IMAGE)
        with service.running(images, cache_dir, workers=WORKERS, **settings) as running:
            ports = {"direct": running.port}
            with contextlib.ExitStack() as stack:
                if nginx.find_nginx() is not None:
                    ports["NGINX"] = stack.enter_context(_nginx(folder, cache_dir, running.port))
                yield ports, running.image_ids(1)[_IMAGE]


@contextlib.contextmanager
def _nginx(folder: Path, cache_dir: Path, behind: int) -> Iterator[int]:
    """Run NGINX as `flask nginx` configures it before the service of an embedded image server."""
    port = free_port("127.0.0.1")
    settings = load_settings(env_file=None, port=behind, cache_dir=cache_dir)
    site = Site(listen=f"127.0.0.1:{port}", cache_folder=folder / "kept")
    text = nginx_configuration(create_app(settings), settings, site)
    with nginx.running(text, folder, port, WORKERS):
        yield port


def _write_plane(path: Path) -> None:
    """Write 512 x 512 pixels of three uint16 channels, from the middle of the worms."""
    planes = np.asarray(tifffile.imread(SAMPLES / "worms.ome.tif"))
    rows = np.arange(SIDE) % planes.shape[1]
    columns = np.arange(SIDE) % planes.shape[2]
    three = np.resize(planes, (3, *planes.shape[1:]))[:, rows][:, :, columns]
    tifffile.imwrite(path, three, ome=True, photometric="minisblack", metadata={"axes": "CYX"})
