"""Results handed from native threads to greenlets, and tasks that run side by side."""

import json
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from render.waiting import side_by_side

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_handing_over_never_miscounts_what_keeps_the_loop_alive() -> None:
    # A loop that counts itself idle exits, and with it gunicorn's worker.
    run = subprocess.run(
        [sys.executable, "-m", "tests.render.handoffs", "6"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    seen = json.loads(run.stdout)
    assert seen["wrong"] == 0
    assert seen["handoffs"] > 1000
    assert seen["active_after"] == seen["active_before"]


def test_tasks_run_side_by_side_and_their_outcomes_keep_the_order():
    meeting = threading.Barrier(3, timeout=30)

    def task(number):
        meeting.wait()
        if number % 2:
            raise ValueError(number)
        return number

    outcomes = side_by_side([partial(task, number) for number in range(6)], 3)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Exception)] == [0, 2, 4]
    assert [outcomes[number].args for number in (1, 3, 5)] == [(1,), (3,), (5,)]


def test_no_more_tasks_run_at_a_time_than_may():
    lock, running, most = threading.Lock(), [0], [0]

    def task():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1

    side_by_side([task] * 12, 2)
    assert most[0] <= 2
    assert side_by_side([], 2) == []
