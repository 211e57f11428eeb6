"""Regions of large images for OMERO.figure: at the level that is large enough, padded outside."""

import math

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.drawing import Drawing, drawing_text, render_job
from app.imaging.effective import stored_definition
from app.imaging.keys import digest
from app.imaging.projections import resolve_projection
from app.parsing.figure_params import ScaledRegionRequest
from app.pipeline import ClientHas, Picture, check_plane, filled, settings_of
from render.engine.encode import CONTENT_TYPES
from render.errors import RegionOutside, TooLarge
from render.framed import FramedJob
from render.values import ImageInfo, Region

_NOTHING = Region(0, 0, 0, 0)


def render_scaled_region(
    call: Call, request: ScaledRegionRequest, client_has: ClientHas
) -> Picture:
    """Draw a frame around a part of the image; what lies outside is light grey.

    Raises the errors of `render.errors` only.
    """
    wanted = request.picture
    info = call.image_info(wanted.image_id)
    stored = stored_definition(call, info)
    z = stored.default_z if wanted.z is None else wanted.z
    t = stored.default_t if wanted.t is None else wanted.t
    check_plane(info, z, t)
    level, frame = frame_of(info, request)
    if frame.width * frame.height > call.settings.max_output_pixels:
        raise TooLarge(
            f"the region is {frame.width} x {frame.height} pixels at its level, more than "
            f"{call.settings.max_output_pixels} (setting max_output_pixels)",
            parameter="region",
        )
    inside = _inside(frame, info.levels[level])
    projection = resolve_projection(info, wanted.projection)
    drawing = Drawing(
        info,
        settings_of(call, info, stored, wanted, z, t, projection),
        SourceArea(level, inside or _NOTHING),
        z,
        t,
        projection,
        wanted.orientation,
        wanted.encoding,
    )
    purpose = ("framed", frame.x, frame.y, frame.width, frame.height)
    key = digest(drawing_text(call, drawing, purpose))

    def draw() -> bytes:
        corner = (0, 0) if inside is None else (inside.x - frame.x, inside.y - frame.y)
        return call.work(
            FramedJob(
                None if inside is None else render_job(call, drawing),
                (frame.width, frame.height),
                corner,
                drawing.encoding,
            )
        )

    picture = Picture(
        None,
        CONTENT_TYPES[wanted.encoding.format],
        key,
        wanted.settings.complete,
        drawing.settings.warnings,
    )
    return filled(call, picture, client_has, draw, info.image_id)


def frame_of(info: ImageInfo, request: ScaledRegionRequest) -> tuple[int, Region]:
    """Give the level that is drawn, and the frame in its pixels.

    The finest at which the longer side is below the longest that is wanted, else the smallest.
    """
    longest = max(request.width, request.height)
    scales = [width / info.size_x for width, _ in info.levels]
    fitting = (i for i, scale in enumerate(scales) if scale * longest < request.longest_side)
    level = next(fitting, len(scales) - 1)
    scale = scales[level]
    return level, Region(
        math.floor(request.x * scale),
        math.floor(request.y * scale),
        max(1, int(request.width * scale)),
        max(1, int(request.height * scale)),
    )


def _inside(frame: Region, size: tuple[int, int]) -> Region | None:
    try:
        return frame.clipped(*size)
    except RegionOutside:
        return None
