"""The file cache under a working set a thousand times larger than it, against an ideal cache."""

import bisect
import itertools
import random
import resource
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cache.bytes_disk import BytesDisk
from cache.file_cache import INLINE_BELOW_BYTES, FileCache

REQUESTS = 100_000
ENTRIES = 250
#: How many different things are asked for, for each that there is room for.
TIMES_LARGER = 1000
#: Bytes of a value: thumbnails, tiles, and now and then a plane in a file of its own.
SIZES = (4_000, 20_000, 20_000, 20_000, 24_000, 90_000)


@dataclass(frozen=True)
class WorkingSetFigures:
    """How the cache did: hit ratios, bytes, and processor time in microseconds."""

    hit_ratio: float
    ideal_hit_ratio: float
    most_bytes: int
    most_entries: int
    max_bytes: int
    most_disk_bytes: int
    memory_growth_bytes: int
    hit_us: float
    miss_us: float


def measure(requests: int, entries: int, check_every: int = 1000) -> WorkingSetFigures:
    """Ask for things of which few are asked for often, and keep those that were not there."""
    max_bytes = entries * sum(SIZES) // len(SIZES)
    bodies = {size: bytes(size) for size in SIZES}
    hits = ideal_hits = most_bytes = most_entries = most_disk = 0
    hit_s = miss_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        cache = FileCache(folder, max_bytes=max_bytes, max_entries=2 * entries)
        cost = BytesDisk(folder, min_file_size=INLINE_BELOW_BYTES).cost
        ideal = _Ideal(max_bytes)
        memory_before = _resident_bytes()
        for index, number in enumerate(_asked_for(entries * TIMES_LARGER, requests)):
            key, size = f"1/0/{number % 97}/{number}", SIZES[number % len(SIZES)]
            started = time.process_time()
            found = cache.get(key)
            if found is None:
                cache.set(key, bodies[size])
                miss_s += time.process_time() - started
            else:
                hits += 1
                hit_s += time.process_time() - started
            ideal_hits += ideal.ask(key, cost(size))
            if index % check_every == 0:
                stats = cache.stats()
                most_bytes = max(most_bytes, stats.size_bytes)
                most_entries = max(most_entries, stats.entries)
                most_disk = max(most_disk, _disk_bytes(Path(folder)))
        growth = _resident_bytes() - memory_before
        cache.close()
    return WorkingSetFigures(
        hits / requests,
        ideal_hits / requests,
        most_bytes,
        most_entries,
        max_bytes,
        most_disk,
        growth,
        hit_s / max(1, hits) * 1e6,
        miss_s / max(1, requests - hits) * 1e6,
    )


def report_cache() -> None:
    """Print the figures of the file cache."""
    figures = measure(REQUESTS, ENTRIES)
    print(f"file cache, {REQUESTS} requests, working set {TIMES_LARGER} x larger than the cache")
    print(f"  hit ratio           {figures.hit_ratio:8.1%}   an ideal cache's", end="")
    print(f" {figures.ideal_hit_ratio:.1%} (reach: within 2 points)")
    print(f"  entries take        {figures.most_bytes / 1e6:8.2f} MB at most", end="")
    print(f" of {figures.max_bytes / 1e6:.2f} MB allowed")
    print(f"  the folder takes    {figures.most_disk_bytes / 1e6:8.2f} MB at most")
    print(f"  memory grew by      {figures.memory_growth_bytes / 1e6:8.2f} MB")
    print(f"  processor time      {figures.hit_us:8.1f} us for a hit,", end="")
    print(f" {figures.miss_us:.1f} us for a miss that is kept")


class _Ideal:
    """A cache that knows at each request what was used when."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()

    def ask(self, key: str, size: int) -> bool:
        """Tell whether the key is there; it is from now on."""
        if key in self._sizes:
            self._sizes.move_to_end(key)
            return True
        self._sizes[key] = size
        self._left -= size
        while self._left < 0:
            self._left += self._sizes.popitem(last=False)[1]
        return False


def _asked_for(things: int, requests: int) -> Iterator[int]:
    """Give what is asked for: the n-th most wanted a n-th as often as the first (Zipf's law)."""
    chooser = random.Random(1)
    shares = list(itertools.accumulate(1 / (rank + 1) for rank in range(things)))
    for _ in range(requests):
        yield bisect.bisect(shares, chooser.random() * shares[-1])


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
