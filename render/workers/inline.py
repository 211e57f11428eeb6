"""Runs jobs where they are submitted: for tests, scripts and servers without an event loop."""

from typing import Any

from render.deadline import Deadline
from render.errors import RenderFailed
from render.job import Job
from render.workers.base import Worker, WorkerOptions, run_job


class InlineWorker(Worker):
    """The caller does the work itself, so nothing ever queues."""

    def __init__(self, options: WorkerOptions) -> None:
        self._closed = False

    def submit(self, job: Job, deadline: Deadline) -> Any:
        """Run the job; a deadline that passes while it runs is noticed at its end."""
        if self._closed:
            raise RenderFailed("the render worker is closed")
        deadline.remaining_s("render")
        result = run_job(job)
        deadline.remaining_s("render")
        return result

    def close(self) -> None:
        """Refuse further jobs."""
        self._closed = True
