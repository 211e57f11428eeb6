"""Ten thousand requests of several viewers, many of whom hang up: what is left on the server."""

import http.client
import random
import socket
import threading
import time
from collections import Counter

import pytest

from benchmarks import storm
from render.blitz.source import BlitzSource, Credentials, Endpoint
from render.deadline import Deadline
from tests.support.image_server import PASSWORD, USER
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REQUESTS, CLIENTS = 10_000, 8
VIEWERS, SESSIONS, STORES = 4, 3, 4


def test_after_ten_thousand_requests_the_server_holds_no_more_than_the_bound():
    owners: list[BlitzSource] = []
    keys: list[str] = []

    def log_in(server) -> dict[str, str]:
        """Make sessions as OMERO.web would; the service joins them by their keys."""
        for _ in range(VIEWERS):
            owner = BlitzSource(Endpoint("127.0.0.1", server.ports["tcp"], "tcp"))
            owner.session(Credentials.login(USER, PASSWORD), Deadline.after(20))
            owners.append(owner)
            keys.append(owner.pool.live_sessions()[0].key)
        return {"X-OMERO-Session-Key": keys[0]}

    settings = {
        "omero_user": "", "omero_password": "", "omero_sessions_max": SESSIONS,
        "omero_stores_max": STORES, "omero_store_idle_s": 1.5, "omero_session_idle_s": 3,
        "hot_pictures_max_bytes": 8_000_000,
    }  # fmt: skip
    with storm.staged(PROJECT / "samples", headers_of=log_in, **settings) as stage:
        paths = storm.mixed_paths(stage.running)
        seen = _ask(stage.running.port, paths, keys)
        assert sum(seen.values()) == REQUESTS
        # Four viewers share three sessions: now and then all are in use.
        assert set(seen) <= {200, 503, "vanished"}, seen
        assert seen["vanished"] > REQUESTS / 5 and seen[200] > REQUESTS / 2, seen
        held = stage.services()["now"]
        assert held["RawPixelsStore"] <= SESSIONS * STORES, held
        assert held["clients"] <= SESSIONS + VIEWERS, held
        until = time.monotonic() + 20
        while (held := stage.services()["now"])["RawPixelsStore"] or held["clients"] > VIEWERS:
            assert time.monotonic() < until, held
            time.sleep(0.1)
        # Whoever joined has left; the sessions themselves are as alive as before.
        for owner in owners:
            owner.pool.live_sessions()[0].keep_alive(Deadline.after(10))
            owner.close()


def _ask(port: int, paths: list[str], keys: list[str]) -> Counter:
    seen: Counter = Counter()
    lock = threading.Lock()

    def ask_on(number: int) -> None:
        chance, mine = random.Random(number), Counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(REQUESTS // CLIENTS):
            path, headers = chance.choice(paths), {"X-OMERO-Session-Key": chance.choice(keys)}
            if "render_image" in path and chance.random() < 0.3:
                path += f"&c=1|{chance.randrange(1000)}:2000$FFFFFF"  # not in the cache
            if chance.random() < 0.3:
                _vanish(port, path, headers, chance.choice((0, 0.001, 0.01)))
                mine["vanished"] += 1
                continue
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            mine[response.status] += 1
        connection.close()
        with lock:
            seen.update(mine)

    threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _vanish(port: int, path: str, headers: dict[str, str], after_s: float) -> None:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{n}: {v}" for n, v in headers.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        time.sleep(after_s)
