"""The queue of jobs and their results: files in one folder, which all processes of a host share.

    queue/<time>-<id>   one empty file for each job that waits or runs
    <id>/job.json       what is known of a job
    <id>/key            the session key that it reads with, while it waits or runs
    <id>/cancel         there as soon as nobody wants it any more
    <id>/running        locked by whoever works on it
    <id>/<result>       the file that it made
    places/<n>          locked by whoever works on any job: no more at a time than there are places

Locks are the kernel's: one that was held by a process that ended, however it did, is free, and
the job is taken over. What has to happen together happens under one more lock, for milliseconds.
"""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.host_lock import HostLock
from app.jobs.records import Job, Result, State
from app.settings import Settings
from render.errors import Overloaded, RenderFailed, ServiceError, StorageFailed

_ID = re.compile(r"[0-9a-f]{32}")
_RECORD, _KEY, _CANCEL, _RUNNING = "job.json", "key", "cancel", "running"
#: A job that took so many processes down with it is not tried again.
_MOST_ATTEMPTS = 3
_LOCK_TIMEOUT_S = 5.0
_RETRY_AFTER_S = 10.0
_ADAPTER = TypeAdapter(Job)


@dataclass(frozen=True)
class Claim:
    """A job that is this process's to do, until `release`."""

    job: Job
    session_key: str | None
    folder: Path
    lock: HostLock

    def release(self) -> None:
        """Let others take the job."""
        self.lock.release()


