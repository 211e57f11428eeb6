"""Thumbnails: from the smallest level that is large enough, under the stored settings."""

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from app.areas import SourceArea
from app.call import Call
from app.drawing import Drawing
from app.effective import effective_settings, stored_definition
from app.params import Orientation, Query, SettingsRequest, ThumbnailRequest, parse_thumbnail
from app.pipeline import (
    ClientHas,
    Picture,
    check_plane,
    client_has_nothing,
    picture_of,
)
from render.errors import BadRequest, NotFound, RenderFailed, SourceFailed, TooLarge
from render.values import Encoding, ImageInfo, Region

#: OMERO's own thumbnails have this quality whatever is asked for.
_ENCODING = Encoding("jpeg", 0.85)
_DEFAULT_SIDE = 96
_ICON_SIDE = 128

#: Above that many pixels a plane is not read whole for a picture of a few hundred.
_READ_PIXELS = 4096 * 4096

Size = tuple[int, int]


def render_thumbnail(
    call: Call, request: ThumbnailRequest, client_has: ClientHas = client_has_nothing
) -> Picture:
    """Draw a thumbnail. Raises the errors of `render.errors` only."""
    info = call.image_info(request.image_id)
    if request.rdef_id is not None:
        _check_definition(info, request.rdef_id)
    stored = stored_definition(call, info)
    z = stored.default_z if request.z is None else request.z
    t = stored.default_t if request.t is None else request.t
    check_plane(info, z, t)
    size = thumbnail_size(call, info, request)
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
        _stride((width, height), size),
    )
    return picture_of(call, drawing, client_has, complete=False)


def render_thumbnail_or_icon(
    call: Call, request: ThumbnailRequest, client_has: ClientHas = client_has_nothing
) -> Picture:
    """Draw a thumbnail, or an icon of its size where there is no such image to see."""
    try:
        return render_thumbnail(call, request, client_has)
    except NotFound:
        side = min(request.width or _default_side(call), _ICON_SIDE)
        return _icon(max(1, side))


def data_url(picture: Picture) -> str:
    """Give a picture as a `data:` URL."""
    body = base64.b64encode(picture.body or b"").decode("ascii")
    return f"data:{picture.media_type};base64,{body}"


def data_urls(
    call: Call, ids: Sequence[int], width: int | None, query: Query
) -> dict[str, str | None]:
    """Give thumbnails as `data:` URLs by image id; None for images that give none.

    `z`, `t` and `rdefId` count for a single image only, as in OMERO.web.
    """
    wanted = query if len(ids) == 1 else {}
    return {str(image_id): _data_url_or_none(call, image_id, width, wanted) for image_id in ids}


def thumbnail_size(call: Call, info: ImageInfo, request: ThumbnailRequest) -> Size:
    """Give the size that is asked for, at least 1 x 1: exact, or by the longest side."""
    if request.width is not None and request.height is not None:
        return max(1, request.width), max(1, request.height)
    side = _default_side(call) if request.width is None else max(1, request.width)
    return fitted_size(info.size_x, info.size_y, side)


def fitted_size(width: int, height: int, longest_side: int) -> Size:
    """Fit an image into a square, in whole numbers: OMERO's floats can end a pixel short."""
    longest = max(width, height)
    return (
        max(1, width * longest_side // longest),
        max(1, height * longest_side // longest),
    )


def sufficient_level(levels: Sequence[Size], wanted: Size) -> int:
    """Give the smallest level that need not be enlarged, else the full size."""
    sufficient = [
        level
        for level, (width, height) in enumerate(levels)
        if width >= wanted[0] and height >= wanted[1]
    ]
    return max(sufficient, default=0)


def _stride(have: Size, wanted: Size) -> int:
    """Give which pixels to leave out of a plane too large to be read whole; 1 = none."""
    if have[0] * have[1] <= _READ_PIXELS:
        return 1
    # Twice as many as are shown, so that the filter has something to work with.
    return max(1, min(have[0] // (2 * wanted[0]), have[1] // (2 * wanted[1])))


def _default_side(call: Call) -> int:
    if call.settings.thumbnail_default_side is not None:
        return call.settings.thumbnail_default_side
    server = call.session.server_settings(call.deadline)
    text = server.client.get("browser.thumb_default_size", "")
    side = int(text) if text.isascii() and text.isdigit() else _DEFAULT_SIDE
    return side if 0 < side <= 4096 else _DEFAULT_SIDE


def _check_definition(info: ImageInfo, rdef_id: int) -> None:
    stored = info.rendering_definition
    if stored is None or stored.rdef_id != rdef_id:
        raise NotFound(
            f"rendering settings {rdef_id} are not those in force for image {info.image_id}",
            parameter="rdefId",
        )


def _data_url_or_none(call: Call, image_id: int, width: int | None, query: Query) -> str | None:
    try:
        return data_url(render_thumbnail(call, parse_thumbnail(image_id, width, None, query)))
    except (NotFound, BadRequest, TooLarge, RenderFailed, SourceFailed):
        return None


def _icon(side: int) -> Picture:
    """Draw a mountain and a sun in grey: an image that is not there."""
    icon = Image.new("RGB", (_ICON_SIDE, _ICON_SIDE), (221, 221, 221))
    draw = ImageDraw.Draw(icon)
    draw.ellipse((80, 26, 102, 48), fill=(245, 245, 245))
    draw.polygon([(8, 108), (48, 48), (74, 86), (88, 68), (120, 108)], fill=(168, 168, 168))
    file = io.BytesIO()
    icon.resize((side, side), Image.Resampling.LANCZOS).save(file, "PNG")
    return Picture(file.getvalue(), "image/png", f"missing-{side}")
