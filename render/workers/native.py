"""The operating system's own threads, locks and waiting, also where gevent has patched Python.

Rendering threads must not be greenlets: they are there so that the event loop goes on.
"""

import _queue
import _thread
import functools
import os
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any


@functools.cache
def _original(module: ModuleType, name: str) -> Any:
    if "gevent.monkey" in sys.modules:
        # Gives the module's own thing where nothing was patched.
        return sys.modules["gevent.monkey"].get_original(module.__name__, name)
    return getattr(module, name)


def make_lock() -> Any:
    """Make a lock between native threads; hold it only where nothing can yield to the loop."""
    return _original(_thread, "allocate_lock")()


def make_queue() -> Any:
    """Make an unbounded queue on which native threads can wait."""
    return _original(_queue, "SimpleQueue")()


def start_thread(action: Callable[[], None]) -> None:
    """Run `action` in a native thread, which ends with the process."""
    _original(_thread, "start_new_thread")(action, ())


def wait_readable(descriptor: int, timeout_s: float) -> bool:
    """Wait in a native thread until a pipe has something to read, or its other end is closed."""
    return _wait_for(descriptor, select.POLLIN, timeout_s)


def wait_writable(descriptor: int, timeout_s: float) -> bool:
    """Wait in a native thread until a pipe has room, or its other end is closed."""
    return _wait_for(descriptor, select.POLLOUT, timeout_s)


def _wait_for(descriptor: int, event: int, timeout_s: float) -> bool:
    poll = _original(select, "poll")()
    poll.register(descriptor, event)
    return bool(poll.poll(max(0, timeout_s) * 1000))


def has_hung_up(descriptor: int) -> bool:
    """Tell, without waiting or reading, whether a socket's other side will send no more."""
    if descriptor < 0:
        return True
    # Where the system knows no RDHUP, only a connection that broke is noticed.
    signs = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
    poll = _original(select, "poll")()
    poll.register(descriptor, signs)
    return bool(poll.poll(0))


def start_process(
    arguments: Sequence[str], environment: Mapping[str, str], stdin: int, stdout: int
) -> int:
    """Start a program with two pipes' ends as its stdin and stdout; give its process id.

    Neither `subprocess` nor `multiprocessing` works in a native thread under gevent.
    """
    spawned: int = _original(os, "posix_spawn")(
        arguments[0],
        arguments,
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)],
    )
    return spawned


def wait_for_process(process_id: int, options: int = 0) -> bool:
    """Collect a child that has ended; tell whether it is gone."""
    try:
        return bool(_original(os, "waitpid")(process_id, options)[0])
    except ChildProcessError:
        return True


def pause(seconds: float) -> None:
    """Let the calling native thread sleep."""
    _original(time, "sleep")(seconds)