class JobStore:
    """Jobs of one host. Safe to use from many processes, threads and greenlets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.cache_dir / "jobs"
        self._queue = self._root / "queue"

    def get(self, job_id: str) -> Job | None:
        """Give a job, None where there is none, or none that is still kept."""
        job = self._read(job_id)
        if job is None or not self._is_lost(job):
            return job
        # Or it was about to be queued or ended when it was looked at.
        with contextlib.suppress(OSError, Overloaded), self._together():
            return self._known(job_id)
        return job

    def _known(self, job_id: str) -> Job | None:
        """Give a job while nobody else changes anything."""
        job = self._read(job_id)
        if job is not None and self._is_lost(job):
            return job.failed(StorageFailed("the job's end could not be written down; ask again"))
        return job

    def _is_lost(self, job: Job) -> bool:
        """Tell whether whoever worked on it could not even write down that it failed."""
        return not job.state.is_over and not self._entries_of(job.id)

    def _read(self, job_id: str) -> Job | None:
        if not _ID.fullmatch(job_id):
            return None
        try:
            text = (self._root / job_id / _RECORD).read_text("utf-8")
            job = _ADAPTER.validate_python(json.loads(text))
        except (OSError, ValueError, ValidationError):
            return None
        if job.ended_s is not None and job.ended_s + self._settings.jobs_kept_s < time.time():
            return None
        if job.result is not None and not self.result_path(job).exists():
            return None
        return job

    def result_path(self, job: Job) -> Path:
        """Give where the file of a job that is done lies."""
        assert job.result is not None
        return self._root / job.id / job.result.file

    def submit(self, job: Job, session_key: str | None, again: bool = False) -> Job:
        """Queue a job, unless an equal one waits, runs or is done; give the one that counts.

        `again` = also when one is done.
        `job` has one asker, who from then on is one of the askers of the job that is given.
        Raises Overloaded when too much is queued, StorageFailed when it cannot be written down.
        """
        (asker,) = job.askers
        with _told("queue the job"), self._together():
            known = self._known(job.id)
            if known is not None and known.state is State.DONE and not again:
                return known
            if known is not None and not known.state.is_over:
                if asker not in known.askers:
                    known = replace(known, askers=(*known.askers, asker))
                    self._write(known)
                    (self._root / job.id / _CANCEL).unlink(missing_ok=True)
                return known
            self._check_room(asker)
            folder = self._root / job.id
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            if session_key is not None:
                descriptor = os.open(folder / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(session_key)
            self._write(job)
            (self._queue / _entry(job.id)).touch(mode=0o600)
        return job

    def cancel(self, job_id: str, asker: str) -> Job | None:
        """Take an asker's wish back; without any left, the job is ended. Give the job after it."""
        with _told("cancel the job"), self._together():
            job = self._known(job_id)
            if job is None or job.state.is_over or asker not in job.askers:
                return job
            job = replace(job, askers=tuple(other for other in job.askers if other != asker))
            self._write(job)
            if job.askers:
                return job
            (self._root / job_id / _CANCEL).touch(mode=0o600)
            lock = HostLock(self._root / job_id / _RUNNING)
            if lock.acquire():
                job = self._end(replace(job, state=State.CANCELLED))
                lock.release()
            return job

    def take_place(self) -> HostLock | None:
        """Give a place to work at, None while all are taken. Raises OSError."""
        if not self.has_waiting():
            return None
        for number in range(self._settings.jobs_parallel):
            place = HostLock(self._root / "places" / str(number))
            if place.acquire():
                return place
        return None

    def has_waiting(self) -> bool:
        """Tell whether any job waits or runs."""
        return bool(self._entries())

    def has_waiting_of(self, kinds: Container[str]) -> bool:
        """Tell whether a job of one of these kinds waits for a place."""
        jobs = (self.get(entry.rpartition("-")[2]) for entry in self._entries())
        return any(
            job is not None and job.state is State.QUEUED and job.kind in kinds for job in jobs
        )

    def claim(self) -> Claim | None:
        """Take the job that has waited longest and that nobody works on, if there is one."""
        with self._together():
            for entry in self._entries():
                claim = self._claimed(entry.rpartition("-")[2])
                if claim is not None:
                    return claim
        return None

    def is_wanted(self, claim: Claim) -> bool:
        """Tell whether anybody still wants what is worked on."""
        return not (claim.folder / _CANCEL).exists()

    def report(self, claim: Claim, percent: int) -> None:
        """Note how far a job is."""
        with contextlib.suppress(OSError, Overloaded), self._together():
            # Who asks for it may have changed meanwhile.
            job = self._known(claim.job.id)
            if job is not None:
                self._write(replace(job, percent=percent))

    def finish(self, claim: Claim, change: Callable[[Job], Job]) -> None:
        """Write down how a job ended; raise OSError when even that is impossible."""
        with self._together():
            self._end(change(self._known(claim.job.id) or claim.job))

    def give_back(self, claim: Claim, behind: bool = False) -> None:
        """Leave a job that was begun to others, as if it had not been.

        `behind` = only after all that waits now.
        """
        with contextlib.suppress(OSError, ServiceError), self._together():
            job = self._known(claim.job.id)
            if job is not None and not job.state.is_over:
                if behind:
                    for entry in self._entries_of(job.id):
                        (self._queue / entry).rename(self._queue / _entry(job.id))
                self._write(replace(job, state=State.QUEUED, percent=0, attempts=job.attempts - 1))

    def clean(self) -> None:
        """Remove what is too old, and the oldest results of those that are too many."""
        if not self._root.is_dir():
            return
        with contextlib.suppress(OSError, ServiceError), self._together():
            kept: list[tuple[float, int, Path]] = []
            for folder in self._root.iterdir():
                if not _ID.fullmatch(folder.name) or self._entries_of(folder.name):
                    continue
                job = self._known(folder.name)
                if job is None:
                    shutil.rmtree(folder, ignore_errors=True)
                elif job.result is not None:
                    kept.append((job.ended_s or 0, job.result.size_bytes, folder))
            total = sum(size for _, size, _ in kept)
            for _, size, folder in sorted(kept):
                if total <= self._settings.jobs_kept_max_bytes:
                    break
                shutil.rmtree(folder, ignore_errors=True)
                total -= size

    def _claimed(self, job_id: str) -> Claim | None:
        folder = self._root / job_id
        job = self._known(job_id)
        if job is None or job.state.is_over:
            self._leave_queue(job_id)
            return None
        lock = HostLock(folder / _RUNNING)
        if not lock.acquire():
            return None
        try:
            if (folder / _CANCEL).exists():
                self._end(replace(job, state=State.CANCELLED))
            elif job.attempts >= _MOST_ATTEMPTS:
                reason = f"the job was given up after {job.attempts} processes ended on it"
                self._end(job.failed(RenderFailed(reason)))
            else:
                job = replace(job, state=State.RUNNING, percent=0, attempts=job.attempts + 1)
                self._write(job)
                key = folder / _KEY
                return Claim(job, key.read_text() if key.exists() else None, folder, lock)
        except BaseException:
            lock.release()
            raise
        lock.release()
        return None

    def _check_room(self, asker: str) -> None:
        entries = self._entries()
        jobs = (self._known(entry.rpartition("-")[2]) for entry in entries)
        own = sum(job is not None and asker in job.askers for job in jobs)
        if own >= self._settings.jobs_max_per_viewer:
            raise Overloaded(
                f"{own} jobs of yours wait or run already (setting jobs_max_per_viewer)",
                retry_after_s=_RETRY_AFTER_S,
            )
        if len(entries) >= self._settings.jobs_max:
            raise Overloaded(
                f"{len(entries)} jobs wait or run already (setting jobs_max)",
                retry_after_s=_RETRY_AFTER_S,
            )

    def _end(self, job: Job) -> Job:
        """Write down a job that is over; nothing of it stays but the record and the result."""
        folder = self._root / job.id
        (folder / _KEY).unlink(missing_ok=True)
        kept = {_RECORD, _RUNNING, job.result.file if job.result is not None else _RECORD}
        for file in folder.iterdir():
            if file.name not in kept:
                file.unlink(missing_ok=True)
        job = replace(job, ended_s=time.time(), percent=100 if job.result else job.percent)
        try:
            self._write(job)
        finally:
            self._leave_queue(job.id)
        return job

    def _leave_queue(self, job_id: str) -> None:
        for entry in self._entries_of(job_id):
            (self._queue / entry).unlink(missing_ok=True)

    def _entries(self) -> list[str]:
        try:
            return sorted(entry.name for entry in self._queue.iterdir())
        except FileNotFoundError:
            return []

    def _entries_of(self, job_id: str) -> list[str]:
        try:
            return [entry for entry in self._entries() if entry.endswith(f"-{job_id}")]
        except OSError:
            return []

    def _write(self, job: Job) -> None:
        values = asdict(job) | {"state": job.state.value}
        folder = self._root / job.id
        written = folder / f"{_RECORD}.new"
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file)
        written.replace(folder / _RECORD)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """Let nobody else change anything meanwhile. Raises OSError, and Overloaded."""
        self._queue.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = HostLock(self._root / "lock")
        until_s = time.monotonic() + _LOCK_TIMEOUT_S
        while not lock.acquire():
            if time.monotonic() > until_s:
                raise Overloaded("the queue of jobs is busy", retry_after_s=1.0)
            time.sleep(0.005)
        try:
            yield
        finally:
            lock.release()


def _entry(job_id: str) -> str:
    return f"{time.time_ns():020d}-{job_id}"


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"cannot {what}: the folder of jobs does not take it ({error.strerror})"
        ) from error


def as_done(file: str, name: str, media_type: str, size_bytes: int) -> Callable[[Job], Job]:
    """Give what makes a job one that is done, with this result."""
    result = Result(file, name, media_type, size_bytes)
    return lambda job: replace(job, state=State.DONE, result=result)
