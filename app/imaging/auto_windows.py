"""Windows by percentile, for channels that the URL gives none.

They follow from a whole plane or image, never from the area that is drawn: all tiles of a view
have the same window.
"""

from dataclasses import dataclass

import numpy as np

from app.call import Call
from app.imaging.levels import level_within, whole_level
from app.imaging.planes import read_planes, read_sampled
from app.imaging.projections import AxisProjection, check_projection_bytes, project_channel
from app.parsing.adjustments import AutoRequest, AutoScope
from render.job import WindowJob
from render.values import ImageInfo, PlaneIndex, Window

#: Longest side of a plane that is looked at; a larger one is looked at in a smaller level.
_PLANE_SIDE = 2048
#: The same, and the number of planes, where planes stand for an image.
_IMAGE_SIDE = 512
_IMAGE_PLANES = 16


@dataclass(frozen=True)
class AutoWindows:
    """Finds the windows of one picture: of a plane, its projection, or the whole image."""

    call: Call
    info: ImageInfo
    request: AutoRequest
    z: int
    t: int
    projection: AxisProjection | None

    def window(self, channel: int) -> Window:
        """Give a channel's window; what comes of it is remembered."""
        known = self.call.parts.windows
        key = self._key(channel)
        window = known.get(key)
        if window is None:
            window = self.call.once(("window", key), lambda: self._find(channel), "read")
            known.set(key, window)
        return window

    def _key(self, channel: int) -> tuple[object, ...]:
        at = PlaneIndex(self.z, channel, self.t)
        projection = self.projection
        if self.request.scope is AutoScope.IMAGE:
            at = PlaneIndex(0, channel, 0)
        elif projection is not None:
            at = projection.normalized(at)
        return (self.info.pixels_id, self.info.pixels_version, self.request, at, projection)

    def _find(self, channel: int) -> Window:
        job = WindowJob(
            self._planes(channel),
            self.info.pixel_type,
            self.request.low_percent,
            self.request.high_percent,
        )
        return self.call.work(job)

    def _planes(self, channel: int) -> list[np.ndarray]:
        at = PlaneIndex(self.z, channel, self.t)
        if self.request.scope is AutoScope.PLANE:
            return [self._plane(at, _PLANE_SIDE)]
        return [self._plane(plane, _IMAGE_SIDE) for plane in sampled_planes(self.info, channel)]

    def _plane(self, at: PlaneIndex, side: int) -> np.ndarray:
        call, info = self.call, self.info
        level, stride = level_within(info, (side, side))
        area = whole_level(info, level)
        if self.projection is not None:
            check_projection_bytes(call, info, self.projection, 1, area)
            return project_channel(call, info, self.projection, at, area)
        if stride == 1 and len(info.levels) == 1 and self.request.scope is AutoScope.PLANE:
            # The picture needs it, too.
            return read_planes(call, info, [at], area)[0]
        return read_sampled(call, info, at, level, stride)


def sampled_planes(info: ImageInfo, channel: int) -> list[PlaneIndex]:
    """Give up to 16 planes of a channel that lie evenly in its sections and timepoints."""
    count = info.size_z * info.size_t
    taken = min(count, _IMAGE_PLANES)
    # The middle of each of so many equal parts.
    indices = [(2 * part + 1) * count // (2 * taken) for part in range(taken)]
    return [PlaneIndex(index % info.size_z, channel, index // info.size_z) for index in indices]
