"""Which pictures the source draws itself, when the render worker lets it, and the job for that.

What it cannot draw just as we do is drawn by our own engine (docs/rendering.md tells what).
"""

from app.call import Call
from app.imaging.drawing import Drawing
from app.imaging.projections import AxisProjection, check_projection_bytes
from render.engine.composite import needed_channels
from render.values import Projection, ProjectionKind, Region
from render.workers.server import RemoteRender

#: A projection comes in one message, which routers limit: 32 MiB at 4 bytes per pixel.
_MOST_PROJECTED_PIXELS = 8 * 1024**2


def is_drawn_at_source(call: Call, drawing: Drawing) -> bool:
    """Tell whether the source draws the picture."""
    return (
        call.parts.worker.renders_at_source
        and drawing.stride == 1
        and bool(needed_channels(drawing.settings.definition))
        and (drawing.projection is None or _can_project(drawing, drawing.projection))
    )


def draw_at_source(call: Call, drawing: Drawing) -> bytes:
    """Have the source draw a picture of which `is_drawn_at_source` is true."""
    info, definition, projection = drawing.info, drawing.settings.definition, drawing.projection
    if projection is not None:
        channels = len(needed_channels(definition))
        check_projection_bytes(call, info, projection, channels, drawing.area)
    call.fetches += 1
    return call.work(
        RemoteRender(
            call.viewer.credentials,
            info,
            definition,
            drawing.z,
            drawing.t,
            drawing.area.level,
            drawing.area.region,
            None if projection is None else _server_projection(projection),
            drawing.finish,
        )
    )


def _can_project(drawing: Drawing, projection: AxisProjection) -> bool:
    info, area = drawing.info, drawing.area
    return (
        projection.axis == "z"
        and not projection.untouched
        and not projection.inclusive
        and area.level == 0
        and area.region == Region(0, 0, info.size_x, info.size_y)
        and area.pixels <= _MOST_PROJECTED_PIXELS
    )


def _server_projection(projection: AxisProjection) -> Projection:
    """Name the same sections as the server does, which leaves out the last of a mean or sum."""
    sections = projection.sections
    last = sections.stop - 1 if projection.kind is ProjectionKind.MAXIMUM else sections.stop
    return Projection(projection.kind, sections.start, last)
