"""What the file cache costs when it holds ten and a hundred times as much."""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cache.file_cache import FileCache

#: Of a value, as large as a thumbnail.
VALUE_BYTES = 4000
#: Images that the entries belong to.
IMAGES = 100
ASKED, STORED, BATCH = 2000, 1000, 500


@dataclass(frozen=True)
class CacheCost:
    """What a cache with so many entries costs; medians in microseconds, and whole steps."""

    entries: int
    disk_bytes: int
    open_ms: float
    hit_us: float
    miss_us: float
    #: A new entry when the cache is full, so that another one has to go.
    store_us: float
    #: All entries of one image, and how many these were.
    forget_ms: float
    forgotten: int
    #: A tenth of all entries, which have expired.
    purge_ms: float
    purged: int


def measure(entries: int) -> CacheCost:
    """Fill a cache, then look, store, forget and purge."""
    chance = random.Random(1)
    value = random.Random(2).randbytes(VALUE_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        max_bytes = entries * VALUE_BYTES * 4
        cache = FileCache(folder, max_bytes=max_bytes, max_entries=entries)
        _fill(cache, 0, entries, value)
        cache.close()
        begun_s = time.perf_counter()
        cache = FileCache(folder, max_bytes=max_bytes, max_entries=entries)
        cache.get(_key(0))
        open_s = time.perf_counter() - begun_s
        hits = [_key(chance.randrange(entries)) for _ in range(ASKED)]
        # The first look at a page of the database comes from the system, not from SQLite.
        for key in hits:
            assert cache.get(key) is not None
        hit_s = [_timed(lambda key=key: cache.get(key)) for key in hits]
        new = [_key(entries + number) for number in range(STORED)]
        miss_s = [_timed(lambda key=key: cache.get(key)) for key in new]
        store_s = [_timed(lambda key=key: cache.set(key, value)) for key in new]
        forgotten, forget_s = _counted(lambda: cache.delete(f"1/0/{IMAGES // 2}"))
        # Longer than storing them takes, which would clear expired ones away by itself.
        cache.timeout_s = 1 + entries / 20_000
        _fill(cache, 2 * entries, entries // 10, value)
        time.sleep(cache.timeout_s)
        cache.timeout_s = None
        purged, purge_s = _counted(cache.purge)
        disk_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        cache.close()
    return CacheCost(
        entries,
        disk_bytes,
        open_s * 1000,
        statistics.median(hit_s) * 1e6,
        statistics.median(miss_s) * 1e6,
        statistics.median(store_s) * 1e6,
        forget_s * 1000,
        forgotten,
        purge_s * 1000,
        purged,
    )


def _key(number: int) -> str:
    return f"1/0/{number % IMAGES}/{number}"


def _fill(cache: FileCache, first: int, count: int, value: bytes) -> None:
    for begin in range(first, first + count, BATCH):
        end = min(begin + BATCH, first + count)
        cache.set_many((_key(number), value) for number in range(begin, end))


def _timed(action: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    action()
    return time.perf_counter() - begun_s


def _counted(action: Callable[[], int]) -> tuple[int, float]:
    begun_s = time.perf_counter()
    count = action()
    return count, time.perf_counter() - begun_s
