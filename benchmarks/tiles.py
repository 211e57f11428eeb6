"""Tiles through HTTP: not cached, cached, and after a slider move.

The measures stand beside them in the same run: the kernel alone on the same cores, large_image's
`getRegion` with the same style, and a bare Flask route that returns the same bytes from memory.
"""

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import load
from benchmarks.apache import bench
from benchmarks.pyramids import SIDE, TILE, place, three_channels
from imageserver.supervisor import free_port
from render.job import RenderJob
from render.values import ChannelBinding, Color, Encoding, Model, RenderingDefinition, Window
from tests.support import service

CLIENTS = 8
CORES = os.cpu_count() or 1
ROUNDS = 3
CACHED_REQUESTS = 6000
SLIDER_MOVES = 300
LARGE_IMAGE = Path(__file__).parent.parent / ".venv-large-image" / "bin" / "python"
#: The worker that is ready first would take all connections.
_ALL_START_S = 3
_WINDOWS = ((100.0, 1500.0), (100.0, 1500.0), (100.0, 1500.0))
_COLORS = (Color(255, 0, 0), Color(0, 255, 0), Color(0, 0, 255))
_QUERY = "c=1|{0}:1500$FF0000,2|100:1500$00FF00,3|100:1500$0000FF&m=c&q=0.9"


@dataclass(frozen=True)
class Figures:
    """The figures of one pyramid; rates are tiles per second, times are seconds."""

    uncached: float
    uncached_p95_s: float
    workers_cpu_ms: float
    image_server_cpu_ms: float
    kernel: float
    large_image: float | None
    failed: int


