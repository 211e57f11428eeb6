"""The same tests pass through a router as OMERO has one, over TCP and over TLS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.ways import VARIABLE, VIA, WAYS
from tests.support.glacier2 import require_glacier2

if WAYS[0] != VIA:
    pytest.skip("this run is one through a router already", allow_module_level=True)

FILES = ("test_routes.py", "test_pictures.py", "test_faults.py")


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", WAYS[1:])
def test_the_same_tests_pass(way: str):
    require_glacier2()
    folder = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow",
         *(str(folder / name) for name in FILES)],
        cwd=folder.parents[1], capture_output=True, text=True, timeout=230,
        env=os.environ | {VARIABLE: way},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
