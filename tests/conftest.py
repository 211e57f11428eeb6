"""How a run of all tests is spread over processes: by files, those first that take longest.

The tests of a file stay together and in order, so that what they share is started once. What they
write goes to memory where there is enough, so that no test waits for a disk.
"""

import os
import shutil
import tempfile
from pathlib import Path, PurePath

import psutil
import pytest
from xdist.scheduler import LoadFileScheduling

#: Folders of which all tests stay together: what they share is too heavy to be there twice.
TOGETHER = ("tests/browser",)
#: Where files are kept in memory, and how much there has to be for that.
MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 6 * 1024**3


class Spreading(LoadFileScheduling):
    """Gives each process one file after the other, or one of the folders that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        folder = str(PurePath(file).parent)
        return folder if folder in TOGETHER else file


def pytest_configure() -> None:
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK | os.X_OK):
        free_bytes = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
        if free_bytes > LEAST_FREE_BYTES:
            # For the processes that tests start, too.
            os.environ["TMPDIR"] = str(MEMORY)
            tempfile.tempdir = None


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Spreading:
    return Spreading(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Give the number of processes: two, and one more for the fast tests, which wait more often.

    Files that are named are left to this one, which begins sooner.
    """
    if any(".py" in argument for argument in config.args):
        return 0
    cores = os.cpu_count() or 1
    return min(3, cores + 1) if config.option.markexpr == "not slow" else min(2, cores)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that have slow tests, so that none of them is left for the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