def measure_uncached(pyramid: Path) -> Figures:
    """Measure tiles that nothing has cached yet, the median of several fresh starts."""
    origins = [(x, y) for y in range(0, SIDE, TILE) for x in range(0, SIDE, TILE)]
    rounds = [_uncached_round(pyramid) for _ in range(ROUNDS)]
    rounds.sort(key=lambda result: result[0].per_second)
    middle, workers_cpu_s, image_server_cpu_s = rounds[ROUNDS // 2]
    tiles = len(middle.latencies_s)
    return Figures(
        uncached=middle.per_second,
        uncached_p95_s=middle.percentile_s(95),
        workers_cpu_ms=workers_cpu_s / tiles * 1000,
        image_server_cpu_ms=image_server_cpu_s / tiles * 1000,
        kernel=_kernel_rate(),
        large_image=_large_image_rate(pyramid, origins[:96]),
        failed=sum(result.failed for result, _, _ in rounds),
    )


def _uncached_round(pyramid: Path) -> tuple[load.Load, float, float]:
    """Give the load, and the CPU seconds that the workers and the image server spent on it."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache_dir:
        place(pyramid, Path(folder))
        with service.running(Path(folder), Path(cache_dir)) as running:
            image_id = running.image_ids()[pyramid.name]
            side = SIDE // TILE
            # The upper levels open the sessions and stores of every worker first.
            load.run(
                running.port, [_tile_path(image_id, 1, i % 8, i // 8) for i in range(64)], CLIENTS
            )
            paths = [_tile_path(image_id, 0, i % side, i // side) for i in range(side * side)]
            before = _cpu_seconds(running)
            result = load.run(running.port, paths, CLIENTS)
            workers, image_server = (
                after - ago for after, ago in zip(_cpu_seconds(running), before, strict=True)
            )
            return result, workers, image_server


def _cpu_seconds(running: service.Service) -> tuple[float, float]:
    """Give the CPU seconds of all workers, and of the image server, since they started."""
    image_server = running.image_server()
    assert image_server is not None
    workers = [child for child in running.master.children() if child != image_server]
    times = [sum(child.cpu_times()[:2]) for child in workers]
    return sum(times), sum(image_server.cpu_times()[:2])


def _tile_path(image_id: int, level: int, column: int, row: int, start: float = 100) -> str:
    return (
        f"/webgateway/render_image_region/{image_id}/0/0/"
        f"?tile={level},{column},{row},{TILE},{TILE}&{_QUERY.format(start)}"
    )


def _definition(start: float = 100) -> RenderingDefinition:
    """Give the settings that `_tile_path` asks for."""
    windows = ((start, 1500.0), *_WINDOWS[1:])
    bindings = tuple(
        ChannelBinding(active=True, window=Window(*window), color=color)
        for window, color in zip(windows, _COLORS, strict=True)
    )
    return RenderingDefinition(model=Model.RGB, bindings=bindings)


def _jobs(count: int) -> list[RenderJob]:
    """Make jobs over the pyramid's own planes, big-endian as they come over Ice."""
    planes = three_channels()
    definition = _definition()
    jobs = []
    for i in range(count):
        x, y = i % 16 * TILE, i // 16 * TILE
        tiles = tuple(plane[y : y + TILE, x : x + TILE].astype(">u2") for plane in planes)
        jobs.append(
            RenderJob(
                planes=tiles,
                pixel_type="uint16",
                definition=definition,
                encoding=Encoding("jpeg", 0.9),
            )
        )
    return jobs


def _kernel_rate() -> float:
    """Composite and encode on as many threads as there are cores, nothing else."""
    jobs = _jobs(64)
    jobs[0].run()

    def work() -> None:
        for job in jobs:
            job.run()

    threads = [threading.Thread(target=work) for _ in range(CORES)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CORES * len(jobs) / (time.perf_counter() - started)


def _large_image_rate(pyramid: Path, origins: list[tuple[int, int]]) -> float | None:
    if not LARGE_IMAGE.exists():
        return None
    style = {
        "bands": [
            {"frame": c, "min": start, "max": end, "palette": ["#000", color]}
            for c, ((start, end), color) in enumerate(
                zip(_WINDOWS, ("#f00", "#0f0", "#00f"), strict=True)
            )
        ]
    }
    script = Path(__file__).parent / "large_image_regions.py"
    texts = [f"{x},{y}" for x, y in origins]
    command = [str(LARGE_IMAGE), str(script), str(pyramid), json.dumps(style), str(CORES), *texts]
    seconds = float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return len(origins) / seconds


def measure_cached(pyramid: Path) -> tuple[float, float]:
    """Give requests per second of a cached tile, and of the bare route with the same bytes."""
    with (
        tempfile.TemporaryDirectory() as cache_dir,
        service.running(pyramid.parent, Path(cache_dir)) as running,
    ):
        image_id = running.image_ids(3)[pyramid.name]
        path = _tile_path(image_id, 0, 3, 3)
        with urllib.request.urlopen(running.url(path)) as answer:
            tile = answer.read()
        time.sleep(_ALL_START_S)
        cached = _ab(running.port, path)
    return cached, _bare_rate(tile)


def _bare_rate(tile: bytes) -> float:
    port = free_port("127.0.0.1")
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(tile)
        environment = os.environ | {
            "BENCHMARK_PORT": str(port),
            "BENCHMARK_WORKERS": str(CORES),
            "BENCHMARK_TILE": file.name,
        }
        with service.gunicorn(
            "benchmarks/bare_gunicorn.py", "benchmarks.bare:app", environment, Path(os.devnull)
        ):
            time.sleep(_ALL_START_S)
            return _ab(port, "/tile")


def _ab(port: int, path: str) -> float:
    """Give ApacheBench's requests per second for one path, after a short run to warm up."""
    url = f"http://127.0.0.1:{port}{path}"
    bench(url, 200, CLIENTS)
    return bench(url, CACHED_REQUESTS, CLIENTS).per_second


def measure_slider(pyramid: Path) -> tuple[float, float, float]:
    """Give the median seconds of a slider move through HTTP, and of composite + encode alone.

    Alone on one core: the same moves, each of which needs a table for its window, and one picture
    again and again, whose tables are there.
    """
    with (
        tempfile.TemporaryDirectory() as cache_dir,
        service.running(pyramid.parent, Path(cache_dir), workers=1) as running,
    ):
        image_id = running.image_ids(3)[pyramid.name]
        paths = [_tile_path(image_id, 0, 2, 2, 100 + i) for i in range(SLIDER_MOVES + 20)]
        load.run(running.port, paths[:20], 1)
        moved = load.run(running.port, paths[20:], 1)
    job = _jobs(1)[0]
    moves = [replace(job, definition=_definition(100.5 + i)) for i in range(SLIDER_MOVES)]
    return moved.percentile_s(50), _median_s(moves), _median_s([job] * SLIDER_MOVES)


def _median_s(jobs: Sequence[RenderJob]) -> float:
    jobs[0].run()
    seconds = []
    for job in jobs:
        started = time.perf_counter()
        job.run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
