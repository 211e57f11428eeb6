"""Runs what takes long and holds no Python lock beside the event loop."""

from collections.abc import Callable
from typing import TypeVar

from render.errors import DeadlineExceeded
from render.waiting import Handoff
from render.workers.native import start_thread

Value = TypeVar("Value")


def run_beside(action: Callable[[], Value], timeout_s: float, step: str) -> Value:
    """Give what `action` gives, or raise what it raises, from a native thread of its own.

    Only the calling thread or greenlet waits. Raises DeadlineExceeded after `timeout_s` seconds;
    what runs then cannot be stopped, and goes on.
    """
    box = Handoff()

    def run() -> None:
        try:
            value = action()
        except BaseException as error:
            box.fill(error=error)
        else:
            box.fill(value)

    start_thread(run)
    if not box.wait(timeout_s):
        raise DeadlineExceeded(f"the step '{step}' took longer than {timeout_s:g} s")
    result: Value = box.result()
    return result
