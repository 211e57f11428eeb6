"""What is computed behind the scenes: statistics of all images, reduced levels of large ones.

Two threads, so that a pyramid that takes an hour keeps nobody waiting for statistics. Whatever
somebody asks for comes first, then the rest by name; images of plates are seen to only when they
are asked for.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from imageserver.index import Index
from imageserver.listing import Listing, dataset_of, lacks_stats
from imageserver.pyramids import OverBudget, PyramidStore, needs_pyramid
from imageserver.readers.base import UnreadableFile
from imageserver.records import ImageRecord
from imageserver.sources import Sources, pyramid_key
from imageserver.statistics import Extremes, Stopped, channel_extremes

log = logging.getLogger(__name__)

_Task = tuple[int, int]


class Upkeep:
    """Fills in what records lack; (image id, version) is tried once, or again when asked for."""

    def __init__(
        self, index: Index, listing: Listing, sources: Sources, pyramids: PyramidStore
    ) -> None:
        self._index = index
        self._listing = listing
        self._sources = sources
        self._pyramids = pyramids
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._asked_stats: deque[int] = deque()
        self._asked_pyramids: deque[int] = deque()
        self._tried_stats: set[_Task] = set()
        self._tried_pyramids: set[_Task] = set()
        self._used: set[int] = set()
        self._hopeless: set[_Task] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, with whatever is listed."""
        for name, run in (("statistics", self._run_stats), ("pyramids", self._run_pyramids)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop soon: a pyramid under way is given up."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def notice(self) -> None:
        """Look at the listing again: it has changed."""
        with self._changed:
            self._changed.notify_all()

    def wait_stats(self, image_id: int, timeout_s: float) -> None:
        """Have an image's statistics computed next; return when they are, or cannot be."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._threads and not self._stop.is_set():
                record = self._listing.image(image_id)
                left = deadline - time.monotonic()
                if record is None or not lacks_stats(record) or left <= 0:
                    return
                if (record.id, record.version) in self._tried_stats:
                    return
                if image_id not in self._asked_stats:
                    self._asked_stats.append(image_id)
                    self._changed.notify_all()
                self._changed.wait(left)

    def used(self, record: ImageRecord) -> None:
        """Note that an image is looked at: if it lacks reduced levels, they come next."""
        if not _lacks_levels(record) or self._pyramids.budget_bytes <= 0:
            return
        with self._changed:
            if (record.id, record.version) not in self._hopeless:
                self._used.add(record.id)
                if record.id not in self._asked_pyramids:
                    self._asked_pyramids.append(record.id)
                    self._changed.notify_all()

    def _run_stats(self) -> None:
        pending: deque[int] = deque()
        while True:
            record = self._next(self._asked_stats, pending, self._tried_stats, lacks_stats)
            if record is None:
                return
            try:
                self._compute_stats(record)
            except Stopped:
                return
            except Exception:
                log.exception("the statistics of %s could not be computed", record.name)
            with self._changed:
                self._tried_stats.add((record.id, record.version))
                self._changed.notify_all()

    def _run_pyramids(self) -> None:
        if self._pyramids.budget_bytes <= 0:
            return
        # Threads have their own niceness on Linux: who looks at images comes before this.
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        pending: deque[int] = deque()
        while True:
            record = self._next(self._asked_pyramids, pending, self._tried_pyramids, _lacks_levels)
            if record is None:
                return
            try:
                self._build_pyramid(record)
            except Stopped:
                return
            except OverBudget:
                log.info("there is no room for reduced levels of %s", record.name)
            except (UnreadableFile, OSError) as error:
                log.warning("reduced levels of %s cannot be made: %s", record.name, error)
                self._give_up(record)
            except Exception:
                log.exception("reduced levels of %s could not be made", record.name)
                self._give_up(record)
            with self._changed:
                self._tried_pyramids.add((record.id, record.version))
                self._changed.notify_all()

    def _next(
        self,
        asked: deque[int],
        pending: deque[int],
        tried: set[_Task],
        lacks: Callable[[ImageRecord], bool],
    ) -> ImageRecord | None:
        """Wait for an image that lacks something and was not tried; None: the server closes."""
        with self._changed:
            while not self._stop.is_set():
                while asked:
                    record = self._listing.image(asked.popleft())
                    if record is not None and lacks(record):
                        return record
                while pending:
                    record = self._listing.image(pending.popleft())
                    if record and lacks(record) and (record.id, record.version) not in tried:
                        return record
                pending.extend(
                    record.id
                    for record in self._listing.images()
                    if not record.in_plate
                    and lacks(record)
                    and (record.id, record.version) not in tried
                )
                if not pending:
                    self._changed.wait(5.0)
        return None

    def _compute_stats(self, record: ImageRecord) -> None:
        buffer = self._sources.buffer(record)
        # Making the levels of a large image sees all of it, so its statistics come from there.
        partly = self._pyramids.budget_bytes <= 0
        try:
            extremes = channel_extremes(buffer, partly=partly, stop=self._stop)
        except UnreadableFile as error:
            self._mark_unreadable(record, str(error))
            return
        if extremes is not None:
            self._store_stats(record, extremes)

    def _build_pyramid(self, record: ImageRecord) -> None:
        if (record.id, record.version) in self._hopeless:
            return  # Looked at again while it was tried.
        # A look at an image may push out what was not looked at for longer; the round over all
        # images may not, or it would never come to an end.
        used = record.id in self._used
        self._used.discard(record.id)
        buffer = self._sources.buffer(record)
        if not used and not self._pyramids.has_room(buffer):
            raise OverBudget
        key = pyramid_key(record.pixels_id, record.version)
        try:
            built = self._pyramids.build(key, buffer, evict=used, stop=self._stop)
        except OverBudget:
            if used:
                self._give_up(record)
            raise
        if lacks_stats(record):
            self._store_stats(record, built.extremes)
        for other in self._listing.images():
            if len(other.levels) > 1:
                self._listing.refresh(other.id)
        self._listing.refresh(record.id)

    def _give_up(self, record: ImageRecord) -> None:
        self._hopeless.add((record.id, record.version))
        with suppress(UnreadableFile):
            extremes = channel_extremes(self._sources.buffer(record), partly=True, stop=self._stop)
            if extremes is not None and lacks_stats(record):
                self._store_stats(record, extremes)

    def _store_stats(self, record: ImageRecord, extremes: Sequence[Extremes | None]) -> None:
        place = self._listing.place(record.id)
        if place is not None and place[0].version == record.version:
            fileset, number = place
            image = self._index.store_stats(fileset.images[number], fileset.version, extremes)
            self._listing.put_stats(fileset.version, image)

    def _mark_unreadable(self, record: ImageRecord, problem: str) -> None:
        log.warning("%s cannot be read: %s", record.name, problem)
        place = self._listing.place(record.id)
        if place is None or place[0].version != record.version or len(place[0].series) > 1:
            return
        fileset = place[0]
        self._listing.put(
            self._index.store(
                fileset.path,
                dataset_of(fileset.path),
                fileset.signature,
                fileset.paths,
                problem=problem,
            )
        )


def _lacks_levels(record: ImageRecord) -> bool:
    return record.problem is None and needs_pyramid(record.levels)
