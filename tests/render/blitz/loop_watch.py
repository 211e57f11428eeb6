"""Streams through gevent while a heartbeat watches the event loop; prints what it saw as JSON.

`python -m tests.render.blitz.loop_watch PORT` with a tiny server on that port. A process of its
own, since gevent has to patch before anything else is imported.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import gc
import json
import sys
import time
from typing import Any

import gevent
import Ice
import numpy as np

from render.blitz.ami import call
from render.blitz.source import BlitzSource, Credentials, Endpoint, Limits
from render.deadline import Deadline
from render.errors import DeadlineExceeded, SourceFailed
from render.values import PlaneIndex, Region
from render.waiting import gevent_is_in_charge
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import tiny_info

NATIVE_RLOCK = monkey.get_original("_thread", "RLock")

GREENLETS, TILES_EACH, CALLS_EACH = 40, 60, 60


def main() -> None:
    # As gunicorn.conf.py has it: answers come early more often then.
    sys.setswitchinterval(0.001)
    source = BlitzSource(
        Endpoint("127.0.0.1", int(sys.argv[1]), "tcp"), Limits(stores_per_session=12)
    )
    session = source.session(Credentials.login("tess", tiny_server.PASSWORD), Deadline.after(10))
    live = source.pool.live_sessions()[0]
    region = Region(0, 0, 256, 256)
    expected = tiny_server.plane(0, 0, 0, 0)[:256, :256]
    info = tiny_info()
    seen = {"right": 0, "wrong": 0, "calls": 0, "failed": 0, "out_of_time": 0}

    def stream() -> None:
        for _ in range(TILES_EACH):
            tile = session.read_region(info, PlaneIndex(0, 0, 0), 0, region, Deadline.after(20))
            seen["right" if np.array_equal(tile, expected) else "wrong"] += 1

    def fail() -> None:
        for number in range(10):
            # Failing takes no time but the wait for a store; the slow plane outlasts any reader.
            z, wait_s = (tiny_server.FAILS, 20) if number % 2 else (tiny_server.SLOW, 0.05)
            try:
                session.read_region(info, PlaneIndex(z, 0, 0), 0, region, Deadline.after(wait_s))
            except SourceFailed:
                seen["failed"] += 1
            except DeadlineExceeded:
                seen["out_of_time"] += 1

    def chatter() -> None:
        for _ in range(CALLS_EACH):
            call(Deadline.after(20), "chatter", live.factory.keepAliveAsync, None)
            seen["calls"] += 1

    beats: list[float] = []
    heart = gevent.spawn(_beat, beats)
    work: list[Any] = [gevent.spawn(stream) for _ in range(GREENLETS)]
    work += [gevent.spawn(chatter) for _ in range(GREENLETS)]
    work += [gevent.spawn(fail) for _ in range(2)]
    gevent.joinall(work, raise_error=True)
    heart.kill()
    gaps = np.diff(beats)
    source.close()
    gc.collect()
    print(
        json.dumps(
            seen
            | {
                "tiles_asked": GREENLETS * TILES_EACH,
                "calls_asked": GREENLETS * CALLS_EACH,
                # Ice's threads and greenlets share the locks of futures.
                "native_locks": isinstance(Ice.Future()._condition._lock, NATIVE_RLOCK),
                "gevent": gevent_is_in_charge(),
                "calls_kept": sum(isinstance(o, Ice.InvocationFuture) for o in gc.get_objects()),
                "beats": len(beats),
                "longest_gap_s": float(gaps.max()),
                "late_share": float((gaps > 0.02).mean()),
            }
        )
    )


def _beat(beats: list[float]) -> None:
    while True:
        beats.append(time.perf_counter())
        gevent.sleep(0.001)


if __name__ == "__main__":
    main()
