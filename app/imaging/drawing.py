"""All that determines a picture's bytes, and the reading of the planes that it is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.effective import EffectiveSettings
from app.imaging.keys import picture_text
from app.imaging.planes import read_planes, read_sampled
from app.imaging.projections import AxisProjection, check_projection_bytes, project_channel
from app.params import Orientation
from render.engine.composite import needed_channels
from render.job import Finish, RenderJob
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

    @property
    def finish(self) -> Finish:
        """Give what is done with the picture after it was drawn."""
        turned = self.orientation
        return Finish(
            encoding=self.encoding,
            size=self.size,
            flip_horizontal=turned.flip_horizontal,
            flip_vertical=turned.flip_vertical,
            rotation=turned.rotation,
        )

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Give the (width, height) that is drawn, before it is finished."""
        region = self.area.region
        return -(-region.width // self.stride), -(-region.height // self.stride)


def drawing_text(
    call: Call, drawing: Drawing, purpose: Iterable[object] = (), at_source: bool = False
) -> str:
    """Give the canonical text of a drawing; `purpose` tells what else is done with it."""
    return picture_text(
        call.parts.source_name,
        drawing.info,
        drawing.settings,
        drawing.area,
        drawing.z,
        drawing.t,
        drawing.projection,
        drawing.orientation,
        drawing.encoding,
        purpose,
        at_source,
    )


def render_job(call: Call, drawing: Drawing) -> RenderJob:
    """Read the raw planes of the channels that are drawn, and give the job that draws them."""
    info, definition, finish = drawing.info, drawing.settings.definition, drawing.finish
    needed = needed_channels(definition)
    planes = dict(zip(needed, read_channels(call, drawing, needed), strict=True))
    width, height = drawing.drawn_size
    return RenderJob(
        planes=tuple(planes.get(c) for c in range(info.size_c)),
        pixel_type=info.pixel_type,
        definition=definition,
        significant_bits=info.significant_bits,
        stats=tuple(channel.stats for channel in info.channels),
        luts=drawing.settings.luts,
        shape=(height, width),
        encoding=finish.encoding,
        size=finish.size,
        flip_horizontal=finish.flip_horizontal,
        flip_vertical=finish.flip_vertical,
        rotation=finish.rotation,
    )


def read_channels(call: Call, drawing: Drawing, channels: Sequence[int]) -> list[np.ndarray]:
    """Read one plane per channel, its projection, or every `stride`-th pixel of it."""
    info, area, projection = drawing.info, drawing.area, drawing.projection
    planes = [PlaneIndex(drawing.z, c, drawing.t) for c in channels]
    if projection is None:
        if drawing.stride > 1:
            return [read_sampled(call, info, plane, area.level, drawing.stride) for plane in planes]
        arrays = read_planes(call, info, planes, area)
        call.parts.read_ahead.follow(call.viewer, info, planes, area)
        return arrays
    check_projection_bytes(call, info, projection, len(channels), area)
    return [project_channel(call, info, projection, plane, area) for plane in planes]
