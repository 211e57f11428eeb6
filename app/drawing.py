"""All that determines a picture's bytes, and the reading of the planes that it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.areas import SourceArea
from app.call import Call
from app.effective import EffectiveSettings
from app.params import Orientation
from app.planes import read_planes, read_sampled
from app.projections import AxisProjection, check_projection_bytes, project_channel
from render.engine.composite import needed_channels
from render.job import RenderJob
from render.values import Encoding, ImageInfo, PlaneIndex


@dataclass(frozen=True)
class Drawing:
    """All that determines a picture's bytes.

    `size` = scaled to that (width, height). `stride` above 1 = made of every `stride`-th pixel
    of a whole plane each way.
    """

    info: ImageInfo
    settings: EffectiveSettings
    area: SourceArea
    z: int
    t: int
    projection: AxisProjection | None
    orientation: Orientation
    encoding: Encoding
    size: tuple[int, int] | None = None
    stride: int = 1


def render_job(call: Call, drawing: Drawing) -> RenderJob:
    """Read the raw planes of the channels that are drawn, and give the job that draws them."""
    info, definition, turned = drawing.info, drawing.settings.definition, drawing.orientation
    needed = needed_channels(definition)
    planes = dict(zip(needed, read_channels(call, drawing, needed), strict=True))
    region, stride = drawing.area.region, drawing.stride
    return RenderJob(
        planes=tuple(planes.get(c) for c in range(info.size_c)),
        pixel_type=info.pixel_type,
        definition=definition,
        significant_bits=info.significant_bits,
        stats=tuple(channel.stats for channel in info.channels),
        luts=drawing.settings.luts,
        encoding=drawing.encoding,
        shape=(-(-region.height // stride), -(-region.width // stride)),
        size=drawing.size,
        flip_horizontal=turned.flip_horizontal,
        flip_vertical=turned.flip_vertical,
        rotation=turned.rotation,
    )


def read_channels(call: Call, drawing: Drawing, channels: Sequence[int]) -> list[np.ndarray]:
    """Read one plane per channel, its projection, or every `stride`-th pixel of it."""
    info, area, projection = drawing.info, drawing.area, drawing.projection
    planes = [PlaneIndex(drawing.z, c, drawing.t) for c in channels]
    if projection is None:
        if drawing.stride > 1:
            return [read_sampled(call, info, plane, area.level, drawing.stride) for plane in planes]
        return read_planes(call, info, planes, area)
    check_projection_bytes(call, info, projection, len(channels), area)
    return [project_channel(call, info, projection, plane, area) for plane in planes]
