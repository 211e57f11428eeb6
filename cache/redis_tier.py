"""Bytes by key in Redis, shared by several hosts, and never missed while Redis is away.

Redis itself bounds what it keeps (`maxmemory` with an eviction policy); entries have a time to
live.
"""

import contextlib
import itertools
import logging
import queue
import re
import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

#: In front of every key, so that others may use the same database.
PREFIX = "blitzrender:"
#: How long anything in Redis may take. The first who waits that long switches it off for all.
TIMEOUT_S = 0.1
#: How long it then stays off at first and at most, before the thread looks whether it is back.
FIRST_LOOK_S = 0.5
LONGEST_LOOK_S = 10.0
#: What may wait to be written, and the largest value that is.
MAX_WAITING_BYTES = 16 * 1024**2
MAX_VALUE_BYTES = 4 * 1024**2
MAX_CONNECTIONS = 16
#: How often the thread looks whether it is to end.
_CHECK_S = 0.5
_KEYS_PER_STEP = 500


class RedisTier:
    """A cache that may be lost at any moment: then nothing is found and nothing is stored.

    Reading waits for Redis, letting other greenlets run; writing happens in a thread, a greenlet
    under gevent. Make it after gevent has patched, once in each process.
    """

    def __init__(self, url: str, timeout_s: float, *, patience_s: float = TIMEOUT_S) -> None:
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=patience_s,
            socket_timeout=patience_s,
            socket_connect_timeout=patience_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=pool)
        self._life_ms = max(1, int(timeout_s * 1000))
        self._waiting: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._runs = self._closed = self._away = False
        self.hits = self.misses = self.stored = self.dropped = self.failures = 0

    @property
    def is_usable(self) -> bool:
        """Tell whether Redis answered when it was last asked, or was not asked yet."""
        return not self._away

    @property
    def waiting(self) -> int:
        """How many values are still to be written."""
        return self._waiting.qsize()

    def get(self, key: str) -> bytes | None:
        """Give the bytes, or None when there are none, or while Redis is away."""
        if self._away:
            return None
        try:
            value = self._redis.get(PREFIX + key)
        except (redis.RedisError, OSError) as error:
            self._switch_off(error)
            return None
        if not isinstance(value, bytes):
            self.misses += 1
            return None
        self.hits += 1
        return value

    def put(self, key: str, value: bytes) -> None:
        """Have a value kept soon, if it is not too large and not too much waits."""
        with self._lock:
            takes = (
                not self._away
                and not self._closed
                and len(value) <= MAX_VALUE_BYTES
                and self._waiting_bytes + len(value) <= MAX_WAITING_BYTES
            )
            if takes:
                self._waiting_bytes += len(value)
            else:
                self.dropped += 1
        if takes:
            self._waiting.put((key, value))
            self._start()

    def delete_below(self, prefix: str) -> int:
        """Forget what is kept below `prefix`; give the number. 0 when Redis is away."""
        count = 0
        try:
            # Not to take any of the letters for a pattern.
            pattern = re.sub(r"([*?\[\]\\])", r"\\\1", f"{PREFIX}{prefix}/") + "*"
            keys = self._redis.scan_iter(pattern, count=_KEYS_PER_STEP)
            while some := list(itertools.islice(keys, _KEYS_PER_STEP)):
                count += int(self._redis.unlink(*some))
        except (redis.RedisError, OSError) as error:
            self._switch_off(error)
        return count

    def flush(self, wait_s: float) -> bool:
        """Wait until nothing waits to be written; tell whether it was within `wait_s` seconds."""
        until_s = time.monotonic() + wait_s
        while self._waiting.unfinished_tasks and time.monotonic() < until_s:
            time.sleep(0.002)
        return not self._waiting.unfinished_tasks

    def close(self) -> None:
        """Write what waits, for a moment at most, and close the connections."""
        if not self._away:
            self.flush(1.0)
        self._closed = True
        with contextlib.suppress(redis.RedisError, OSError):
            self._redis.connection_pool.disconnect()

    def _switch_off(self, error: Exception) -> None:
        self.failures += 1
        with self._lock:
            is_first, self._away = not self._away, True
        if is_first:
            log.warning("cache: Redis does not answer (%s); going on without it", error)
        self._start()

    def _start(self) -> None:
        with self._lock:
            starts = not self._runs and not self._closed
            self._runs = self._runs or starts
        if starts:
            threading.Thread(target=self._run, name="cache-redis", daemon=True).start()

    def _run(self) -> None:
        """Write what waits, and while Redis is away look now and then whether it is back."""
        look_s = FIRST_LOOK_S
        while not self._closed:
            if not self._away:
                look_s = FIRST_LOOK_S
                self._write_next()
                continue
            time.sleep(look_s)
            look_s = min(look_s * 2, LONGEST_LOOK_S)
            with contextlib.suppress(redis.RedisError, OSError):
                self._redis.ping()
                self._away = False
                log.info("cache: Redis answers again")

    def _write_next(self) -> None:
        try:
            key, value = self._waiting.get(timeout=_CHECK_S)
        except queue.Empty:
            return
        try:
            self._redis.set(PREFIX + key, value, px=self._life_ms)
            self.stored += 1
        except redis.ResponseError:
            # It is full and lets nothing go, or is a copy that takes nothing: reading goes on.
            self.failures += 1
        except (redis.RedisError, OSError) as error:
            self._switch_off(error)
        finally:
            with self._lock:
                self._waiting_bytes -= len(value)
            self._waiting.task_done()
