"""The query of pictures of shapes to frozen request objects."""

from dataclasses import dataclass

from app.params import (
    Orientation,
    Query,
    RenderRequest,
    check_is_picture,
    check_not_turned,
    parse_image,
    parse_orientation,
)
from app.parsing.channels import parse_hex
from app.parsing.numbers import shown
from render.errors import BadRequest
from render.values import Color

_QUALITY = 0.9
_WHITE, _RED = (255, 255, 255), (255, 0, 0)

#: Colours that an outline can have; of others OMERO.web makes red.
_OUTLINES = {
    "f00": _RED,
    "0f0": (0, 255, 0),
    "00f": (0, 0, 255),
    "ff0": (255, 255, 0),
    "fff": _WHITE,
    "000": (0, 0, 0),
}


@dataclass(frozen=True)
class ShapeThumbnailRequest:
    """How a shape's thumbnail is made; `color` is that of the outline, red, green and blue.

    Of `picture` settings and encoding count.
    """

    picture: RenderRequest
    color: tuple[int, int, int]


@dataclass(frozen=True)
class MaskRequest:
    """How a mask's picture is made; `color` None = the mask's own."""

    color: Color | None
    orientation: Orientation


def parse_shape_thumbnail(query: Query) -> ShapeThumbnailRequest:
    """Read how a thumbnail of a shape is made. Raises BadRequest."""
    picture = parse_image(0, None, None, query, _QUALITY)
    check_is_picture(picture)
    check_not_turned(picture)
    text = query.get("color")
    color = _WHITE if text is None else _OUTLINES.get(text, _RED)
    return ShapeThumbnailRequest(picture, color)


def parse_mask(query: Query) -> MaskRequest:
    """Read how the picture of a mask is made. Raises BadRequest."""
    text = query.get("color", "")
    color = parse_hex(text)
    if text and color is None:
        raise BadRequest(f"color={shown(text)} is no colour, such as FF0000", parameter="color")
    return MaskRequest(color, parse_orientation(query))
