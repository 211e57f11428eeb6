"""What only the worker of processes does: it survives its children, and they do not survive it."""

import os
import signal
import time

import psutil
import pytest

from render.deadline import Deadline
from render.errors import DeadlineExceeded, RenderFailed
from render.workers import create_worker, processes
from tests.render.workers import jobs


def soon() -> Deadline:
    return Deadline.after(60)


@pytest.fixture
def worker():
    made = create_worker("processes", threads=1)
    yield made
    made.close()


def test_a_child_killed_while_idle_is_replaced(worker):
    first = worker.submit(jobs.ProcessId(), soon())
    assert first != os.getpid()
    os.kill(first, signal.SIGKILL)
    time.sleep(0.1)
    assert worker.submit(jobs.ProcessId(), soon()) not in (first, os.getpid())


def test_a_child_that_dies_at_work_fails_that_job_only(worker):
    with pytest.raises(RenderFailed, match="ended while it worked"):
        worker.submit(jobs.EndTheProcess(), soon())
    assert worker.submit(jobs.Square(3), soon()) == 9


def test_a_job_past_its_deadline_is_ended_with_its_process(worker):
    first = worker.submit(jobs.ProcessId(), soon())
    with pytest.raises(DeadlineExceeded):
        worker.submit(jobs.Sleep(60), Deadline.after(0.3))
    started = time.monotonic()
    assert worker.submit(jobs.ProcessId(), soon()) != first
    assert time.monotonic() - started < 50
    assert not psutil.pid_exists(first)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_child_that_stands_still_costs_one_job_only(worker, size):
    first = worker.submit(jobs.ProcessId(), soon())
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(DeadlineExceeded):
        worker.submit(jobs.Length(bytes(size)), Deadline.after(0.3))
    assert worker.submit(jobs.Length(bytes(size)), Deadline.after(50)) == size
    assert not psutil.pid_exists(first)


def test_a_process_that_cannot_be_started_leaves_no_pipe_open(worker, monkeypatch):
    def fail(*arguments):
        raise OSError("no more processes")

    before = psutil.Process().num_fds()
    with monkeypatch.context() as patch:
        patch.setattr(processes, "start_process", fail)
        with pytest.raises(RenderFailed):
            worker.submit(jobs.Square(3), soon())
    assert psutil.Process().num_fds() == before
    assert worker.submit(jobs.Square(3), soon()) == 9


def test_closing_leaves_no_process():
    worker = create_worker("processes", threads=1)
    child = worker.submit(jobs.ProcessId(), soon())
    worker.close()
    assert not psutil.pid_exists(child)


def test_a_job_that_cannot_be_sent_is_a_fault_of_ours(worker):
    class Local:
        def run(self):
            return 1

    with pytest.raises(RenderFailed, match="cannot be sent"):
        worker.submit(Local(), soon())
