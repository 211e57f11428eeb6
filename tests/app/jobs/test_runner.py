"""Who works off the queue: what becomes of work that ends well, badly, or not at all."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.jobs.kinds import Kind, Made, Work
from app.jobs.records import Job, State
from app.jobs.runner import JobRunner
from app.jobs.store import JobStore
from app.settings import load_settings
from app.web import parts_of
from render.errors import NotAuthenticated, RenderFailed, StorageFailed, TooLarge

ID = "a" * 32


def job(way: str = "fixed") -> Job:
    return Job(ID, "test", 1, 7, {}, way, ("1:local",), time.time())


@pytest.fixture
def run(gateway, tmp_path: Path):
    """Give a function that runs a kind of work and gives the job once `until` holds for it."""
    settings = load_settings(env_file=None, cache_dir=tmp_path)
    store = JobStore(settings)
    runners = []

    def run_until(work: Work, until: Callable[[Job], bool], submitted: Job | None = None) -> Job:
        runner = JobRunner(settings, store, parts_of(gateway.app).get, {"test": Kind(work)})
        runners.append(runner)
        store.submit(submitted or job(), None)
        runner.start()
        until_s = time.monotonic() + 30
        while not until(found := store.get(ID) or job()):
            assert time.monotonic() < until_s, found
            time.sleep(0.01)
        return found

    yield run_until, store, runners
    for runner in runners:
        runner.close()


def is_over(found: Job) -> bool:
    return found.state.is_over


def test_work_that_ends_well_leaves_its_file(run):
    def work(call, job, folder, report):
        report(0.5)
        (folder / "x").write_bytes(b"12345")
        return Made("x", "x.bin", "application/octet-stream")

    found = run[0](work, is_over)
    assert found.state is State.DONE and found.result is not None
    assert found.result.size_bytes == 5 and found.ended_s is not None


@pytest.mark.parametrize(
    ("error", "expected", "sentence"),
    [
        (TooLarge("too large a thing"), TooLarge, "too large a thing"),
        (OSError(28, "No space left on device"), StorageFailed, "No space left"),
        (ValueError("a secret of ours"), RenderFailed, "internal error"),
        # Who asks is logged in, whatever became of the first one's session.
        (NotAuthenticated("the session has ended"), RenderFailed, "ask again"),
    ],
)
def test_work_that_fails_says_why_and_leaves_nothing(run, tmp_path, error, expected, sentence):
    def work(call, job, folder, report):
        (folder / "half").write_bytes(b"12345")
        raise error

    found = run[0](work, is_over)
    assert found.state is State.FAILED
    failure = found.failure()
    assert type(failure) is expected and sentence in failure.detail
    assert "secret" not in failure.detail
    assert not (tmp_path / "jobs" / ID / "half").exists()


def test_work_that_is_not_wanted_any_more_ends(run):
    run_until, store, _ = run
    ended = threading.Event()

    def work(call, job, folder, report):
        store.cancel(job.id, "1:local")
        try:
            report(0.1)
        finally:
            ended.set()

    assert run_until(work, is_over).state is State.CANCELLED
    assert ended.is_set()


def test_closing_leaves_work_for_the_next_one(run):
    run_until, store, runners = run

    def endless(call, job, folder, report):
        while True:
            report(0.5)
            time.sleep(0.005)

    run_until(endless, lambda found: found.percent == 50)
    runners.pop().close()
    found = store.get(ID)
    assert found is not None and found.state is State.QUEUED and found.attempts == 0

    def quick(call, job, folder, report):
        (folder / "x").write_bytes(b"1")
        return Made("x", "x", "text/plain")

    assert run_until(quick, is_over).state is State.DONE


def test_a_job_of_a_session_without_its_key_is_not_done_in_anothers_name(run):
    def work(call, job, folder, report):
        raise AssertionError("nobody may read for it")

    found = run[0](work, is_over, job("session"))
    assert found.state is State.FAILED and "ask again" in (found.error or "")
