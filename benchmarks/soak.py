"""Many people at work for a long time: does anything grow, slow down or fail?

Viewers look at images, thumbnails and metadata are asked for, and files are downloaded, all the
while. The caches are small, so that they are full soon and what they hold keeps changing. The
verdict compares the time after the first fifth, in which caches fill, with the end.
"""

import argparse
import contextlib
import http.client
import itertools
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import plots
from benchmarks.load import Browser
from benchmarks.pyramids import SAMPLES
from benchmarks.screens import Looker, Pyramid
from benchmarks.viewer import levels_in_tiles, stack_of
from tests.support import service

VIEWERS, DOWNLOADERS = 3, 2
#: What share of the time caches fill in, and what share at the end is compared with what follows.
FILLING, END = 0.2, 0.25
MEMORY_MORE_MIB, FILES_MORE = 64, 20
#: So many times as slow as before the end may be, and what other work on the machine adds.
SLOWER, SLOWER_S = 1.5, 0.05
#: What a line of the service's log holds that tells of a fault.
_FAULT = re.compile(r"\b(?:ERROR|CRITICAL)\b|^Traceback")
SETTINGS: dict[str, object] = {
    "workers": 2,
    "cache_max_bytes": 32 * 1024**2,
    "cache_thumbnails_max_bytes": 4 * 1024**2,
    "hot_pictures_max_bytes": 8 * 1024**2,
    "raw_tiles_max_bytes": 8 * 1024**2,
    "raw_tiles_shared_max_bytes": 32 * 1024**2,
}


@dataclass(frozen=True)
class Sample:
    """What the service's processes, all together, held at one moment, and which these were."""

    at_s: float
    memory_mib: float
    files: int
    processes: frozenset[int] = frozenset()


