"""Projections over z or t: of whole planes, regions and tiles, section by section."""

from dataclasses import dataclass, replace

import numpy as np

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.planes import bytes_per_pixel, remember_planes
from app.params import ProjectionRequest
from render.engine.projection import SingleSection, plan
from render.errors import TooLarge
from render.job import ProjectJob
from render.values import ImageInfo, PlaneIndex, Projection, ProjectionKind

#: Sections that are asked for together, so that the source is not idle while they are added up.
_SECTIONS_AT_A_TIME = 4


@dataclass(frozen=True)
class AxisProjection:
    """A projection of one image: which sections are read, and what is kept of their values.

    `sections` are indices along `axis`, z or t. `untouched` = the one section as it is, without
    the arithmetic, which would cut large values off.
    """

    projection: Projection
    inclusive: bool
    sections: range
    axis: str = "z"
    untouched: bool = False

    @property
    def kind(self) -> ProjectionKind:
        """Give what is kept."""
        return self.projection.kind

    def plane(self, at: PlaneIndex, section: int) -> PlaneIndex:
        """Give the plane that is read for one section of the projection at a plane."""
        if self.axis == "z":
            return replace(at, z=section)
        return replace(at, t=section)

    def normalized(self, at: PlaneIndex) -> PlaneIndex:
        """Give the plane that stands for all whose projection is the same."""
        return self.plane(at, 0)


def resolve_projection(info: ImageInfo, request: ProjectionRequest | None) -> AxisProjection | None:
    """Fit a request to the image's sections: ends outside are pulled in, reversed ones turned."""
    if request is None:
        return None
    count = info.size_z if request.axis == "z" else info.size_t
    start = 0 if request.start is None else request.start
    end = count - 1 if request.end is None else request.end
    projection = Projection(request.kind, start, end)
    planned = plan(projection, info.pixel_type, count, inclusive=request.inclusive)
    untouched = isinstance(planned.accumulator, SingleSection)
    return AxisProjection(projection, request.inclusive, planned.sections, request.axis, untouched)


def check_projection_bytes(
    call: Call, info: ImageInfo, projection: AxisProjection, channels: int, area: SourceArea
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
    call: Call, info: ImageInfo, projection: AxisProjection, at: PlaneIndex, area: SourceArea
) -> np.ndarray:
    """Give the projection of one channel's area, big-endian in the pixels' own type.

    Of `at` the channel counts, and the index along the other axis.
    """
    key = (
        *(info.pixels_id, info.pixels_version, area),
        *(projection.kind, projection.sections, projection.untouched),
        *(projection.axis, projection.normalized(at)),
    )
    known = call.parts.raw_planes.get(key)
    if known is not None:
        return known
    count = info.size_z if projection.axis == "z" else info.size_t
    planned = plan(projection.projection, info.pixel_type, count, inclusive=projection.inclusive)
    accumulator, sections = planned.accumulator, list(planned.sections)
    for first in range(0, len(sections), _SECTIONS_AT_A_TIME):
        group = sections[first : first + _SECTIONS_AT_A_TIME]
        planes = [projection.plane(at, section) for section in group]
        call.fetches += 1
        with call.steps.step("read"), call.parts.read_ahead.request_first():
            arrays = call.session.read_regions(info, planes, area.level, area.region, call.deadline)
        accumulator = call.work(ProjectJob(accumulator, arrays))
    projected = accumulator.result((area.region.height, area.region.width))
    remember_planes(call, [key], [projected])
    return projected
