"""A bounded queue in front of native threads, each of which drives one runner.

Viewers take turns in it, and a full queue gives up the newest job of whoever has most in it.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

from render.deadline import Deadline
from render.engine.sharing import Part
from render.errors import Overloaded, RenderFailed, ServiceError
from render.job import Job
from render.waiting import Handoff
from render.workers.base import Worker, WorkerOptions
from render.workers.fair_queue import FairQueue
from render.workers.helping import SharedPart
from render.workers.native import make_lock, start_thread

#: How long `close` waits for jobs that are running.
_CLOSE_TIMEOUT_S = 10.0
_LONGEST_RETRY_S = 30.0
#: Share of the newest job in the running mean of how long jobs take.
_NEWEST_SHARE = 0.1


class Runner(ABC):
    """Runs jobs one after the other for one thread."""

    @abstractmethod
    def run(self, job: Job, deadline: Deadline) -> Any:
        """Give the job's result, or raise one of render.errors."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the runner holds."""


class _Ticket:
    """A job on its way. `abandoned` = nobody waits for it any more."""

    def __init__(self, job: Job, deadline: Deadline) -> None:
        self.job = job
        self.deadline = deadline
        self.done = Handoff()
        self.abandoned = False


class PoolWorker(Worker):
    """A worker of native threads, each with a runner; the threads start with the first job."""

    def __init__(self, options: WorkerOptions, make_runner: Callable[[], Runner]) -> None:
        self._threads = options.threads
        self._limit = options.threads + options.queue_limit
        self._make_runner = make_runner
        self._queue: FairQueue[_Ticket, SharedPart] = FairQueue()
        # Held for a few instructions at a time, by greenlets and native threads alike.
        self._lock = make_lock()
        self._accepted = 0
        #: Threads that help with a job, or were asked to.
        self._helping = 0
        self._alive = 0
        self._mean_s = 0.01
        self._stopped: Handoff | None = None

    @property
    def load(self) -> int:
        """Give the number of jobs that run or wait now."""
        return self._accepted

    def submit(self, job: Job, deadline: Deadline) -> Any:
        """Queue the job and wait for its result."""
        deadline.remaining_s("render")
        viewer = deadline.asker.viewer
        self._accept(viewer)
        ticket = _Ticket(job, deadline)
        try:
            self._queue.put(ticket, viewer)
            return ticket.done.wait_in_queue(deadline, "render")
        finally:
            # Also when a greenlet is killed, or its client went away.
            ticket.abandoned = True
            if self._queue.remove(ticket, viewer):
                self._give_back_place()

    def share(self, part: Part, others: int) -> None:
        """Run `part` here, and in `others` threads at most of those that have nothing to do."""
        with self._lock:
            idle = self._alive - self._accepted - self._helping
            helpers = max(0, min(others, idle))
            self._helping += helpers
        if not helpers:
            part()
            return
        shared = SharedPart(part)
        for _ in range(helpers):
            self._queue.put_first(shared)
        shared.finish()

    def close(self) -> None:
        """Refuse what waits and let the threads end."""
        with self._lock:
            if self._stopped is not None:
                return
            self._stopped = stopped = Handoff()
            alive = self._alive
        for _ in range(alive):
            self._queue.end()
        if alive:
            stopped.wait(_CLOSE_TIMEOUT_S)

    def _accept(self, viewer: Hashable) -> None:
        given_up = None
        with self._lock:
            if self._stopped is not None:
                raise RenderFailed("the render worker is closed")
            if self._accepted < self._limit:
                self._accepted += 1
            else:
                # The place of the job that is given up becomes ours.
                given_up = self._queue.make_room(viewer)
                if given_up is None:
                    raise self._overloaded()
            missing = self._threads - self._alive
            self._alive = self._threads
        if given_up is not None:
            given_up.done.fill(error=self._overloaded())
        for _ in range(missing):
            start_thread(self._work)

    def _overloaded(self) -> Overloaded:
        expected_s = self._accepted / self._threads * self._mean_s
        return Overloaded(
            f"{self._accepted} jobs are waiting for {self._threads} rendering threads",
            retry_after_s=min(max(1.0, math.ceil(expected_s)), _LONGEST_RETRY_S),
        )

    def _give_back_place(self) -> None:
        with self._lock:
            self._accepted -= 1

    def _work(self) -> None:
        runner = self._make_runner()
        while (item := self._queue.get()) is not None:
            if isinstance(item, SharedPart):
                item.help()
                with self._lock:
                    self._helping -= 1
            else:
                self._serve(item, runner)
            # Do not keep a job's planes alive while waiting for the next one.
            del item
        runner.close()
        with self._lock:
            self._alive -= 1
            last = self._alive == 0
        if last and self._stopped is not None:
            self._stopped.fill()

    def _serve(self, ticket: _Ticket, runner: Runner) -> None:
        value: Any = None
        error: ServiceError | None = None
        started = time.monotonic()
        try:
            if self._stopped is not None:
                raise RenderFailed("the render worker is closed")
            if not ticket.abandoned:
                ticket.deadline.remaining_s("render")
                value = runner.run(ticket.job, ticket.deadline)
        except ServiceError as raised:
            error = raised
        except BaseException as raised:
            # Even a SystemExit must reach the one who waits, and must not cost the thread.
            error = RenderFailed(f"{type(ticket.job).__name__} failed: {type(raised).__name__}")
            error.__cause__ = raised
        took = time.monotonic() - started
        with self._lock:
            self._accepted -= 1
            self._mean_s += (took - self._mean_s) * _NEWEST_SHARE
        # Fails only when the loop of whoever waits is gone, and then nobody waits.
        with suppress(Exception):
            ticket.done.fill(value, error)
