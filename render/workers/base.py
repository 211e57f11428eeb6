"""What every worker promises, and how it runs one job."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from render.deadline import Deadline
from render.engine.sharing import Share, alone
from render.errors import RenderFailed, ServiceError
from render.job import Job, SharedJob


@dataclass(frozen=True)
class WorkerOptions:
    """What a worker is made with.

    `threads` jobs run at a time, `queue_limit` more may wait. `parts` holds what only some
    workers need, by name (a connection, for instance); others pay no heed to it.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    queue_limit: int = 256
    parts: Mapping[str, Any] = field(default_factory=dict)


class Worker(ABC):
    """Runs jobs. Made after a server has forked; any thread or greenlet may use it."""

    #: Whether it also takes `render.workers.server.RemoteRender`, a job without planes.
    renders_at_source: ClassVar[bool] = False

    @property
    def load(self) -> int:
        """Give the number of jobs that run or wait now."""
        return 0

    @abstractmethod
    def submit(self, job: Job, deadline: Deadline) -> Any:
        """Run a job and give its result; only the calling thread or greenlet waits.

        Raises Overloaded, with `retry_after_s`, at once when too many jobs wait already;
        DeadlineExceeded when there is no result in time; what the job raises, if it is one of
        render.errors, and RenderFailed for anything else.
        """

    @abstractmethod
    def close(self) -> None:
        """Let running jobs end, refuse those that wait, and give threads and processes back.

        Closing twice does nothing. A job submitted afterwards ends with RenderFailed.
        """


def run_job(job: Job, share: Share = alone) -> Any:
    """Run a job, turning every fault that is not of our tree into RenderFailed."""
    try:
        if isinstance(job, SharedJob):
            return job.run(share)
        return job.run()
    except ServiceError:
        raise
    except Exception as error:
        raise RenderFailed(f"{type(job).__name__} failed: {type(error).__name__}") from error
