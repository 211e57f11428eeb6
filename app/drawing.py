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
