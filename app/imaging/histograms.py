"""Histograms of one channel of one plane, from a level that is small enough."""

import json
from typing import Any

import numpy as np

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.keys import digest, values_text
from app.imaging.levels import level_within, whole_level
from app.imaging.planes import read_planes, read_sampled
from app.imaging.projections import (
    AxisProjection,
    check_projection_bytes,
    project_channel,
    resolve_projection,
)
from app.metadata.image_data import pixel_range
from app.params import HistogramRequest
from app.pictures import PictureKey
from app.pipeline import cached, check_plane
from render.job import Histogram, HistogramJob
from render.values import ImageInfo, PlaneIndex


def count_values(call: Call, request: HistogramRequest) -> dict[str, Any]:
    """Give the counts per bin as `data`, and the range they were taken over as `min`, `max`.

    Counted in the largest level within the server's largest plane; an image without one is
    sampled evenly.
    """
    info = call.image_info(request.image_id)
    check_plane(info, request.z, request.t, request.channel)
    server = call.session.server_settings(call.deadline)
    level, stride = level_within(info, (server.max_plane_width, server.max_plane_height))
    area = whole_level(info, level)
    projection = resolve_projection(info, request.projection)
    plane = PlaneIndex(request.z, request.channel, request.t)
    stats = info.channels[request.channel].stats
    low, high = pixel_range(info.pixel_type)
    value_range = (float(low), float(high)) if request.whole_range else None
    key = digest(
        values_text(
            call.parts.source_name,
            info,
            area,
            [plane],
            projection,
            ("histogram", request.bins, stride, value_range or stats),
        )
    )

    def count() -> bytes:
        histogram: Histogram = call.work(
            HistogramJob(
                plane=_read_plane(call, info, plane, area, stride, projection),
                pixel_type=info.pixel_type,
                stats=stats,
                bins=request.bins,
                value_range=value_range,
            )
        )
        told = {"data": list(histogram.counts), "min": histogram.low, "max": histogram.high}
        # Of floats, an end can be infinite, which Python reads as it writes it.
        return json.dumps(told).encode()

    return json.loads(cached(call, PictureKey(info.image_id, key, "json"), count))


def _read_plane(
    call: Call,
    info: ImageInfo,
    plane: PlaneIndex,
    area: SourceArea,
    stride: int,
    projection: AxisProjection | None,
) -> np.ndarray:
    if projection is not None:
        check_projection_bytes(call, info, projection, 1, area)
        return project_channel(call, info, projection, plane, area)
    if stride > 1:
        return read_sampled(call, info, plane, area.level, stride)
    return read_planes(call, info, [plane], area)[0]
