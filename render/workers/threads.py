"""Runs jobs in native threads of this process: the default.

The loops and the encoders give the interpreter lock back, so threads keep all cores busy and
leave the event loop alone. A running job cannot be stopped; one that overruns its deadline keeps
its thread until it ends.
"""

from typing import Any

from render.deadline import Deadline
from render.engine.sharing import Share
from render.job import Job
from render.workers.base import WorkerOptions, run_job
from render.workers.pool import PoolWorker, Runner


class _Here(Runner):
    def __init__(self, share: Share) -> None:
        self._share = share

    def run(self, job: Job, deadline: Deadline) -> Any:
        return run_job(job, self._share)

    def close(self) -> None:
        pass


class ThreadsWorker(PoolWorker):
    """Native threads with a bounded queue, one loop or many before it.

    Threads that have no job of their own help with large ones.
    """

    def __init__(self, options: WorkerOptions) -> None:
        super().__init__(options, lambda: _Here(self.share))
