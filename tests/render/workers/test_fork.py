"""What is compiled before a fork works after it, in a worker made by the child."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import os, sys, time
if sys.argv[1] == "gevent":
    import gevent.monkey
    gevent.monkey.patch_all()
from render.deadline import Deadline
from render.workers import create_worker, warm_up
from tests.render.workers import jobs

warm_up()
expected = jobs.picture_job(300).run()
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        worker = create_worker("threads", threads=2)
        right = all(
            worker.submit(jobs.picture_job(300), Deadline.after(30)) == expected for _ in range(3)
        )
        worker.close()
        os._exit(0 if right else 1)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.parametrize("loop", ["gevent", "plain"])
def test_children_render_with_what_their_parent_compiled(loop):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, loop],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
