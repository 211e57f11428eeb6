"""Keeps bytes a moment later, in a native thread, so that no answer waits for a disk."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from cache.file_cache import FileCache
from cache.native import native_lock, native_queue, native_sleep, pause, start_native_thread

log = logging.getLogger(__name__)

#: How long values gather at most, so that one step keeps many: a step of one costs nearly as much.
GATHER_S = 0.25
#: How often whether they are wanted sooner is looked at.
LOOK_S = 0.02
#: Values that are written in one step at most, which other writers wait for.
STEP_ENTRIES = 64
STEP_BYTES = 8 * 1024**2
#: How long to wait before looking again whether all is written.
FLUSH_CHECK_S = 0.002

Done = Callable[[], object]


class _Waiting(NamedTuple):
    value: bytes
    done: Done | None


class WriteBehind:
    """A bounded queue in front of one or more file caches, one for all of a process.

    What waits is found by `get`. `done`, if given, is called once the value is written or is
    certain never to be; in the native thread or by `put` itself, so it must not wait for
    greenlets. A process that is killed loses what waits, which is a cache's right.
    `is_wanted`, called by the native thread, tells whether others wait for what is to be written:
    then it is written at once, as it is where much has gathered.
    """

    def __init__(
        self,
        max_bytes: int,
        max_entries: int = 4096,
        is_wanted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_wanted = is_wanted
        self._flushes = 0
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._lock = native_lock()
        self._bell = native_queue()
        self._waiting: OrderedDict[tuple[FileCache, str], _Waiting] = OrderedDict()
        self._waiting_bytes = 0
        self._dropped: dict[FileCache, int] = {}
        self._runs = self._writes = self._closed = False

    def dropped(self, cache: FileCache) -> int:
        """Count what was not written to a cache because too much waited."""
        return self._dropped.get(cache, 0)

    def waiting(self, cache: FileCache) -> int:
        """Count what is still to be written to a cache."""
        with self._lock:
            return sum(of is cache for of, _ in self._waiting)

    def put(self, cache: FileCache, key: str, value: bytes, done: Done | None = None) -> bool:
        """Have a value kept soon; tell whether it will be tried: not when too much waits."""
        with self._lock:
            replaced = self._waiting.pop((cache, key), None)
            if replaced is not None:
                self._waiting_bytes -= len(replaced.value)
            accepted = (
                not self._closed
                and len(self._waiting) < self._max_entries
                and self._waiting_bytes + len(value) <= self._max_bytes
            )
            if accepted:
                self._waiting[cache, key] = _Waiting(value, done)
                self._waiting_bytes += len(value)
            else:
                self._dropped[cache] = self._dropped.get(cache, 0) + 1
            starts = accepted and not self._runs
            self._runs = self._runs or starts
        if starts:
            start_native_thread(self._run)
        if accepted:
            self._bell.put(None)
        for waiting in filter(None, (replaced, None if accepted else _Waiting(value, done))):
            if waiting.done is not None:
                waiting.done()
        return accepted

    def get(self, cache: FileCache, key: str) -> bytes | None:
        """Give a value that is still to be written, or None."""
        with self._lock:
            waiting = self._waiting.get((cache, key))
        return None if waiting is None else waiting.value

    def flush(self, wait_s: float) -> bool:
        """Wait until all is written and told; give whether it was within `wait_s` seconds."""
        until_s = time.monotonic() + wait_s
        with self._lock:
            self._flushes += 1
        try:
            while self._waiting or self._writes:
                if time.monotonic() >= until_s:
                    return False
                pause(FLUSH_CHECK_S)
            return True
        finally:
            with self._lock:
                self._flushes -= 1

    def close(self, wait_s: float = 5.0) -> None:
        """Write what waits, for `wait_s` seconds at most, and end the native thread."""
        with self._lock:
            self._closed = True
        self.flush(wait_s)
        self._bell.put(None)

    def _run(self) -> None:
        """Run in a native thread of its own until it is closed and nothing waits any more."""
        while self._waiting or not self._closed:
            if not self._waiting:
                self._bell.get()
            self._gather()
            while not self._bell.empty():
                self._bell.get()
            for cache, step in self._next_step().items():
                self._write(cache, step)
            self._writes = False

    def _gather(self) -> None:
        """Wait while more may come; in any case a moment, for the answers to leave first."""
        until_s = time.monotonic() + GATHER_S
        native_sleep(LOOK_S)
        while time.monotonic() < until_s and not (
            self._closed
            or self._flushes
            or len(self._waiting) >= STEP_ENTRIES
            or self._waiting_bytes >= STEP_BYTES
            or self._is_wanted()
        ):
            native_sleep(LOOK_S)

    def _next_step(self) -> dict[FileCache, list[tuple[str, _Waiting]]]:
        """Give the oldest of what waits, by cache; it goes on waiting until it is written."""
        step: dict[FileCache, list[tuple[str, _Waiting]]] = {}
        count = size = 0
        with self._lock:
            self._writes = True
            for (cache, key), waiting in self._waiting.items():
                step.setdefault(cache, []).append((key, waiting))
                count, size = count + 1, size + len(waiting.value)
                if count >= STEP_ENTRIES or size >= STEP_BYTES:
                    break
        return step

    def _write(self, cache: FileCache, step: list[tuple[str, _Waiting]]) -> None:
        try:
            cache.set_many([(key, waiting.value) for key, waiting in step])
        except Exception:
            # Nothing is known that raises here; a thread that ended would drop all from now on.
            log.exception("cache: what waited could not be written")
        written = []
        with self._lock:
            for key, waiting in step:
                # It may have been replaced meanwhile; the new value is then still to be written.
                if self._waiting.get((cache, key)) is waiting:
                    del self._waiting[cache, key]
                    self._waiting_bytes -= len(waiting.value)
                    written.append(waiting)
        for waiting in written:
            if waiting.done is not None:
                waiting.done()
