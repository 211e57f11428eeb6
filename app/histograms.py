"""Histograms of one channel of one plane, from a level that is small enough."""

from typing import Any

import numpy as np

from app.call import Call
from app.image_data import pixel_range
from app.levels import level_within, whole_level
from app.params import HistogramRequest
from app.pipeline import check_plane
from app.planes import read_planes, read_sampled
from app.projections import check_projection_bytes, project_channel, resolve_projection
from render.job import Histogram, HistogramJob
from render.values import ImageInfo, PlaneIndex


def count_values(call: Call, request: HistogramRequest) -> dict[str, Any]:
    """Give the counts per bin as `data`, and the range they were taken over as `min`, `max`.

    Counted in the largest level within the server's largest plane; an image without one is
    sampled evenly.
    """
    info = call.image_info(request.image_id)
    check_plane(info, request.z, request.t, request.channel)
    plane = _read_plane(call, info, request)
    low, high = pixel_range(info.pixel_type)
    histogram: Histogram = call.work(
        HistogramJob(
            plane=plane,
            pixel_type=info.pixel_type,
            stats=info.channels[request.channel].stats,
            bins=request.bins,
            value_range=(float(low), float(high)) if request.whole_range else None,
        )
    )
    return {"data": list(histogram.counts), "min": histogram.low, "max": histogram.high}


def _read_plane(call: Call, info: ImageInfo, request: HistogramRequest) -> np.ndarray:
    server = call.session.server_settings(call.deadline)
    limits = (server.max_plane_width, server.max_plane_height)
    level, stride = level_within(info, limits)
    area = whole_level(info, level)
    projection = resolve_projection(info, request.projection)
    plane = PlaneIndex(request.z, request.channel, request.t)
    if projection is not None:
        check_projection_bytes(call, info, projection, 1, area)
        return project_channel(call, info, projection, plane, area)
    if stride > 1:
        return read_sampled(call, info, plane, level, stride)
    return read_planes(call, info, [plane], area)[0]
