"""The process that `processes` starts: reads jobs from stdin, answers on what was stdout.

It ends when its stdin is closed, so it never outlives the server.
"""

import os
import pickle
import signal
from typing import Any

from render.engine.warm import warm_up
from render.errors import RenderFailed
from render.workers.base import run_job
from render.workers.wire import read_message, write_message


def serve(jobs: int, results: int) -> None:
    """Run jobs from one pipe until it is closed, one answer (ok, value) for each."""
    warm_up()
    while True:
        try:
            request = read_message(jobs)
        except EOFError:
            return
        write_message(results, _answer(request))


def _answer(request: bytes | bytearray) -> bytes:
    outcome: tuple[bool, Any]
    try:
        outcome = True, run_job(pickle.loads(request))
    except Exception as error:
        # The cause is told by name only: it need not be known, or picklable, on the other side.
        error.__cause__ = error.__context__ = None
        outcome = False, error
    try:
        return pickle.dumps(outcome, protocol=5)
    except Exception:
        return pickle.dumps((False, RenderFailed("the job's result cannot be sent back")))


def main() -> None:
    """Take the pipes over and serve them."""
    # Ctrl-C reaches the whole group; the server ends its children by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = os.dup(1)
    # What anything prints must not end up between the answers.
    os.dup2(2, 1)
    serve(0, results)


if __name__ == "__main__":
    main()
