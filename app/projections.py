"""Projections over z: of whole planes, regions and tiles, section by section."""

from dataclasses import dataclass

import numpy as np

from app.areas import SourceArea
from app.call import Call
from app.params import ProjectionRequest
from app.planes import bytes_per_pixel, remember_plane
from render.engine.projection import plan
from render.errors import TooLarge
from render.job import ProjectJob
from render.values import ImageInfo, PlaneIndex, Projection, ProjectionKind

#: Sections that are asked for together, so that the source is not idle while they are added up.
_SECTIONS_AT_A_TIME = 4


@dataclass(frozen=True)
class ZProjection:
    """A projection of one image: which sections are read, and what is kept of their values."""

    projection: Projection
    inclusive: bool
    sections: range

    @property
    def kind(self) -> ProjectionKind:
        """Give what is kept."""
        return self.projection.kind


def resolve_projection(info: ImageInfo, request: ProjectionRequest | None) -> ZProjection | None:
    """Fit a request to the image's sections: ends outside are pulled in, reversed ones turned."""
    if request is None:
        return None
    start = 0 if request.start is None else request.start
    end = info.size_z - 1 if request.end is None else request.end
    projection = Projection(request.kind, start, end)
    sections = plan(projection, info.pixel_type, info.size_z, inclusive=request.inclusive).sections
    return ZProjection(projection, request.inclusive, sections)


def check_projection_bytes(
    call: Call, info: ImageInfo, projection: ZProjection, channels: int, area: SourceArea
) -> None:
    """Raise TooLarge when so many channels would read more than `max_projection_bytes`."""
    sections = len(projection.sections)
    needed = sections * channels * area.pixels * bytes_per_pixel(info)
    if needed > call.settings.max_projection_bytes:
        raise TooLarge(
            f"projecting {sections} sections of {channels} channels reads {needed} bytes; at most "
            f"{call.settings.max_projection_bytes} are allowed (setting max_projection_bytes)",
            parameter="p",
        )


def project_channel(
    call: Call, info: ImageInfo, projection: ZProjection, c: int, t: int, area: SourceArea
) -> np.ndarray:
    """Give the projection of one channel's area, big-endian in the pixels' own type."""
    key = (info.pixels_id, info.pixels_version, area, projection, c, t)
    known = call.parts.raw_planes.get(key)
    if known is not None:
        return known
    planned = plan(
        projection.projection, info.pixel_type, info.size_z, inclusive=projection.inclusive
    )
    accumulator, sections = planned.accumulator, list(planned.sections)
    for first in range(0, len(sections), _SECTIONS_AT_A_TIME):
        planes = [PlaneIndex(z, c, t) for z in sections[first : first + _SECTIONS_AT_A_TIME]]
        call.fetches += 1
        with call.steps.step("read"):
            arrays = call.session.read_regions(info, planes, area.level, area.region, call.deadline)
        accumulator = call.work(ProjectJob(accumulator, arrays))
    projected = accumulator.result((area.region.height, area.region.width))
    remember_plane(call, key, projected)
    return projected