@dataclass
class Soaked:
    """What a soak came to; times in seconds since its start."""

    seconds: float
    samples: list[Sample] = field(default_factory=list)
    #: When each tile, plane, thumbnail or answer was there, and how long it took.
    latencies_s: list[tuple[float, float]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    downloaded_bytes: int = 0
    #: Lines of the service's log that tell of a fault.
    faults: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def p99_s(self, from_s: float, to_s: float) -> float:
        """Give the 99th percentile of latencies between two moments."""
        found = sorted(took_s for at_s, took_s in self.latencies_s if from_s <= at_s < to_s)
        return found[min(len(found) - 1, len(found) * 99 // 100)] if found else 0.0


def run_soak(minutes: float) -> Soaked:
    """Run the service under load for so long."""
    soaked = Soaked(minutes * 60)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as cache_dir,
        service.running(SAMPLES, Path(cache_dir), **SETTINGS) as running,
    ):
        _Load(running, soaked).run()
        with (Path(cache_dir) / service.LOG).open(encoding="utf-8", errors="replace") as log:
            soaked.faults += [line.strip() for line in log if _FAULT.search(line)]
    soaked.problems += judge(soaked)
    return soaked


def judge(soaked: Soaked) -> list[str]:
    """Tell what is not as it should be."""
    problems = [
        f"{count} requests were answered {status}"
        for status, count in soaked.statuses.items()
        if status != 200
    ]
    problems += [f"the log says: {line}" for line in soaked.faults[:5]]
    first_s, last_s = soaked.seconds * FILLING, soaked.seconds * (1 - END)
    before = [sample for sample in soaked.samples if first_s <= sample.at_s < last_s]
    after = [sample for sample in soaked.samples if sample.at_s >= last_s]
    if not (before and after):
        return [*problems, "too short to tell anything"]
    if not any(at_s >= last_s for at_s, _ in soaked.latencies_s):
        problems.append("nothing was answered at the end")
    gone = soaked.samples[0].processes - soaked.samples[-1].processes
    if gone:
        problems.append(f"{len(gone)} processes of the service ended")
    # The least that was held, as it is what stays; a peak says what was going on.
    for what, most, held in (
        ("MiB of memory", MEMORY_MORE_MIB, lambda sample: sample.memory_mib),
        ("open files", FILES_MORE, lambda sample: sample.files),
    ):
        held_before, held_after = min(map(held, before)), min(map(held, after))
        if held_after > held_before + most:
            problems.append(f"{held_before:.0f} {what} before, {held_after:.0f} at the end")
    p99_before, p99_after = soaked.p99_s(first_s, last_s), soaked.p99_s(last_s, soaked.seconds)
    if p99_after > SLOWER * p99_before + SLOWER_S:
        problems.append(f"p99 {p99_before * 1000:.0f} ms before, {p99_after * 1000:.0f} at the end")
    return problems


class _Load:
    """All who ask, and the one who looks at what the service holds."""

    def __init__(self, running: service.Service, soaked: Soaked) -> None:
        self._running = running
        self._soaked = soaked
        self._lock = threading.Lock()
        self._ids = running.image_ids(6)
        self._began_s = time.monotonic()

    def run(self) -> None:
        """Ask until the time is over."""
        tasks: list[Callable[[int], None]] = [self._look] * VIEWERS
        tasks += [self._download] * DOWNLOADERS + [self._list]
        threads = [
            threading.Thread(target=self._guarded, args=(task, number))
            for number, task in enumerate(tasks)
        ]
        self._began_s = time.monotonic()
        for thread in threads:
            thread.start()
        # Enough samples of a short soak, and not too many of a long one.
        every_s = min(5.0, self._soaked.seconds / 40)
        while self._goes_on():
            self._soaked.samples.append(self._sample())
            time.sleep(every_s)
        for thread in threads:
            thread.join()

    def _goes_on(self) -> bool:
        return self._at_s() < self._soaked.seconds

    def _at_s(self) -> float:
        return time.monotonic() - self._began_s

    def _guarded(self, task: Callable[[int], None], number: int) -> None:
        try:
            task(number)
        # Whatever it is: without this client the rest of the time says less than it seems to.
        except Exception as error:
            with self._lock:
                self._soaked.problems.append(f"a client ended with {error!r}")

    def _look(self, number: int) -> None:
        image_id = self._ids["lung-histology-rgb.ome.tif"]
        pyramid = Pyramid(image_id, levels_in_tiles(self._running, image_id))
        stack = stack_of(self._running, self._ids["nuclei-3d.ome.tif"])
        browser = Browser(self._running.port)
        for _, paths in Looker(pyramid, stack, number).steps():
            if not self._goes_on():
                break
            self._show(browser, paths)
        browser.close()

    def _list(self, number: int) -> None:
        browser = Browser(self._running.port, 2)
        for side in itertools.cycle(range(64, 128)):
            if not self._goes_on():
                break
            for image_id in self._ids.values():
                thumbnail = f"/webgateway/render_thumbnail/{image_id}/{side}/"
                self._show(browser, [thumbnail, f"/webgateway/imgData/{image_id}/"])
            time.sleep(0.05)
        browser.close()

    def _show(self, browser: Browser, paths: Sequence[str]) -> None:
        if not paths:
            return
        found = browser.show(paths)
        at_s = self._at_s()
        with self._lock:
            self._soaked.latencies_s += [(at_s, took_s) for took_s in found.latencies_s]
            self._soaked.statuses.update(found.statuses)

    def _download(self, number: int) -> None:
        image_id = self._ids["embryo-timelapse.ome.tif"]
        while self._goes_on():
            connection = http.client.HTTPConnection("127.0.0.1", self._running.port, timeout=60)
            connection.request("GET", f"/webgateway/archived_files/download/{image_id}/")
            answer = connection.getresponse()
            size = 0
            while part := answer.read(65536):
                size += len(part)
            connection.close()
            if size != int(answer.headers["Content-Length"]):
                raise http.client.IncompleteRead(b"")
            with self._lock:
                self._soaked.statuses[answer.status] += 1
                self._soaked.downloaded_bytes += size
            time.sleep(0.1)

    def _sample(self) -> Sample:
        master = self._running.master
        memory_bytes = files = 0
        seen = []
        for process in (master, *master.children(recursive=True)):
            # One that ends just now is told by its absence.
            with contextlib.suppress(psutil.NoSuchProcess):
                held, opened = process.memory_info().rss, process.num_fds()
                memory_bytes, files = memory_bytes + held, files + opened
                seen.append(process.pid)
        return Sample(self._at_s(), memory_bytes / 1024**2, files, frozenset(seen))


def report_soak(minutes: float) -> bool:
    """Run a soak, print what it came to, and tell whether all was well."""
    soaked = run_soak(minutes)
    people = f"{VIEWERS} viewers, {DOWNLOADERS} downloads and a list of thumbnails"
    print(f"{people} for {minutes:g} minutes")
    print(f"  answers             {dict(sorted(soaked.statuses.items()))}")
    print(f"  downloaded          {soaked.downloaded_bytes / 1e6:.0f} MB")
    samples, fifth_s = _spread(soaked.samples, 5), soaked.seconds / 5
    p99s_s = [soaked.p99_s(fifth_s * i, fifth_s * (i + 1)) for i in range(5)]
    for name, values in (
        ("memory, MiB", [sample.memory_mib for sample in samples]),
        ("open files", [sample.files for sample in samples]),
        ("p99, ms", [value_s * 1000 for value_s in p99s_s]),
    ):
        print(f"  {name:<19} {'  '.join(f'{v:.0f}' for v in values)}   by fifths of the time")
    _draw(soaked)
    for problem in soaked.problems:
        print(f"  PROBLEM: {problem}")
    print("verdict: all is well" if not soaked.problems else "verdict: NOT well")
    return not soaked.problems


def _draw(soaked: Soaked) -> None:
    parts = 60
    every_s = soaked.seconds / parts
    p99s_ms = [soaked.p99_s(every_s * i, every_s * (i + 1)) * 1000 for i in range(parts)]
    at_s = [sample.at_s / 60 for sample in soaked.samples]
    memory = [sample.memory_mib for sample in soaked.samples]
    files = [float(sample.files) for sample in soaked.samples]
    middles = [(i + 0.5) * every_s / 60 for i in range(parts)]
    plots.draw_lines(
        "bench-soak",
        [
            plots.Panel("memory", "minutes", "MiB", at_s, {"memory": memory}, logarithmic=False),
            plots.Panel("open files", "minutes", "", at_s, {"files": files}, logarithmic=False),
            plots.Panel("p99", "minutes", "ms", middles, {"p99": p99s_ms}, logarithmic=False),
        ],
    )


def _spread(samples: Sequence[Sample], parts: int) -> list[Sample]:
    """Give the last sample of each of so many parts."""
    return [samples[len(samples) * (i + 1) // parts - 1] for i in range(parts)]


def main(arguments: list[str]) -> int:
    """Run a soak as the command line says; give the exit status."""
    parser = argparse.ArgumentParser("script/bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    return 0 if report_soak(parser.parse_args(arguments).minutes) else 1
