"""Thumbnails: from the smallest level that is large enough, under stored settings."""

from app.call import Call
from app.icons import missing_icon, waiting_icon
from app.imaging.areas import SourceArea
from app.imaging.drawing import Drawing
from app.imaging.effective import effective_settings, stored_definition
from app.imaging.levels import Size, fitted_size, sufficient_level, sufficient_stride
from app.params import Orientation, SettingsRequest, ThumbnailRequest
from app.pipeline import (
    ClientHas,
    Picture,
    check_plane,
    client_has_nothing,
    picture_of,
    remember,
)
from render.errors import Forbidden, NotFound, RenderFailed, SourceFailed, SourceNotReady, TooLarge
from render.values import Encoding, ImageInfo, Region, RenderingDefinition

#: OMERO's own thumbnails have this quality whatever is asked for.
_ENCODING = Encoding("jpeg", 0.85)
_DEFAULT_SIDE = 96


def render_thumbnail(
    call: Call,
    request: ThumbnailRequest,
    client_has: ClientHas = client_has_nothing,
    url: str = "",
) -> Picture:
    """Draw a thumbnail, or a clock while the server still makes the image's pyramid.

    What `url` came to is remembered for `app.pipeline.remembered_picture`. Raises the errors of
    `render.errors` only.
    """
    try:
        return _drawn(call, request, client_has, url)
    except SourceNotReady:
        return waiting_icon(_side(call, request))


def render_thumbnail_or_icon(
    call: Call,
    request: ThumbnailRequest,
    client_has: ClientHas = client_has_nothing,
    url: str = "",
) -> Picture:
    """Draw a thumbnail, or an icon of its size where there is none to see."""
    try:
        return render_thumbnail(call, request, client_has, url)
    except (NotFound, Forbidden, TooLarge, SourceFailed, RenderFailed):
        return missing_icon(_side(call, request), client_has)


def _drawn(call: Call, request: ThumbnailRequest, client_has: ClientHas, url: str) -> Picture:
    info = call.image_info(request.image_id)
    stored = _definition(call, info, request.rdef_id)
    z = stored.default_z if request.z is None else request.z
    t = stored.default_t if request.t is None else request.t
    check_plane(info, z, t)
    size = _size(call, info, request)
    if size[0] * size[1] > call.settings.max_output_pixels:
        raise TooLarge(
            f"a thumbnail of {size[0]} x {size[1]} pixels is more than "
            f"{call.settings.max_output_pixels} pixels (setting max_output_pixels)"
        )
    level = sufficient_level(info.levels, size)
    width, height = info.levels[level]
    drawing = Drawing(
        info,
        effective_settings(call, stored, SettingsRequest()),
        SourceArea(level, Region(0, 0, width, height)),
        z,
        t,
        None,
        Orientation(),
        _ENCODING,
        size,
        sufficient_stride((width, height), size),
    )
    picture = picture_of(call, drawing, client_has, complete=False)
    if request.rdef_id is None:
        # Other settings than those of the image's info can change without it.
        remember(call, url, drawing, picture)
    return picture


def _definition(call: Call, info: ImageInfo, rdef_id: int | None) -> RenderingDefinition:
    stored = stored_definition(call, info)
    if rdef_id is None or stored.rdef_id == rdef_id:
        return stored
    return call.session.rendering_definition(info, rdef_id, call.deadline)


def _size(call: Call, info: ImageInfo, request: ThumbnailRequest) -> Size:
    """Give the size that is asked for, at least 1 x 1: exact, or by the longest side."""
    if request.width is not None and request.height is not None:
        return max(1, request.width), max(1, request.height)
    return fitted_size(info.size_x, info.size_y, _side(call, request))


def _side(call: Call, request: ThumbnailRequest) -> int:
    return _default_side(call) if request.width is None else max(1, request.width)


def _default_side(call: Call) -> int:
    if call.settings.thumbnail_default_side is not None:
        return call.settings.thumbnail_default_side
    server = call.session.server_settings(call.deadline)
    text = server.client.get("browser.thumb_default_size", "")
    side = int(text) if text.isascii() and text.isdigit() else _DEFAULT_SIDE
    return side if 0 < side <= 4096 else _DEFAULT_SIDE
