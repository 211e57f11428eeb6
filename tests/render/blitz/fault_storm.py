"""Many readers with short deadlines against a server that fails in every way; counts as JSON.

`python -m tests.render.blitz.fault_storm SECONDS [gevent]`. A process of its own, because what
it looks for is a process that stands still.
"""

import sys

if "gevent" in sys.argv:
    from gevent import monkey

    monkey.patch_all()

import collections
import json
import random
import threading
import time

import numpy as np

from render.blitz.source import BlitzSource, Credentials, Endpoint, Limits
from render.deadline import Deadline
from render.errors import ServiceError, SourceUnavailable
from render.values import PlaneIndex, Region
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import LOGIN, TinyServer, tiny_info

READERS = 16
REGION = Region(3, 5, 100, 100)
FAULTS = [
    tiny_server.SLOW,
    tiny_server.FAILS,
    tiny_server.GONE,
    tiny_server.LEAVES_SESSION,
    tiny_server.SHORT,
]


def main() -> None:
    tiny = TinyServer()
    limits = Limits(keep_alive_s=0.3, store_idle_s=0.3, session_idle_s=0.5, sessions=4)
    source = BlitzSource(Endpoint("127.0.0.1", tiny.port, "tcp"), limits)
    seen: collections.Counter[str] = collections.Counter()
    end_s = time.monotonic() + float(sys.argv[1])

    def read(number: int) -> None:
        chance = random.Random(number)
        login = LOGIN if number % 2 else Credentials.join(f"key-{number % 3}")
        while time.monotonic() < end_s:
            faults = FAULTS + [tiny_server.DIES] * (chance.random() < 0.02)
            z = chance.choice([0] * 30 + faults)
            level, count = chance.randrange(3), chance.choice([1, 1, 4])
            deadline = Deadline.after(chance.choice([0.002, 0.005, 0.02, 0.1, 2.0]))
            planes = [PlaneIndex(z, c, 0) for c in range(count)]
            try:
                session = source.session(login, deadline)
                read = session.read_regions(tiny_info(), planes, level, REGION, deadline)
            except ServiceError:
                seen["refused"] += 1
                time.sleep(0.002)
                continue
            except Exception as error:
                seen[f"escaped: {error!r}"] += 1
                continue
            last = tiny_server.plane(level, z, count - 1, 0)[5:105, 3:103]
            seen["right" if np.array_equal(read[-1], last) else "wrong"] += 1

    def revive() -> None:
        while time.monotonic() < end_s:
            if tiny.dead:
                tiny.start()
                seen["restarts"] += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    threads.append(threading.Thread(target=revive))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if tiny.dead:
        tiny.start()
    ask_again(source)
    source.close()
    tiny.wait_for("stores", 0)
    tiny.wait_for("sessions", 0)
    tiny.stop()
    print(json.dumps(seen))


def ask_again(source: BlitzSource) -> None:
    """Ask until the server is tried again, which is not at once when it died a moment ago."""
    until_s = time.monotonic() + 10
    while True:
        try:
            source.session(LOGIN, Deadline.after(10)).user(Deadline.after(10))
        except SourceUnavailable:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
