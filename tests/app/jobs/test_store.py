"""The queue of jobs on disk: one of each, in turn, bounded, taken over, forgotten in time."""

import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.records import Job, State
from app.jobs.store import JobStore, as_done
from app.settings import load_settings
from render.errors import NotFound, Overloaded, StorageFailed

FIRST, SECOND = "1" * 32, "2" * 32


def job(job_id: str = FIRST, asker: str = "1:ann") -> Job:
    return Job(job_id, "movie", 1, 7, {"frames": [1, 2]}, "session", (asker,), time.time())


@pytest.fixture
def make_store(tmp_path: Path):
    def make(**settings) -> JobStore:
        return JobStore(load_settings(env_file=None, cache_dir=tmp_path, **settings))

    return make


def done(store: JobStore, job_id: str = FIRST, body: bytes = b"made") -> None:
    store.submit(job(job_id), None)
    claim = store.claim()
    assert claim is not None and claim.job.id == job_id
    (claim.folder / "x.gif").write_bytes(body)
    (claim.folder / "left-over").write_bytes(b"half")
    store.finish(claim, as_done("x.gif", "x.gif", "image/gif", len(body)))
    claim.release()


def test_a_job_goes_from_queue_to_result(make_store, tmp_path: Path):
    store = make_store()
    done(store)
    found = store.get(FIRST)
    assert found is not None and found.state is State.DONE and found.percent == 100
    assert found.details == {"frames": [1, 2]}
    assert store.result_path(found).read_bytes() == b"made"
    assert {file.name for file in (tmp_path / "jobs" / FIRST).iterdir()} == {
        *("job.json", "running", "x.gif")
    }
    assert store.claim() is None and not store.has_waiting()
    # Asked for again it is not made again.
    assert store.submit(job(asker="1:bob"), None).state is State.DONE


def test_a_job_that_ends_while_it_is_looked_at_is_not_lost(make_store, monkeypatch):
    store, other = make_store(), make_store()
    store.submit(job(), None)
    claim = other.claim()
    assert claim is not None
    (claim.folder / "x.gif").write_bytes(b"made")
    entries_of, ends = store._entries_of, [as_done("x.gif", "x.gif", "image/gif", 4)]

    def look(job_id: str) -> list[str]:
        # Its record was read already, and tells that it is under way.
        if ends:
            other.finish(claim, ends.pop())
        return entries_of(job_id)

    monkeypatch.setattr(store, "_entries_of", look)
    found = store.get(FIRST)
    assert found is not None and found.state is State.DONE


def test_the_session_key_is_private_and_goes_with_the_job(make_store, tmp_path: Path):
    store = make_store()
    store.submit(job(), "a-session-key")
    key = tmp_path / "jobs" / FIRST / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    claim = store.claim()
    assert claim is not None and claim.session_key == "a-session-key"
    store.finish(claim, lambda known: known.failed(NotFound("gone")))
    files = [file for file in (tmp_path / "jobs").rglob("*") if file.is_file()]
    assert files and not any(b"a-session-key" in file.read_bytes() for file in files)


def test_jobs_are_taken_in_turn_and_by_one_only(make_store):
    store, other = make_store(), make_store()
    store.submit(job(SECOND), None)
    store.submit(job(FIRST), None)
    first, second = store.claim(), other.claim()
    assert first is not None and first.job.id == SECOND
    assert second is not None and second.job.id == FIRST
    assert store.claim() is None


def test_places_are_those_of_the_host(make_store):
    store, other = make_store(jobs_parallel=1), make_store(jobs_parallel=1)
    assert store.take_place() is None
    store.submit(job(), None)
    place = store.take_place()
    assert place is not None and other.take_place() is None
    place.release()
    assert other.take_place() is not None


def test_a_job_whose_process_ended_is_taken_over_but_not_for_ever(make_store):
    store = make_store()
    store.submit(job(), None)
    for attempt in (1, 2, 3):
        claim = store.claim()
        assert claim is not None and claim.job.attempts == attempt
        # As the kernel does when a process ends.
        claim.release()
    assert store.claim() is None
    found = store.get(FIRST)
    assert found is not None and found.state is State.FAILED and "given up" in (found.error or "")
    # Who asks again has it tried again.
    assert store.submit(job(), None).state is State.QUEUED


