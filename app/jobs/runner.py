"""Works off the queue of jobs, beside the requests of a process."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from app.call import Call
from app.host_lock import HostLock
from app.jobs.kinds import Kind, Made
from app.jobs.records import State, viewer_of
from app.jobs.store import Claim, JobStore, as_done
from app.observe import Steps
from app.parts import Parts
from app.settings import Settings
from render.deadline import Asker, Deadline
from render.errors import NotAuthenticated, RenderFailed, ServiceError, StorageFailed
from render.waiting import spawn

log = logging.getLogger("blitzrender.jobs")

#: How often a process that has nothing to do looks at the queue, which is one folder.
_LOOK_S = 1.0
_CLEAN_S = 300.0
#: How long closing waits for what is under way to be given back.
_CLOSE_TIMEOUT_S = 10.0
#: A job is one viewer among all in the queue of the rendering threads.
_ASKER = "job"


class NotWanted(Exception):
    """The job was cancelled, or this process is ending."""


class GivesWay(Exception):
    """Other work goes first."""


PartsOf = Callable[[int], Parts]


class JobRunner:
    """Runs jobs from `start` until `close`, as many at a time as the host has places for."""

    def __init__(
        self, settings: Settings, store: JobStore, parts_of: PartsOf, kinds: Mapping[str, Kind]
    ) -> None:
        self._settings = settings
        self._store = store
        self._parts_of = parts_of
        self._kinds = kinds
        self._first = frozenset(name for name, kind in kinds.items() if not kind.gives_way)
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._ended = [threading.Event() for _ in range(settings.jobs_parallel)]
        self._cleaned_s = 0.0
        self._complained = False

    def start(self) -> None:
        """Begin, in the background."""
        for ended in self._ended:
            spawn(lambda ended=ended: self._serve(ended))  # type: ignore[misc]

    def wake(self) -> None:
        """Have this process look at the queue now."""
        self._wake.set()

    def close(self) -> None:
        """Stop; what is under way is left to other processes, or to the next start."""
        self._closed.set()
        self._wake.set()
        until_s = time.monotonic() + _CLOSE_TIMEOUT_S
        for ended in self._ended:
            ended.wait(max(0.0, until_s - time.monotonic()))

    def _serve(self, ended: threading.Event) -> None:
        try:
            while not self._closed.is_set():
                if not self._run_next():
                    self._wake.wait(_LOOK_S)
                    self._wake.clear()
        finally:
            ended.set()

    def _run_next(self) -> bool:
        """Run one job, if there is one for this process; tell whether there was."""
        place: HostLock | None = None
        try:
            if time.monotonic() - self._cleaned_s > _CLEAN_S:
                self._cleaned_s = time.monotonic()
                self._store.clean()
            place = self._store.take_place()
            claim = None if place is None else self._store.claim()
            if claim is not None:
                self._run(claim)
            self._complained = False
            return claim is not None
        except (OSError, ServiceError) as error:
            if not self._complained:
                log.warning("cannot work on jobs: %s", error)
            self._complained = True
            return False
        finally:
            if place is not None:
                place.release()

    def _run(self, claim: Claim) -> None:
        job, begun_s = claim.job, time.monotonic()
        try:
            made = self._work(claim)
            size_bytes = (claim.folder / made.file).stat().st_size
            done = as_done(made.file, made.name, made.media_type, size_bytes)
            self._store.finish(claim, done)
            took_s = time.monotonic() - begun_s
            log.info("job %s (%s) is done: %d bytes, %.1f s", job.id, job.kind, size_bytes, took_s)
        except GivesWay:
            self._store.give_back(claim, behind=True)
        except NotWanted:
            if self._closed.is_set():
                self._store.give_back(claim)
            else:
                self._store.finish(claim, lambda known: replace(known, state=State.CANCELLED))
        except ServiceError as error:
            if self._closed.is_set():
                self._store.give_back(claim)
            else:
                self._fail(claim, error)
        except OSError as error:
            self._fail(claim, StorageFailed(f"the result cannot be written ({error.strerror})"))
        except Exception:
            log.exception("job %s (%s): a fault of ours", job.id, job.kind)
            self._fail(claim, RenderFailed("an internal error; the log tells more"))
        finally:
            claim.release()

    def _fail(self, claim: Claim, error: ServiceError) -> None:
        log.warning("job %s (%s) failed: %s", claim.job.id, claim.job.kind, error)
        if isinstance(error, NotAuthenticated):
            # To be told to those who are logged in themselves.
            error = RenderFailed(
                "the session under which this was asked for first has ended; ask again"
            )
        self._store.finish(claim, lambda job: job.failed(error))

    def _work(self, claim: Claim) -> Made:
        job = claim.job
        parts = self._parts_of(job.server)
        viewer = viewer_of(parts, job, claim.session_key)
        asker = Asker(_ASKER, self._closed.is_set)
        deadline = Deadline.after(self._settings.request_deadline_s, asker)
        call = Call(parts, viewer, deadline, Steps(f"job-{job.id[:8]}"))
        call.in_background = True
        kind, told, looked_s = self._kinds[job.kind], -1, time.monotonic()

        def report(part: float) -> None:
            nonlocal told, looked_s
            percent = min(99, int(100 * part))
            if self._closed.is_set() or not self._store.is_wanted(claim):
                raise NotWanted
            if kind.gives_way and time.monotonic() - looked_s > _LOOK_S:
                looked_s = time.monotonic()
                if self._store.has_waiting_of(self._first):
                    raise GivesWay
            if percent > told:
                told = percent
                self._store.report(claim, percent)

        report(0)
        return kind.work(call, job, claim.folder, report)
