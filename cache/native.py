"""Locks and storage of the operating system's threads, also where gevent has patched Python.

Sections that never yield are shared by greenlets and by native threads alike. A patched lock
would tie them to one hub, and a patched `threading.local` would give each greenlet, that is each
request, a database connection of its own.
"""

import _queue
import _thread
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any


def _original(module: ModuleType, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return monkey.get_original(module.__name__, name)
    return getattr(module, name)


def native_lock() -> Any:
    """Make a lock between native threads; hold it only where nothing yields to other greenlets."""
    return _original(threading, "Lock")()


def native_local() -> Any:
    """Make storage of which each native thread sees its own."""
    return _original(threading, "local")()


def native_queue() -> Any:
    """Make a queue on which a native thread can wait for what a greenlet puts in."""
    return _original(_queue, "SimpleQueue")()


def native_sleep(seconds: float) -> None:
    """Let the native thread that calls sleep; never call it on an event loop."""
    _original(time, "sleep")(seconds)


#: Of a thread made here it knows that no greenlets run in it.
_this_thread = native_local()


def start_native_thread(action: Callable[[], object]) -> None:
    """Run `action` in a native thread of its own, which ends with the process."""

    def run() -> None:
        _this_thread.is_ours = True
        action()

    _original(_thread, "start_new_thread")(run, ())


def pause(seconds: float) -> None:
    """Let the caller wait, and nobody else: other greenlets run, if there are any."""
    if getattr(_this_thread, "is_ours", False):
        native_sleep(seconds)
    else:
        time.sleep(seconds)
