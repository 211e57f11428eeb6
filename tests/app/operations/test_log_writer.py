"""Log lines that are written a moment later, all of them, and without holding anybody up."""

import io
import logging
import os
import subprocess
import sys
import time

import pytest

from app.operations import log_writer
from app.operations.log_writer import LateHandler


def logger_to(stream) -> logging.Logger:
    logger = logging.Logger("late", logging.INFO)
    handler = LateHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    return logger


class SlowStream(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_are_written_together_and_in_order():
    stream = SlowStream()
    logger = logger_to(stream)
    for number in range(50):
        logger.info("line %d", number)
    until = time.monotonic() + 10
    while stream.getvalue().count("\n") < 50 and time.monotonic() < until:
        time.sleep(0.01)
    assert stream.getvalue().splitlines() == [f"INFO line {number}" for number in range(50)]
    assert stream.writes < 50


def test_a_warning_is_written_at_once_and_behind_what_came_before():
    stream = io.StringIO()
    logger = logger_to(stream)
    logger.info("first")
    logger.warning("second")
    assert stream.getvalue() == "INFO first\nWARNING second\n"


def test_what_nobody_takes_is_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(log_writer, "MAX_WAITING_LINES", 10)
    stream = io.StringIO()
    logger = logger_to(stream)
    [handler] = logger.handlers
    assert handler._writing.acquire(False), "stands for a write that does not end"
    for number in range(25):
        logger.warning("line %d", number)
    handler._writing.release()
    handler.flush()
    *lines, last = stream.getvalue().splitlines()
    assert lines == [f"WARNING line {number}" for number in range(10)]
    assert last == "15 lines were dropped: nobody took what was written"


def test_a_stream_that_cannot_be_written_to_harms_nobody():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        logger = logger_to(stream)
        logger.warning("nobody reads this")
        # What is left in its buffer would be written when it is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@pytest.mark.slow
def test_nothing_is_lost_when_the_process_ends():
    program = (
        "import logging\n"
        "from app.operations.logs import configure_logging\n"
        "configure_logging('info')\n"
        "for number in range(3):\n"
        "    logging.getLogger('blitzrender.access').info('line %d', number)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    lines = ended.stderr.splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        f"INFO blitzrender.access line {number}" for number in range(3)
    ]


@pytest.mark.slow
def test_a_process_that_was_forked_writes_its_own_lines_and_no_others(tmp_path):
    program = (
        "import logging, os, time\n"
        "from app.operations.logs import configure_logging\n"
        "configure_logging('info')\n"
        "log = logging.getLogger('blitzrender.access')\n"
        "log.info('of the parent')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    log.info('of the child')\n"
        "    time.sleep(0.5)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert sorted(line.split("access ")[1] for line in ended.stderr.splitlines()) == [
        "of the child",
        "of the parent",
    ]
