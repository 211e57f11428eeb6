"""Hands results from native threads to greenlets; prints how the loop counts itself, as JSON.

`python -m tests.render.handoffs SECONDS`. A process of its own, since gevent has to patch before
anything else is imported.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import sys
import time

import gevent

from render.waiting import Handoff

SLEEPERS = 50


def main() -> None:
    start_native = monkey.get_original("_thread", "start_new_thread")
    sleep = monkey.get_original("time", "sleep")
    to_fill = monkey.get_original("queue", "SimpleQueue")()
    until_s = time.monotonic() + float(sys.argv[1])
    seen = {"handoffs": 0, "wrong": 0}

    def fill() -> None:
        while True:
            number, handoff = to_fill.get()
            sleep(0.00002)
            handoff.fill(number)

    def wait() -> None:
        while time.monotonic() < until_s:
            handoffs = [Handoff() for _ in range(20)]
            for number, handoff in enumerate(handoffs):
                to_fill.put((number, handoff))
            for number, handoff in enumerate(handoffs):
                seen["handoffs"] += 1
                seen["wrong"] += not (handoff.wait(10) and handoff.result() == number)

    def come_and_go() -> None:
        # Timers are counted in the loop itself, while the threads ring it.
        while time.monotonic() < until_s:
            gevent.sleep(0.00001)

    Handoff()  # the first one of a hub hangs up the bell
    seen["active_before"] = gevent.get_hub().loop.activecnt
    for _ in range(2):
        start_native(fill, ())
    gevent.joinall([gevent.spawn(wait), *(gevent.spawn(come_and_go) for _ in range(SLEEPERS))])
    gevent.sleep(0.1)
    seen["active_after"] = gevent.get_hub().loop.activecnt
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
