"""Under gevent a job leaves the event loop alone, whichever worker runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_the_loop_stays_alive_while_jobs_run(name):
    done = subprocess.run(
        [sys.executable, "-m", "tests.render.workers.under_gevent", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["equal"] and report["overloaded"] and report["exceeded"]
    assert report["again"] == 49
    # Three pictures of 9 megapixels: a loop that waited for one would stand for a third of it.
    assert report["longest_gap_s"] < report["took_s"] / 4
    assert report["ticks"] > 5
