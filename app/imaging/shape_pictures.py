"""Thumbnails of regions of interest and their shapes, and the pictures of masks."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.drawing import Drawing, drawing_text, render_job
from app.imaging.effective import stored_definition
from app.imaging.keys import digest
from app.params import Orientation
from app.parsing.shape_params import MaskRequest, ShapeThumbnailRequest
from app.pipeline import ClientHas, Picture, check_plane, filled, settings_of
from render.engine import frame as frames
from render.engine.encode import CONTENT_TYPES
from render.errors import NotFound, RegionOutside, TooLarge
from render.job import RENDERER_VERSION
from render.shape_pictures import CardJob, MaskJob, ShapeThumbnailJob, frame_of, mask_size
from render.shapes import Label, Mask, Shape
from render.values import Color, Region

#: What a mask is shown in that has no colour of its own.
_YELLOW = Color(255, 255, 0, 255)
_NOTHING = Region(0, 0, 0, 0)


def render_roi_thumbnail(
    call: Call, roi_id: int, request: ShapeThumbnailRequest, client_has: ClientHas
) -> Picture:
    """Draw the shape that stands for a region of interest, in the image around it."""
    with call.steps.step("info"):
        roi = call.session.roi(roi_id, call.deadline)
    if not roi.shapes:
        raise NotFound(f"region {roi_id} has no shapes")
    stored = stored_definition(call, call.image_info(roi.image_id))
    shape = chosen_shape(roi.shapes, stored.default_z, stored.default_t)
    return _thumbnail(call, shape, request, client_has)


def render_shape_thumbnail(
    call: Call, shape_id: int, request: ShapeThumbnailRequest, client_has: ClientHas
) -> Picture:
    """Draw a shape in the image around it."""
    return _thumbnail(call, _shape(call, shape_id), request, client_has)


def render_shape_mask(
    call: Call, shape_id: int, request: MaskRequest, client_has: ClientHas
) -> Picture:
    """Draw a mask alone, see-through where it is not set."""
    shape = _shape(call, shape_id)
    mask, turned = shape.geometry, request.orientation
    if not isinstance(mask, Mask):
        raise NotFound(f"shape {shape_id} is no mask")
    _check_mask(call, mask)
    color = request.color or shape.fill_color or _YELLOW
    key = digest(f"mask {RENDERER_VERSION} {_shape_digest(shape)} {color} {turned}")
    job = MaskJob(mask, color, turned.flip_horizontal, turned.flip_vertical, turned.rotation)
    picture = Picture(None, "image/png", key)
    return filled(call, picture, client_has, partial(call.work, job), shape.image_id)


def chosen_shape(shapes: Sequence[Shape], default_z: int, default_t: int) -> Shape:
    """Give the shape that stands for all: as OMERO.web chooses, by the image's default plane."""
    at_time = [shape for shape in shapes if shape.t in (None, default_t)]
    if len(at_time) == 1:
        return at_time[0]
    at_section = (shape for shape in at_time if shape.z in (None, default_z))
    return next(at_section, shapes[0])


def _thumbnail(
    call: Call, shape: Shape, request: ShapeThumbnailRequest, client_has: ClientHas
) -> Picture:
    frame = frame_of(shape)
    if isinstance(shape.geometry, Mask):
        _check_mask(call, shape.geometry)
    wanted = request.picture
    info = call.image_info(shape.image_id)
    stored = stored_definition(call, info)
    z = stored.default_z if shape.z is None else shape.z
    t = stored.default_t if shape.t is None else shape.t
    check_plane(info, z, t)
    level = frames.frame_level(frame, info.levels)
    canvas = frames.frame_at_level(frame, info.levels[0], info.levels[level])
    media_type = CONTENT_TYPES[wanted.encoding.format]
    server = call.session.server_settings(call.deadline)
    if canvas.width > server.max_plane_width or canvas.height > server.max_plane_height:
        card = Picture(None, media_type, digest(f"card {RENDERER_VERSION} {wanted.encoding}"))
        job = CardJob(wanted.encoding)
        return filled(call, card, client_has, partial(call.work, job), info.image_id)
    inside = _inside(canvas, info.levels[level])
    drawing = Drawing(
        info,
        settings_of(call, info, stored, wanted, z, t, None),
        SourceArea(level, inside or _NOTHING),
        z,
        t,
        None,
        Orientation(),
        wanted.encoding,
    )
    purpose = ("shape", _shape_digest(shape), *request.color)
    key = digest(drawing_text(call, drawing, purpose))

    def draw() -> bytes:
        return call.work(
            ShapeThumbnailJob(
                shape=shape,
                frame=frame,
                picture=None if inside is None else render_job(call, drawing),
                canvas=(canvas.width, canvas.height),
                corner=(0, 0) if inside is None else (inside.x - canvas.x, inside.y - canvas.y),
                color=request.color,
                encoding=drawing.encoding,
            )
        )

    picture = Picture(None, media_type, key, warnings=drawing.settings.warnings)
    return filled(call, picture, client_has, draw, info.image_id, "thumbnails")


def _shape(call: Call, shape_id: int) -> Shape:
    with call.steps.step("info"):
        return call.session.shape(shape_id, call.deadline)


def _inside(region: Region, size: tuple[int, int]) -> Region | None:
    try:
        return region.clipped(*size)
    except RegionOutside:
        return None


def _check_mask(call: Call, mask: Mask) -> None:
    width, height = mask_size(mask)
    limit = call.settings.max_output_pixels
    if width * height > limit:
        raise TooLarge(
            f"the mask has {width} x {height} pixels, more than {limit} (setting max_output_pixels)"
        )


def _shape_digest(shape: Shape) -> str:
    """Tell all of a shape that is drawn."""
    state = hashlib.blake2b(digest_size=16)
    geometry = shape.geometry
    if isinstance(geometry, Mask):
        state.update(geometry.bits)
        geometry = replace(geometry, bits=b"")
    text = shape.text if isinstance(geometry, Label) else None
    state.update(repr((geometry, shape.transform, text)).encode())
    return state.hexdigest()
