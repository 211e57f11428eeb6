"""Brings metrics up to date: what a process holds at the moment, and what it has gathered."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from app.operations.metrics import Metrics
from app.site import LazyParts
from cache.figures import CacheFigures
from render.waiting import spawn

#: How old the figures of other processes may be when one of them is asked.
_EVERY_S = 5.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Figures:
    """What keeps the metrics of one process fresh."""

    def __init__(self, metrics: Metrics, parts: LazyParts) -> None:
        self._metrics = metrics
        self._parts = parts
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def refresh(self) -> None:
        """Set the gauges to what they are now, and hand on what was counted."""
        with self._lock:
            self._refresh()
            self._metrics.flush()

    def _refresh(self) -> None:
        to = self._metrics.set
        to("blitzrender_workers", to=1)
        to("blitzrender_resident_bytes", to=_resident_bytes())
        servers = self._parts.opened
        if not servers:
            return
        sessions = [live for parts in servers for live in parts.source.pool.live_sessions()]
        workers = {id(parts.worker): parts.worker for parts in servers}
        to("blitzrender_render_queue", to=sum(worker.load for worker in workers.values()))
        to("blitzrender_sessions", to=len(sessions))
        to("blitzrender_pixels_stores", to=sum(live.stores.size for live in sessions))
        # Finished pictures are kept together for all servers.
        found = [*servers[0].pictures.figures()]
        found += [figures for parts in servers for figures in parts.raw_planes.figures()]
        for place in {(figures.cache, figures.tier) for figures in found}:
            same = [figures for figures in found if (figures.cache, figures.tier) == place]
            self._tell_cache(place, same)

    def _tell_cache(self, place: tuple[str, str], found: Sequence[CacheFigures]) -> None:
        for name in ("hits", "misses", "evictions", "failures", "dropped"):
            total = sum(getattr(figures, name) for figures in found)
            self._metrics.advance(f"blitzrender_cache_{name}", *place, to=total)
        shared = found[0].is_shared
        kind, labels = ("shared", place) if shared else ("memory", place[:1])
        for name, what in (("entries", "entries"), ("bytes", "size_bytes")):
            told = [n for figures in found if (n := getattr(figures, what)) is not None]
            if told:
                total = max(told) if shared else sum(told)
                self._metrics.set(f"blitzrender_{kind}_cache_{name}", *labels, to=total)

    def keep_fresh(self) -> None:
        """Refresh them in the background until `end`, so that any process can tell of all."""
        spawn(self._keep_fresh)

    def end(self) -> None:
        """Let the background end, and hand on what was counted since."""
        self._ended.set()
        self._metrics.flush()

    def _keep_fresh(self) -> None:
        while True:
            self.refresh()
            if self._ended.wait(_EVERY_S):
                return


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * _PAGE_BYTES
