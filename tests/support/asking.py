"""Clients that ask on and on, each on one kept connection, while a test does something else."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

#: After anything but a 200, so that clients that are refused do not ask in a busy loop.
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Heard:
    """What one request came to. `status` 0 = the connection broke, as `body` tells."""

    at_s: float
    took_s: float
    path: str
    status: int
    body: bytes


class Asking:
    """As many threads as `clients`, each of which asks for one thing after the other.

    `path_of(client, count)` says for what, `on_heard` gets each answer; both are called from there.
    """

    def __init__(
        self,
        port: int,
        clients: int,
        path_of: Callable[[int, int], str],
        on_heard: Callable[[Heard], None],
    ) -> None:
        self._port = port
        self._path_of = path_of
        self._on_heard = on_heard
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(i,)) for i in range(clients)]

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Ask all the while the block lasts."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _ask_on(self, client: int) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        count = 0
        while not self._stop.is_set():
            count += 1
            path = self._path_of(client, count)
            began_s = time.monotonic()
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                status, body = response.status, response.read()
            except (OSError, HTTPException) as error:
                status, body = 0, repr(error).encode()
                connection.close()
            took_s = time.monotonic() - began_s
            self._on_heard(Heard(began_s, took_s, path, status, body))
            if status != 200:
                time.sleep(_PAUSE_S)
        connection.close()
