"""Reads what a viewer is likely to ask for next, while nobody waits for anything.

Neighbours of the tile that was asked for last, and the next sections, are read into the raw tiles;
nothing is rendered. What a viewer asks for on the same image replaces what was to be read for the
request before.
"""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.identity import Viewer
from app.imaging.areas import SourceArea
from app.imaging.raw_tiles import RawTiles, plane_key
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from render.errors import ServiceError
from render.values import DTYPES, ImageInfo, PlaneIndex, Region
from render.waiting import spawn

#: Views, of a viewer on an image, for which something may be left to be read.
_VIEWS_MAX = 64
#: How long a view is read ahead for after its last request, and one reading may take.
_VIEW_LASTS_S = 5.0
_READING_LASTS_S = 10.0
#: How long to let requests go first before looking again.
_PAUSE_S = 0.01

_View = tuple[str, int]
_Step = tuple[tuple[PlaneIndex, ...], SourceArea]


@dataclass(frozen=True)
class _Plan:
    viewer: Viewer
    info: ImageInfo
    steps: tuple[_Step, ...]
    until_s: float


class ReadAhead:
    """Reads ahead for the viewers of one server, one reading at a time.

    `tiles` = how many tiles away from the last one, `sections` = how many sections on, in z and
    in t; with both 0 it does nothing. `max_bytes` = the most that one reading may bring.
    """

    def __init__(
        self, source: BlitzSource, raw: RawTiles, tiles: int, sections: int, max_bytes: int
    ) -> None:
        self._source = source
        self._raw = raw
        self._tiles = tiles
        self._sections = sections
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._plans: OrderedDict[_View, _Plan] = OrderedDict()
        self._waiting = 0
        self._runs = False
        self.read = 0

    @contextlib.contextmanager
    def request_first(self) -> Iterator[None]:
        """Read nothing ahead while the body, a request's own reading, goes on."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def follow(
        self, viewer: Viewer, info: ImageInfo, planes: Sequence[PlaneIndex], area: SourceArea
    ) -> None:
        """Take note of what a viewer was just given, and read on from there."""
        if not planes or not (self._tiles or self._sections):
            return
        steps = tuple(self._steps(info, tuple(planes), area))
        plan = _Plan(viewer, info, steps, time.monotonic() + _VIEW_LASTS_S)
        view = (viewer.key, info.image_id)
        with self._lock:
            self._plans.pop(view, None)
            self._plans[view] = plan
            if len(self._plans) > _VIEWS_MAX:
                self._plans.popitem(last=False)
            starts, self._runs = not self._runs, True
        if starts:
            spawn(self._run)

    def close(self) -> None:
        """Forget what was to be read."""
        with self._lock:
            self._plans.clear()

    def _run(self) -> None:
        try:
            while (view := self._next_view()) is not None:
                plan = self._plans.get(view)
                if plan is not None:
                    self._carry_out(view, plan)
        except BaseException:
            # Nothing is known that raises; the next request starts another run.
            self._runs = False
            raise

    def _next_view(self) -> _View | None:
        """Give the view that was looked at last; without one, this run is over."""
        with self._lock:
            if self._plans:
                return next(reversed(self._plans))
            self._runs = False
            return None

    def _carry_out(self, view: _View, plan: _Plan) -> None:
        with contextlib.suppress(ServiceError):
            credentials = plan.viewer.credentials
            session = self._source.session(credentials, Deadline.after(_READING_LASTS_S))
            for planes, area in plan.steps:
                keys = {plane: plane_key(plan.info, area, plane) for plane in planes}
                missing = [plane for plane in planes if not self._raw.has(keys[plane])]
                if not missing:
                    continue
                if not self._may_read(view, plan):
                    break
                deadline = Deadline.after(_READING_LASTS_S)
                arrays = session.read_regions(plan.info, missing, area.level, area.region, deadline)
                wanted = [keys[plane] for plane in missing]
                self._raw.set_many(list(zip(wanted, arrays, strict=True)))
                self.read += len(arrays)
        with self._lock:
            if self._plans.get(view) is plan:
                del self._plans[view]

    def _may_read(self, view: _View, plan: _Plan) -> bool:
        """Let requests go first; tell whether the viewer is still where the plan was made."""
        while self._plans.get(view) is plan and time.monotonic() < plan.until_s:
            if not self._waiting:
                return True
            time.sleep(_PAUSE_S)
        return False

    def _steps(
        self, info: ImageInfo, planes: tuple[PlaneIndex, ...], area: SourceArea
    ) -> Iterator[_Step]:
        pixel_bytes = np.dtype(DTYPES[info.pixel_type]).itemsize
        if len(planes) * area.pixels * pixel_bytes > self._max_bytes:
            return
        for region in neighbours(area.region, info.levels[area.level], self._tiles):
            yield planes, SourceArea(area.level, region)
        at, count = planes[0], self._sections
        for z in range(at.z + 1, min(info.size_z, at.z + 1 + count)):
            yield tuple(replace(plane, z=z) for plane in planes), area
        for t in range(at.t + 1, min(info.size_t, at.t + 1 + count)):
            yield tuple(replace(plane, t=t) for plane in planes), area


def neighbours(tile: Region, size: tuple[int, int], distance: int) -> Iterator[Region]:
    """Give the tiles around one of a level's grid, the nearest first, cut off at the level's ends.

    None for a region that is no whole tile of a grid from the level's corner.
    """
    width, height = tile.width, tile.height
    if tile.x % width or tile.y % height or (width, height) == size:
        return
    offsets = [
        (dx, dy)
        for dx in range(-distance, distance + 1)
        for dy in range(-distance, distance + 1)
        if (dx, dy) != (0, 0)
    ]
    for dx, dy in sorted(offsets, key=lambda offset: offset[0] ** 2 + offset[1] ** 2):
        x, y = tile.x + dx * width, tile.y + dy * height
        if 0 <= x < size[0] and 0 <= y < size[1]:
            yield Region(x, y, width, height).clipped(*size)
