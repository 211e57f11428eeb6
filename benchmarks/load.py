"""A small HTTP load: several clients, each on one kept connection, walking a list of paths."""

import itertools
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a load came to: how long each answer took, and how often each status was answered."""

    latencies_s: tuple[float, ...]
    seconds: float
    statuses: Counter[int]
    size_bytes: int

    @property
    def failed(self) -> int:
        """Number of answers that were not 200."""
        return self.statuses.total() - self.statuses[200]

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return len(self.latencies_s) / self.seconds

    def percentile_s(self, percent: float) -> float:
        """Latency that `percent` of the requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(port: int, paths: Sequence[str], clients: int, headers: Sequence[str] = ("",)) -> Load:
    """Ask for each of `paths` once, shared among `clients` connections to 127.0.0.1:port.

    The requests carry the lines of `headers` in turn.
    """
    results: list[tuple[float, int, int]] = []
    left = deque(zip(paths, itertools.cycle(headers), strict=False))
    lock = threading.Lock()

    def work() -> None:
        connection = Connection(port)
        mine = _walk(connection, left)
        connection.close()
        with lock:
            results.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _load_of(results, time.perf_counter() - started)


class Connection:
    """A kept HTTP/1.1 connection that reads answers with a Content-Length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, header: str = "") -> tuple[int, int]:
        """Give the status and the size of the body; `header` is one more line of the request."""
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *([header] if header else []), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
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
            part = self._socket.recv(min(left, 262144))
            if not part:
                raise ConnectionError("the server closed the connection within an answer")
            left -= len(part)
        return status, int(fields["content-length"])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Browser:
    """Asks for what a page shows as browsers do: over a few connections that stay open."""

    def __init__(self, port: int, connections: int = 6) -> None:
        self._connections = [Connection(port) for _ in range(connections)]
        self._pool = ThreadPoolExecutor(connections)

    def show(self, paths: Sequence[str]) -> Load:
        """Ask for all of `paths` at once and wait until all are there."""
        left = deque((path, "") for path in paths)
        started = time.perf_counter()
        parts = [self._pool.submit(_walk, connection, left) for connection in self._connections]
        answers = [answer for part in parts for answer in part.result()]
        return _load_of(answers, time.perf_counter() - started)

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()


def _walk(connection: Connection, left: deque[tuple[str, str]]) -> list[tuple[float, int, int]]:
    """Ask for paths until none is left; give seconds, status and size of each."""
    answers = []
    while True:
        try:
            path, header = left.popleft()
        except IndexError:
            return answers
        started = time.perf_counter()
        status, size = connection.get(path, header)
        answers.append((time.perf_counter() - started, status, size))


def _load_of(answers: Sequence[tuple[float, int, int]], seconds: float) -> Load:
    return Load(
        latencies_s=tuple(latency for latency, _, _ in answers),
        seconds=seconds,
        statuses=Counter(status for _, status, _ in answers),
        size_bytes=sum(size for _, _, size in answers),
    )
