"""Runs jobs in processes of their own, each fed by a native thread.

For sites where codecs hold the interpreter lock, or where a fault in one must not end the
server. A job that overruns its deadline is ended together with its process, which is started
anew.
"""

import os
import pickle
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from render.deadline import Deadline
from render.errors import DeadlineExceeded, RenderFailed
from render.job import Job
from render.workers.base import WorkerOptions
from render.workers.native import pause, start_process, wait_for_process
from render.workers.pool import PoolWorker, Runner
from render.workers.wire import read_message, write_message

_END_TIMEOUT_S = 2.0


class ProcessesWorker(PoolWorker):
    """One process per thread, with a bounded queue before them."""

    def __init__(self, options: WorkerOptions) -> None:
        super().__init__(options, _Process)


class _Process(Runner):
    """A child that reads jobs from one pipe and answers on another; started when needed."""

    def __init__(self) -> None:
        self._process_id: int | None = None
        self._jobs = self._results = -1

    def run(self, job: Job, deadline: Deadline) -> Any:
        try:
            request = pickle.dumps(job, protocol=5)
        except Exception as error:
            raise RenderFailed(f"{type(job).__name__} cannot be sent to a process") from error
        try:
            self._send(request, deadline.at_s)
            ok, value = pickle.loads(read_message(self._results, deadline.at_s))
        except TimeoutError as error:
            self._end(signal.SIGKILL)
            raise DeadlineExceeded("the request ran out of time at the step 'render'") from error
        except EOFError as error:
            self._end(signal.SIGKILL)
            raise RenderFailed("the rendering process ended while it worked") from error
        if not ok:
            raise value
        return value

    def close(self) -> None:
        self._end()

    def _send(self, request: bytes, until_s: float) -> None:
        if self._process_id is not None:
            # It may have been ended from outside while it had nothing to do.
            with suppress(BrokenPipeError):
                write_message(self._jobs, request, until_s)
                return
            self._end(signal.SIGKILL)
        self._start()
        try:
            write_message(self._jobs, request, until_s)
        except BrokenPipeError as error:
            self._end(signal.SIGKILL)
            raise RenderFailed("the rendering process does not start") from error

    def _start(self) -> None:
        jobs_read, self._jobs = os.pipe()
        self._results, results_write = os.pipe()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "render.workers.child"]
        try:
            self._process_id = start_process(command, environment, jobs_read, results_write)
        except BaseException:
            os.close(self._jobs)
            os.close(self._results)
            raise
        finally:
            os.close(jobs_read)
            os.close(results_write)
        # The child's ends block all the same.
        os.set_blocking(self._jobs, False)
        os.set_blocking(self._results, False)

    def _end(self, with_signal: signal.Signals | None = None) -> None:
        if self._process_id is None:
            return
        os.close(self._jobs)
        os.close(self._results)
        if with_signal is None:
            # The closed pipe tells the child to end by itself.
            until = time.monotonic() + _END_TIMEOUT_S
            while not (gone := wait_for_process(self._process_id, os.WNOHANG)):
                if time.monotonic() > until:
                    break
                pause(0.01)
            with_signal = None if gone else signal.SIGKILL
        if with_signal is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process_id, with_signal)
            wait_for_process(self._process_id)
        self._process_id = None
