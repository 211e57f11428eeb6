"""Threads that have no job of their own help with large ones."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from render.deadline import Deadline
from render.engine.sharing import Share, alone
from render.errors import RenderFailed
from render.job import SharedJob
from render.workers import Worker, create_worker
from render.workers.helping import SharedPart
from tests.render.workers import jobs
from tests.render.workers.test_fairness import wait_until

PATIENT_S = 20.0


def soon() -> Deadline:
    return Deadline.after(PATIENT_S)


@dataclass(frozen=True, eq=False)
class Shared(SharedJob):
    """A job of pieces without end until it `may_end`; gives the threads that worked on it."""

    others: int
    may_end: Callable[[set[int]], bool]

    def run(self, share: Share = alone) -> set[int]:
        threads: set[int] = set()

        def part() -> None:
            threads.add(threading.get_ident())
            wait_until(lambda: self.may_end(threads))

        share(part, self.others)
        return threads


@pytest.fixture
def worker():
    made = create_worker("threads", threads=3, queue_limit=8)
    # Starts the threads.
    made.submit(jobs.Square(1), soon())
    yield made
    made.close()


@pytest.mark.parametrize("others", [1, 2])
def test_idle_threads_help(worker: Worker, others: int) -> None:
    for _ in range(3):
        threads = worker.submit(Shared(others, lambda them: len(them) == others + 1), soon())
        assert len(threads) == others + 1
    assert worker.load == 0


def test_without_idle_threads_a_job_does_all_by_itself(worker: Worker) -> None:
    over = threading.Event()
    busy = [Shared(0, lambda _: over.is_set()) for _ in range(2)]
    waiting = [threading.Thread(target=worker.submit, args=(job, soon())) for job in busy]
    for thread in waiting:
        thread.start()
    wait_until(lambda: worker.load == 2)
    assert len(worker.submit(Shared(5, lambda _: True), soon())) == 1
    over.set()
    for thread in waiting:
        thread.join()


def test_who_helps_is_asked_for_no_second_job(worker: Worker) -> None:
    over = threading.Event()
    both = threading.Thread(
        target=worker.submit,
        args=(Shared(1, lambda them: len(them) == 2 and over.is_set()), soon()),
    )
    both.start()
    try:
        # One thread is left, which does this job and finds nobody to help.
        wait_until(lambda: len(worker.submit(Shared(5, lambda _: True), soon())) == 1)
    finally:
        over.set()
        both.join()


def test_a_fault_of_a_helper_is_the_jobs_fault(worker: Worker) -> None:
    class Faulty(SharedJob):
        def run(self, share: Share = alone) -> None:
            own = threading.get_ident()
            helped = threading.Event()

            def part() -> None:
                if threading.get_ident() != own:
                    helped.set()
                    raise KeyError("a fault of ours")
                assert helped.wait(PATIENT_S)

            share(part, 1)

    for _ in range(5):
        with pytest.raises(RenderFailed, match=r"Faulty.*KeyError"):
            worker.submit(Faulty(), soon())
    # No thread was lost.
    assert len(worker.submit(Shared(2, lambda them: len(them) == 3), soon())) == 3


def test_help_that_comes_too_late_does_nothing() -> None:
    done: list[int] = []
    shared = SharedPart(lambda: done.append(1))
    shared.finish()
    shared.help()
    assert done == [1]
