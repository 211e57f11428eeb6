"""Counters and histograms of requests, of all worker processes together, in Prometheus's format.

Where the environment names a folder in PROMETHEUS_MULTIPROC_DIR before the first application is
made, as gunicorn.conf.py does, each process writes its figures to files there and `text` adds them
all up. Elsewhere they are those of one application.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any

from cache.native import native_lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Seconds; a cached tile takes under a millisecond, a projection of a large image many seconds.
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})

Key = tuple[str, ...]


class Metrics:
    """All metrics of an application.

    What requests do is gathered in plain numbers, which costs a tenth of prometheus_client's own
    counting, and handed to it by `flush`, which somebody has to call every few seconds.
    """

    def __init__(self) -> None:
        # Not before: the package looks for its folder when it is imported.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        from prometheus_client.multiprocess import MultiProcessCollector

        self._pages = CollectorRegistry()
        own: CollectorRegistry | None = None
        try:
            MultiProcessCollector(self._pages)
        except ValueError:
            own = self._pages
        self._metrics: dict[str, Any] = {}
        for name, (text, labels) in COUNTERS.items():
            self._metrics[name] = Counter(name, text, labels, registry=own)
        for name, (text, labels) in GAUGES.items():
            # Of processes that live: a worker that ended has no queue.
            mode: Any = "livemostrecent" if name in SHARED_GAUGES else "livesum"
            self._metrics[name] = Gauge(name, text, labels, registry=own, multiprocess_mode=mode)
        for name, (text, labels) in HISTOGRAMS.items():
            self._metrics[name] = Histogram(name, text, labels, registry=own, buckets=_BUCKETS_S)
        self._lock = native_lock()
        self._counted: dict[Key, float] = {}
        self._totals: dict[Key, float] = {}
        #: Number of durations by bucket, one more for those above all, and their sum.
        self._observed: dict[Key, list[float]] = {}

    def count_request(
        self,
        route: str,
        method: str,
        status: str,
        length: int,
        total_s: float,
        steps_s: Mapping[str, float],
        outcome: str | None,
        calls: Mapping[tuple[str, bool], int],
    ) -> None:
        """Count an answer of `length` bytes.

        `outcome` says how its picture was come by; `calls` counts those to OMERO's services, by
        what they were for and whether they failed.
        """
        method = method if method in _METHODS else "other"
        with self._lock:
            self._count(("blitzrender_requests", route, method, status), 1)
            self._observe(("blitzrender_request_seconds", route), total_s)
            for step, seconds in steps_s.items():
                self._observe(("blitzrender_step_seconds", step), seconds)
            if length:
                self._count(("blitzrender_sent_bytes", route), length)
            if outcome is not None:
                self._count(("blitzrender_pictures", outcome), 1)
            for (step, failed), count in calls.items():
                self._count(("blitzrender_ice_calls", step), count)
                if failed:
                    self._count(("blitzrender_ice_failures", step), count)

    def count_sent(self, route: str, length: int) -> None:
        """Count bytes of an answer whose length was not known when it began."""
        with self._lock:
            self._count(("blitzrender_sent_bytes", route), length)

    def set(self, name: str, *labels: str, to: float) -> None:
        """Set what this process adds to a gauge."""
        self._place((name, *labels)).set(to)

    def advance(self, name: str, *labels: str, to: float) -> None:
        """Bring a counter to what this process has counted elsewhere since it started."""
        key = (name, *labels)
        with self._lock:
            grown = to - self._totals.get(key, 0)
            self._totals[key] = to
            # Less than before: what counts was made anew.
            self._count(key, grown if grown >= 0 else to)

    def flush(self) -> None:
        """Hand on what was gathered, to be seen by all processes."""
        with self._lock:
            counted, self._counted = self._counted, {}
            observed, self._observed = self._observed, {}
        for key, count in counted.items():
            self._place(key).inc(count)
        for key, (*numbers, total_s) in observed.items():
            place = self._place(key)
            # Histogram has no way to put in many at a time but these two.
            for bucket, number in zip(place._buckets, numbers, strict=True):
                if number:
                    bucket.inc(number)
            place._sum.inc(total_s)

    def text(self) -> bytes:
        """Give the figures of all processes in Prometheus's text format."""
        from prometheus_client import generate_latest

        self.flush()
        return generate_latest(self._pages)

    def _count(self, key: Key, by: float) -> None:
        self._counted[key] = self._counted.get(key, 0) + by

    def _observe(self, key: Key, seconds: float) -> None:
        numbers = self._observed.get(key)
        if numbers is None:
            numbers = self._observed[key] = [0] * (len(_BUCKETS_S) + 2)
        numbers[bisect_left(_BUCKETS_S, seconds)] += 1
        numbers[-1] += seconds

    def _place(self, key: Key) -> Any:
        name, *labels = key
        metric = self._metrics[name]
        return metric.labels(*labels) if labels else metric


def describe_metrics() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Give name, kind, meaning and labels of every metric, names as Prometheus shows them."""
    for name, (text, labels) in COUNTERS.items():
        yield f"{name}_total", "counter", text, labels
    for name, (text, labels) in GAUGES.items():
        yield name, "gauge", text, labels
    for name, (text, labels) in HISTOGRAMS.items():
        yield name, "histogram", text, labels


COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "blitzrender_requests": ("Requests answered", ("route", "method", "status")),
    "blitzrender_sent_bytes": ("Bytes of answers' bodies", ("route",)),
    "blitzrender_pictures": (
        "Pictures by the way they were come by: hit, miss, raw, wait, not-modified",
        ("outcome",),
    ),
    "blitzrender_cache_hits": ("What was found in a tier of a cache", ("cache", "tier")),
    "blitzrender_cache_misses": ("What was looked for in vain", ("cache", "tier")),
    "blitzrender_cache_evictions": ("Entries that made room for others", ("cache", "tier")),
    "blitzrender_cache_failures": ("What could not be read or stored", ("cache", "tier")),
    "blitzrender_cache_dropped": (
        "What was not stored because too much waited for it",
        ("cache", "tier"),
    ),
    "blitzrender_ice_calls": ("Calls to OMERO's services for requests", ("step",)),
    "blitzrender_ice_failures": ("Those of them that failed or ran out of time", ("step",)),
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "blitzrender_workers": ("Worker processes alive", ()),
    "blitzrender_render_queue": ("Pictures being rendered or waiting for it", ()),
    "blitzrender_sessions": ("OMERO sessions open", ()),
    "blitzrender_pixels_stores": ("Pixels stores open on OMERO.server", ()),
    "blitzrender_memory_cache_entries": ("Entries in the worker processes' memory", ("cache",)),
    "blitzrender_memory_cache_bytes": ("Their bytes", ("cache",)),
    "blitzrender_shared_cache_entries": (
        "Entries in a tier that processes share",
        ("cache", "tier"),
    ),
    "blitzrender_shared_cache_bytes": ("Their bytes", ("cache", "tier")),
    "blitzrender_resident_bytes": ("Memory of the worker processes", ()),
}
#: Each process tells them of all, so that they are not added up.
SHARED_GAUGES = frozenset({"blitzrender_shared_cache_entries", "blitzrender_shared_cache_bytes"})
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "blitzrender_request_seconds": ("Time until an answer begins", ("route",)),
    "blitzrender_step_seconds": (
        "Time of a request's steps: access, info, cache, read, render",
        ("step",),
    ),
}
