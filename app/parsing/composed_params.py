"""Path and query of composed pictures to frozen request objects."""

from dataclasses import dataclass, replace

from app.params import (
    Query,
    RenderRequest,
    SettingsRequest,
    check_is_picture,
    parse_image,
    parse_settings,
)
from app.parsing.numbers import integer, shown
from render.errors import BadRequest

#: OMERO.web's own for what is put together from several pictures.
_COMPOSED_QUALITY = 0.9
_WIDEST_LINE = 100


@dataclass(frozen=True)
class SplitChannelRequest:
    """A split-channel picture. `size` = longest side of a pane; None = the image's own size."""

    picture: RenderRequest
    size: int | None = None


@dataclass(frozen=True)
class LinePlotRequest:
    """A plot of the values along row (`axis` x) or column (y) number `position` of a plane."""

    image_id: int
    z: int
    t: int
    axis: str
    position: int
    line_width: int
    settings: SettingsRequest


def parse_split_channel(image_id: int, z: int, t: int, query: Query) -> SplitChannelRequest:
    """Read a request for a split-channel picture. Raises BadRequest."""
    picture = parse_image(image_id, z, t, query, _COMPOSED_QUALITY)
    check_is_picture(picture)
    encoding = picture.encoding
    if encoding.quality == 0:
        # To OMERO.web, no quality and a quality of nothing are the same here.
        picture = replace(picture, encoding=replace(encoding, quality=_COMPOSED_QUALITY))
    text = query.get("size", "")
    size = integer(text)
    if text and (size is None or size < 1):
        raise BadRequest(f"size={shown(text)} is no number of pixels", parameter="size")
    return SplitChannelRequest(picture, size)


def parse_line_plot(
    image_id: int, z: int, t: int, axis: str, position: int, line_width: int, query: Query
) -> LinePlotRequest:
    """Read a request for the plot of a row or column. Raises BadRequest."""
    if not 1 <= line_width <= _WIDEST_LINE:
        raise BadRequest(f"a line can be 1 to {_WIDEST_LINE} pixels wide", parameter="line_width")
    settings = parse_settings(query)
    return LinePlotRequest(image_id, z, t, axis, position, line_width, settings)
