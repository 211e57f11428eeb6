"""A small HTTP load: several clients, each on one kept connection, walking a list of paths."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a load came to; `failed` counts answers that were not 200."""

    latencies_s: tuple[float, ...]
    seconds: float
    failed: int
    size_bytes: int

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return len(self.latencies_s) / self.seconds

    def percentile_s(self, percent: float) -> float:
        """Latency that `percent` of the requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(port: int, paths: Sequence[str], clients: int) -> Load:
    """Ask for each of `paths` once, shared among `clients` connections to 127.0.0.1:port."""
    results: list[tuple[float, int, int]] = []
    left = iter(paths)
    lock = threading.Lock()

    def work() -> None:
        connection = _Connection(port)
        mine = []
        while True:
            with lock:
                path = next(left, None)
            if path is None:
                break
            started = time.perf_counter()
            status, size = connection.get(path)
            mine.append((time.perf_counter() - started, status, size))
        connection.close()
        with lock:
            results.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    return Load(
        latencies_s=tuple(latency for latency, _, _ in results),
        seconds=seconds,
        failed=sum(status != 200 for _, status, _ in results),
        size_bytes=sum(size for _, _, size in results),
    )


class _Connection:
    """A kept HTTP/1.1 connection that reads answers with a Content-Length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> tuple[int, int]:
        """Give the status and the size of the body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError("the server closed the connection")
            head += part
        head, _, body = head.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        left = int(fields["content-length"]) - len(body)
        while left > 0:
            left -= len(self._socket.recv(min(left, 262144)))
        return status, int(fields["content-length"])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
