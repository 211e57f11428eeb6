"""File downloads: beside the Ice stream alone, and a hundred at a time beside tiles."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks import crowd, load
from benchmarks.pyramids import SAMPLES
from tests.support import service

GIBIBYTE = 1024**3
MANY = 100
SECONDS = 20.0
TILES = 400
_FILE = "large.png"
_PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Beside:
    """A hundred downloads at a time, and tiles meanwhile."""

    bytes_per_s: float
    least_share: float
    grown_bytes: int
    idle_p95_s: float
    busy_p95_s: float
    bytes_per_s_beside: float
    least_share_beside: float


def main(arguments: Sequence[str] = ()) -> int:
    """Measure the row of downloads with the options given."""
    parser = argparse.ArgumentParser(prog="script/bench downloads", description=__doc__)
    parser.add_argument("--clients", type=int, default=MANY, help=f"at a time ({MANY})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"before tiles come ({SECONDS:.0f})"
    )
    parser.add_argument("--tiles", type=int, default=TILES, help=f"beside them ({TILES})")
    parser.add_argument("--only-beside", action="store_true", help="leave out the single download")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        _write_files(Path(folder))
        if not options.only_beside:
            alone = _ice_alone(Path(folder))
        with _running(Path(folder)) as running:
            ids = running.image_ids(2)
            path = f"/webgateway/archived_files/download/{ids[_FILE]}/"
            if not options.only_beside:
                _print_single(alone, _single(running.port, path))
            beside = _measure_beside(running, path, ids["worms.ome.tif"], options)
    _print_beside(beside, options)
    return 0


def _print_single(alone: float, single: float) -> None:
    print("file download, 1 GiB")
    print(f"  Ice stream alone    {alone / 1e6:8.0f} MB/s")
    print(f"  through HTTP        {single / 1e6:8.0f} MB/s   ratio {single / alone:.2f}", end="")
    print(" (reach 0.8)")


def _print_beside(beside: Beside, options: argparse.Namespace) -> None:
    print(f"{options.clients} downloads at a time, {options.seconds:.0f} s")
    print(f"  all together        {beside.bytes_per_s / 1e6:8.0f} MB/s")
    print(f"  the slowest of them {beside.least_share:8.2f} of the mean")
    print(f"  memory grew by      {beside.grown_bytes / 1024**2:8.0f} MiB (reach 64)")
    print(f"  tile p95, idle      {beside.idle_p95_s * 1000:8.1f} ms")
    print(f"  tile p95, beside    {beside.busy_p95_s * 1000:8.1f} ms", end="")
    print(f"   ratio {beside.busy_p95_s / beside.idle_p95_s:.1f} (reach 2)")
    print(f"  meanwhile, together {beside.bytes_per_s_beside / 1e6:8.0f} MB/s", end="")
    print(f", the slowest {beside.least_share_beside:.2f} of the mean")


def _write_files(folder: Path) -> None:
    """Write a PNG with a gibibyte of nothing behind its end, and an image with tiles."""
    Image.new("L", (64, 64), 90).save(folder / _FILE)
    with (folder / _FILE).open("r+b") as file:
        file.truncate(GIBIBYTE)
    (folder / "worms.ome.tif").write_bytes((SAMPLES / "worms.ome.tif").read_bytes())


@contextmanager
def _running(folder: Path) -> Iterator[service.Service]:
    with (
        tempfile.TemporaryDirectory() as cache_dir,
        service.running(folder, Path(cache_dir)) as running,
    ):
        yield running


def _ice_alone(folder: Path) -> float:
    """Give the bytes per second of one file read over Ice by a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.file_over_ice", str(folder), _FILE]
    text = subprocess.run(command, cwd=_PROJECT, capture_output=True, check=True, text=True).stdout
    return float(text)


def _single(port: int, path: str) -> float:
    rates = []
    buffer = bytearray(1024 * 1024)
    for _ in range(3):
        begun_s, received = time.perf_counter(), 0
        with crowd.connect(port, path) as client:
            while count := client.recv_into(buffer):
                received += count
        rates.append(received / (time.perf_counter() - begun_s))
    return statistics.median(rates)


def _measure_beside(
    running: service.Service, path: str, image_id: int, options: argparse.Namespace
) -> Beside:
    number = iter(range(1, 10**6))

    def tile_p95_s(count: int) -> float:
        paths = [_tile_path(image_id, next(number)) for _ in range(count)]
        result = load.run(running.port, paths, 1)
        assert not result.failed
        return result.percentile_s(95)

    tile_p95_s(600)
    idle_p95_s = tile_p95_s(options.tiles)
    before, memory = _memory(running), []
    with crowd.running(running.port, path, options.clients) as downloads:
        begun = downloads.received()
        until_s = time.monotonic() + options.seconds
        while time.monotonic() < until_s:
            time.sleep(min(2.0, options.seconds))
            memory.append(_memory(running))
        alone = downloads.received()
        busy_p95_s = tile_p95_s(options.tiles)
        beside = downloads.received().since(alone)
    alone = alone.since(begun)
    return Beside(
        bytes_per_s=sum(alone.each) / alone.at_s,
        least_share=alone.least_share,
        grown_bytes=max(memory) - before,
        idle_p95_s=idle_p95_s,
        busy_p95_s=busy_p95_s,
        bytes_per_s_beside=sum(beside.each) / beside.at_s,
        least_share_beside=beside.least_share,
    )


def _tile_path(image_id: int, number: int) -> str:
    """Give the path of a tile that nothing has cached: each has a window of its own."""
    settings = ",".join(f"{c}|{number}:60000$FFFFFF" for c in (1, 2))
    return f"/webgateway/render_image_region/{image_id}/0/0/?tile=0,0,0,256,256&c={settings}&m=c"


def _memory(running: service.Service) -> int:
    """Give the bytes that the processes of the service have in memory, all of them together."""
    processes = [running.master, *running.master.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)