def test_what_is_given_back_is_no_attempt(make_store):
    store = make_store()
    store.submit(job(), "key")
    for _ in range(5):
        claim = store.claim()
        assert claim is not None and claim.job.attempts == 1 and claim.session_key == "key"
        store.give_back(claim)
        claim.release()


def test_a_job_ends_when_its_last_asker_wants_it_no_more(make_store):
    store = make_store()
    store.submit(job(asker="1:ann"), "key")
    store.submit(job(asker="1:bob"), "key")
    left = store.cancel(FIRST, "1:ann")
    assert left is not None and left.state is State.QUEUED and left.askers == ("1:bob",)
    ended = store.cancel(FIRST, "1:bob")
    assert ended is not None and ended.state is State.CANCELLED
    assert store.claim() is None and not store.has_waiting()


def test_a_job_under_way_learns_that_it_is_not_wanted(make_store):
    store = make_store()
    store.submit(job(), None)
    claim = store.claim()
    assert claim is not None and store.is_wanted(claim)
    store.report(claim, 40)
    store.cancel(FIRST, "1:ann")
    assert not store.is_wanted(claim)
    found = store.get(FIRST)
    assert found is not None and found.percent == 40 and found.state is State.RUNNING
    # Somebody else wants it in time.
    store.submit(job(asker="1:bob"), None)
    assert store.is_wanted(claim)


def test_the_queue_is_bounded_in_all_and_for_each(make_store):
    store = make_store(jobs_max=2, jobs_max_per_viewer=1)
    store.submit(job(FIRST), None)
    with pytest.raises(Overloaded, match="jobs_max_per_viewer"):
        store.submit(job(SECOND), None)
    store.submit(job(SECOND, "1:bob"), None)
    with pytest.raises(Overloaded, match="setting jobs_max\\)"):
        store.submit(job("3" * 32, "1:eve"), None)
    # What is there already needs no room.
    assert store.submit(job(SECOND, "1:ann"), None).askers == ("1:bob", "1:ann")


def test_old_results_go(make_store, tmp_path: Path):
    done(make_store())
    brief = make_store(jobs_kept_s=0.01)
    time.sleep(0.02)
    assert brief.get(FIRST) is None
    brief.clean()
    assert not (tmp_path / "jobs" / FIRST).exists()


def test_the_oldest_results_go_when_there_are_too_many(make_store):
    store = make_store(jobs_kept_max_bytes=15)
    done(store, FIRST, b"0123456789")
    done(store, SECOND, b"0123456789")
    store.clean()
    assert store.get(FIRST) is None and store.get(SECOND) is not None


def test_what_is_no_job_is_none(make_store, tmp_path: Path):
    store = make_store()
    done(store)
    for name in ("", "x", "../jobs", FIRST.upper() + "g", "queue"):
        assert store.get(name) is None
    (tmp_path / "jobs" / FIRST / "job.json").write_text('{"id": 4')
    assert store.get(FIRST) is None
    store.clean()
    assert not (tmp_path / "jobs" / FIRST).exists()


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path):
    (tmp_path / "jobs").write_text("")
    store = JobStore(load_settings(env_file=None, cache_dir=tmp_path))
    with pytest.raises(StorageFailed, match="Not a directory"):
        store.submit(job(), None)


def test_an_end_that_could_not_be_written_down_is_a_failure(make_store, tmp_path: Path):
    store = make_store()
    store.submit(job(), None)
    for entry in (tmp_path / "jobs" / "queue").iterdir():
        entry.unlink()
    found = store.get(FIRST)
    assert found is not None and isinstance(found.failure(), StorageFailed)


def test_failures_come_back_as_what_they_were():
    failed = replace(job(), askers=()).failed(NotFound("no image"))
    error = failed.failure()
    assert isinstance(error, NotFound) and error.detail == "no image"
