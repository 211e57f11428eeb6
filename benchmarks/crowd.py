"""Many clients that read a path as fast as they can, in a process of their own.

`python -m benchmarks.crowd PORT PATH CLIENTS`. Answers each line on its standard input with a JSON
list of the bytes that each client has received by then; ends with the input, or after ten minutes.
"""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROJECT = Path(__file__).parent.parent
_LONGEST_S = 600.0


@dataclass(frozen=True)
class Received:
    """Bytes that each client has received by a moment, in seconds."""

    at_s: float
    each: tuple[int, ...]

    def since(self, before: "Received") -> "Received":
        """Give what has come since then, `at_s` being the seconds that it took."""
        each = (now - then for now, then in zip(self.each, before.each, strict=True))
        return Received(self.at_s - before.at_s, tuple(each))

    @property
    def least_share(self) -> float:
        """What the slowest client got, as a part of the mean."""
        return min(self.each) * len(self.each) / max(1, sum(self.each))


class Crowd:
    """A running crowd."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def received(self) -> Received:
        """Ask what has come so far."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return Received(time.perf_counter(), tuple(json.loads(self._process.stdout.readline())))


@contextmanager
def running(port: int, path: str, clients: int) -> Iterator[Crowd]:
    """Run a crowd while the block lasts."""
    command = [sys.executable, "-m", "benchmarks.crowd", str(port), path, str(clients)]
    with subprocess.Popen(
        command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Crowd(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def connect(port: int, path: str) -> socket.socket:
    """Ask for a path, and give the socket on which the answer comes."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return client


def main() -> None:
    """Read until there is no more input."""
    port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    buffer = bytearray(256 * 1024)
    received = [0] * count
    clients = [connect(port, path) for _ in range(count)]
    until_s = time.monotonic() + _LONGEST_S
    with selectors.DefaultSelector() as selector:
        for index, client in enumerate(clients):
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ, index)
        selector.register(sys.stdin, selectors.EVENT_READ, -1)
        while time.monotonic() < until_s:
            for key, _ in selector.select(0.2):
                if key.data < 0:
                    if not os.read(sys.stdin.fileno(), 2):
                        return
                    print(json.dumps(received), flush=True)
                    continue
                length = clients[key.data].recv_into(buffer)
                received[key.data] += length
                if not length:
                    selector.unregister(clients[key.data])


if __name__ == "__main__":
    main()
