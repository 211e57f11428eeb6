"""Run as a program: renders in a worker while the event loop keeps ticking; prints what it saw."""

import gevent.monkey

gevent.monkey.patch_all()

import itertools  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

from render.deadline import Deadline  # noqa: E402
from render.errors import DeadlineExceeded, Overloaded  # noqa: E402
from render.values import Encoding  # noqa: E402
from render.workers import create_worker, warm_up  # noqa: E402
from tests.render.workers import jobs  # noqa: E402


def main(name: str) -> None:
    warm_up()
    worker = create_worker(name, threads=1, queue_limit=2)
    job = jobs.picture_job(3000, Encoding("jpeg"))
    expected = job.run()
    worker.submit(jobs.Square(1), Deadline.after(60))
    ticks: list[float] = []

    def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            gevent.sleep(0.002)

    ticker = gevent.spawn(tick)
    gevent.sleep(0.05)
    started = time.monotonic()
    callers = [gevent.spawn(worker.submit, job, Deadline.after(60)) for _ in range(3)]
    gevent.sleep(0)
    try:
        worker.submit(job, Deadline.after(60))
        overloaded = False
    except Overloaded:
        overloaded = True
    gevent.joinall(callers)
    took_s = time.monotonic() - started
    during = [tick for tick in ticks if tick >= started]
    try:
        worker.submit(job, Deadline.after(0.001))
        exceeded = False
    except DeadlineExceeded:
        exceeded = True
    again = worker.submit(jobs.Square(7), Deadline.after(60))
    ticker.kill()
    worker.close()
    report = {
        "equal": all(caller.value == expected for caller in callers),
        "overloaded": overloaded,
        "exceeded": exceeded,
        "again": again,
        "took_s": took_s,
        "ticks": len(during),
        "longest_gap_s": max(b - a for a, b in itertools.pairwise(during)),
    }
    print(json.dumps(report))


main(sys.argv[1])
