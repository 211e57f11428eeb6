"""Statistics of the stored values under shapes, as OMERO.iviewer asks for them."""

from collections.abc import Iterator
from typing import Any

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.planes import bytes_per_pixel, read_planes
from app.parsing.iviewer_params import ShapeStatsRequest
from app.pipeline import check_plane
from render.engine.moments import Moments
from render.errors import NotFound, RegionOutside, TooLarge
from render.shape_pictures import box_of
from render.shape_stats import ShapeStatsJob
from render.shapes import Shape
from render.values import ImageInfo, PlaneIndex, Region

#: What is read at a time of the pixels under one shape.
_BAND_BYTES = 8 * 1024**2


def describe_shape_stats(call: Call, request: ShapeStatsRequest) -> dict[str, Any]:
    """Give the statistics of channels by shape id.

    Raises NotFound for a shape that is missing or invisible, and where it lies on no plane of its
    image; TooLarge where more than `max_statistics_bytes` would have to be read.
    """
    with call.steps.step("info"):
        shapes = call.session.shapes(request.shape_ids, call.deadline)
    missing = set(request.shape_ids) - {shape.id for shape in shapes}
    if missing:
        raise NotFound(f"there is no shape {min(missing)} that is visible to you")
    parts = [(shape, call.image_info(shape.image_id)) for shape in shapes]
    needed = 0
    for shape, info in parts:
        region, channels = _region(shape, info), _channels(info, request)
        if region is not None:
            needed += region.width * region.height * len(channels) * bytes_per_pixel(info)
    if needed > call.settings.max_statistics_bytes:
        raise TooLarge(
            f"this needs {needed} bytes of raw pixels; at most "
            f"{call.settings.max_statistics_bytes} are allowed (setting max_statistics_bytes)"
        )
    return {str(shape.id): _of_shape(call, shape, info, request) for shape, info in parts}


def _of_shape(
    call: Call, shape: Shape, info: ImageInfo, request: ShapeStatsRequest
) -> list[dict[str, Any]]:
    z = request.z if shape.z is None else shape.z
    t = request.t if shape.t is None else shape.t
    channels = _channels(info, request)
    for channel in channels:
        check_plane(info, z, t, channel)
    planes = [PlaneIndex(z, channel, t) for channel in channels]
    found = [Moments() for _ in channels]
    for region in _bands(_region(shape, info), bytes_per_pixel(info) * len(planes)):
        arrays = read_planes(call, info, planes, SourceArea(0, region))
        part: tuple[Moments, ...] = call.work(ShapeStatsJob(shape, region, arrays))
        found = [one.plus(other) for one, other in zip(found, part, strict=True)]
    return [_told(index, one) for index, one in zip(channels, found, strict=True)]


def _channels(info: ImageInfo, request: ShapeStatsRequest) -> tuple[int, ...]:
    return request.channels or tuple(range(info.size_c))


def _region(shape: Shape, info: ImageInfo) -> Region | None:
    """Give the part of the image that a shape lies in; None when it lies outside."""
    box = box_of(shape)
    try:
        return None if box is None else box.clipped(info.size_x, info.size_y)
    except RegionOutside:
        return None


def _bands(region: Region | None, bytes_per_place: int) -> Iterator[Region]:
    if region is None:
        return
    rows = max(1, _BAND_BYTES // (region.width * bytes_per_place))
    end = region.y + region.height
    for y in range(region.y, end, rows):
        yield Region(region.x, y, region.width, min(rows, end - y))


def _told(index: int, found: Moments) -> dict[str, Any]:
    known = found.count > 0
    return {
        "index": index,
        "points": found.points,
        "min": found.low if known else None,
        "max": found.high if known else None,
        "sum": found.total,
        "mean": found.mean,
        "std_dev": found.deviation,
    }
