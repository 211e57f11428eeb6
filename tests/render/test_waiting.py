"""Results handed from native threads to greenlets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
