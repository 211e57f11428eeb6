"""Sources across fork, and processes that end without saying goodbye."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.render.blitz.conftest import TinyServer

ROOT = Path(__file__).parents[3]

PREPARE = """
import os, sys
from render.blitz.source import BlitzSource, Credentials, Endpoint
from render.deadline import Deadline
source = BlitzSource(Endpoint("127.0.0.1", int(sys.argv[1]), "tcp"))
def ask():
    login = Credentials.login("tess", "secret")
    return source.session(login, Deadline.after(5)).user(Deadline.after(5)).user_name
assert ask() == "tess"
"""

FORK = """
child = os.fork()
if child == 0:
    assert ask() == "tess"
    source.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0
assert ask() == "tess"
source.close()
"""


@pytest.mark.parametrize("gevent", [False, True], ids=["threads", "gevent"])
def test_a_source_works_on_both_sides_of_a_fork(tiny: TinyServer, gevent: bool) -> None:
    _run(PREPARE + FORK, tiny, gevent)
    assert tiny.counters()["logins"] == 2
    tiny.wait_for("sessions", 0)


@pytest.mark.parametrize("gevent", [False, True], ids=["threads", "gevent"])
def test_a_process_that_just_ends_logs_out(tiny: TinyServer, gevent: bool) -> None:
    _run(PREPARE, tiny, gevent)
    tiny.wait_for("sessions", 0)


@pytest.mark.slow
@pytest.mark.parametrize("world", ["threads", "gevent"])
def test_a_storm_of_faults_stops_nothing_and_leaves_nothing(world: str) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.render.blitz.fault_storm", "8", world],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    seen = json.loads(run.stdout)
    assert set(seen) <= {"right", "refused", "restarts"}, seen
    assert seen["right"] > 100


def _run(program: str, tiny: TinyServer, gevent: bool) -> None:
    patch = "from gevent import monkey; monkey.patch_all()\n" if gevent else ""
    run = subprocess.run(
        [sys.executable, "-c", patch + program, str(tiny.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
