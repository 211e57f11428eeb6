"""The same tests pass through a router as OMERO has one, by TCP and by TLS, and behind NGINX."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.ways import VARIABLE, VIA, WAYS
from tests.support.glacier2 import require_glacier2
from tests.support.nginx import require_nginx

if WAYS[0] != VIA:
    pytest.skip("this run takes another way already", allow_module_level=True)

PICTURES = ("test_routes.py", "test_pictures.py")
FILES = {
    "router-tcp": (*PICTURES, "test_faults.py"),
    "router-tls": (*PICTURES, "test_faults.py"),
    "nginx": PICTURES,
}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", FILES)
def test_the_same_tests_pass(way: str):
    require_nginx() if way == "nginx" else require_glacier2()
    folder = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow",
         *(str(folder / name) for name in FILES[way])],
        cwd=folder.parents[1], capture_output=True, text=True, timeout=230,
        env=os.environ | {VARIABLE: way},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
