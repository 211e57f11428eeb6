"""File downloads: beside the Ice stream alone, and a hundred at a time beside tiles."""

import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks import load
from benchmarks.pyramids import SAMPLES
from tests.support import service

GIBIBYTE = 1024**3
MANY = 100
SECONDS = 20.0
TILES_PER_ROUND = 200
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


def report_downloads() -> None:
    """Print the row of downloads."""
    with tempfile.TemporaryDirectory() as folder:
        _write_files(Path(folder))
        alone = _ice_alone(Path(folder))
        with _running(Path(folder)) as running:
            ids = running.image_ids(2)
            path = f"/webgateway/archived_files/download/{ids[_FILE]}/"
            single = _single(running.port, path)
            beside = _measure_beside(running, path, ids["worms.ome.tif"])
    print("file download, 1 GiB")
    print(f"  Ice stream alone    {alone / 1e6:8.0f} MB/s")
    print(f"  through HTTP        {single / 1e6:8.0f} MB/s   ratio {single / alone:.2f}", end="")
    print(" (reach 0.8)")
    print(f"{MANY} downloads at a time, {SECONDS:.0f} s")
    print(f"  all together        {beside.bytes_per_s / 1e6:8.0f} MB/s")
    print(f"  the slowest of them {beside.least_share:8.2f} of the mean")
    print(f"  memory grew by      {beside.grown_bytes / 1024**2:8.0f} MiB (reach 64)")
    print(f"  tile p95, idle      {beside.idle_p95_s * 1000:8.1f} ms")
    print(f"  tile p95, beside    {beside.busy_p95_s * 1000:8.1f} ms", end="")
    print(f"   ratio {beside.busy_p95_s / beside.idle_p95_s:.1f} (reach 2)")


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
    for _ in range(3):
        begun_s = time.perf_counter()
        received = sum(_Download(port, path).pieces())
        rates.append(received / (time.perf_counter() - begun_s))
    return statistics.median(rates)


def _measure_beside(running: service.Service, path: str, image_id: int) -> Beside:
    number = iter(range(1, 10**6))

    def tile_p95_s(rounds: int) -> float:
        latencies: list[float] = []
        for _ in range(rounds):
            paths = [_tile_path(image_id, next(number)) for _ in range(TILES_PER_ROUND)]
            result = load.run(running.port, paths, 1)
            assert not result.failed
            latencies += result.latencies_s
        latencies.sort()
        return latencies[int(len(latencies) * 0.95)]

    tile_p95_s(3)
    idle_p95_s = tile_p95_s(2)
    before, memory = _memory(running), []
    crowd = _Crowd(running.port, path)
    crowd.start()
    for _ in range(int(SECONDS / 2)):
        time.sleep(2)
        memory.append(_memory(running))
    busy_p95_s = tile_p95_s(2)
    crowd.finish()
    received = crowd.received
    mean = sum(received) / len(received)
    return Beside(
        bytes_per_s=sum(received) / crowd.seconds,
        least_share=min(received) / mean,
        grown_bytes=max(memory) - before,
        idle_p95_s=idle_p95_s,
        busy_p95_s=busy_p95_s,
    )


def _tile_path(image_id: int, number: int) -> str:
    """Give the path of a tile that nothing has cached: each has a window of its own."""
    settings = ",".join(f"{c}|{number}:60000$FFFFFF" for c in (1, 2))
    return f"/webgateway/render_image_region/{image_id}/0/0/?tile=0,0,0,256,256&c={settings}&m=c"


def _memory(running: service.Service) -> int:
    """Give the bytes that the processes of the service have in memory, all of them together."""
    processes = [running.master, *running.master.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


class _Download:
    """One client that throws away what it gets."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )

    def pieces(self) -> Iterator[int]:
        buffer = bytearray(1024 * 1024)
        while count := self.socket.recv_into(buffer):
            yield count
        self.socket.close()


class _Crowd(threading.Thread):
    """Many clients that read as fast as they can, in one thread; those."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self._port, self._path = port, path
        self._ended = threading.Event()
        self.received = [0] * MANY
        self.seconds = 0.0

    def run(self) -> None:
        buffer = bytearray(256 * 1024)
        begun_s = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            clients = [_Download(self._port, self._path).socket for _ in range(MANY)]
            for index, client in enumerate(clients):
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ, index)
            while not self._ended.is_set() and time.perf_counter() - begun_s < SECONDS * 5:
                for key, _ in selector.select(0.2):
                    count = clients[key.data].recv_into(buffer)
                    self.received[key.data] += count
                    if not count:
                        selector.unregister(clients[key.data])
            self.seconds = time.perf_counter() - begun_s
            for client in clients:
                client.close()

    def finish(self) -> None:
        """End them."""
        self._ended.set()
        self.join()
