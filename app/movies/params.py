"""What a movie is to be, as the address tells it."""

import math
from dataclasses import dataclass

from app.params import (
    Orientation,
    ProjectionRequest,
    Query,
    SettingsRequest,
    parse_orientation,
    parse_projection,
    parse_region,
    parse_settings,
)
from app.parsing.numbers import decimal, integer, shown
from render.errors import BadRequest, NotFound
from render.movie import FORMATS
from render.values import Region

AXES = ("z", "t")
#: OMERO.web's names of formats that nobody plays any more, and others' names.
FORMAT_ALIASES = {
    "": "mp4",
    "h264": "mp4",
    "quicktime": "mp4",
    "mpeg": "mp4",
    "wmv": "mp4",
    "vp9": "webm",
    "png": "apng",
}
_DEFAULT_FPS = 4
#: GIF counts hundredths of a second, and players take one hundredth for a mistake.
_MOST_FPS = 50


@dataclass(frozen=True)
class MovieRequest:
    """A movie over `axis`, at `position` of the other one.

    `first` and `last` are indices along the axis, None = its ends; with `first` above `last` it
    runs backwards. `size` is the longest side in pixels. `bar_um` is the length of the scale bar
    in micrometres, 0 = one that fits, None = no bar.
    """

    image_id: int
    axis: str
    position: int
    settings: SettingsRequest
    projection: ProjectionRequest | None
    orientation: Orientation
    format: str
    fps: int
    region: Region | None = None
    first: int | None = None
    last: int | None = None
    size: int | None = None
    bar_um: float | None = None
    stamped: bool = False


def parse_movie(image_id: int, axis: str, position: int, query: Query) -> MovieRequest:
    """Read a request for a movie. Raises BadRequest, and NotFound for an axis that there is not."""
    if axis not in AXES:
        raise NotFound("there are movies over z and over t only")
    projection = parse_projection(query)
    if projection is not None and projection.axis == axis:
        raise BadRequest(f"a movie over {axis} cannot show projections over {axis}", parameter="p")
    first, last = _parse_range(query.get("range", ""))
    return MovieRequest(
        image_id,
        axis,
        position,
        parse_settings(query),
        projection,
        parse_orientation(query),
        _parse_format(query.get("format", "")),
        _parse_count(query, "fps", _MOST_FPS) or _DEFAULT_FPS,
        parse_region(query["region"]) if query.get("region") else None,
        first,
        last,
        _parse_count(query, "size", None),
        _parse_bar(query.get("scalebar", "")),
        query.get("timestamp") == "true",
    )


def _parse_format(text: str) -> str:
    name = text.strip().lower()
    name = FORMAT_ALIASES.get(name, name)
    if name not in FORMATS:
        raise BadRequest(
            f"format={shown(text)} is none of {', '.join(FORMATS)}", parameter="format"
        )
    return name


def _parse_range(text: str) -> tuple[int | None, int | None]:
    """Read `first:last`, either of which may be missing."""
    if not text:
        return None, None
    parts = text.split(":")
    numbers = [integer(part) for part in parts]
    bad = len(parts) != 2 or any(
        part.strip() and number is None for part, number in zip(parts, numbers, strict=True)
    )
    if bad:
        raise BadRequest(f"range={shown(text)} is not first:last", parameter="range")
    return numbers[0], numbers[1]


def _parse_count(query: Query, name: str, most: int | None) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    number = integer(text)
    if number is None or number < 1 or (most is not None and number > most):
        upto = "" if most is None else f" to {most}"
        raise BadRequest(f"{name}={shown(text)} is no whole number from 1{upto}", parameter=name)
    return number


def _parse_bar(text: str) -> float | None:
    if text in ("", "false"):
        return None
    if text == "true":
        return 0.0
    length = decimal(text)
    if length is None or not math.isfinite(length) or length <= 0:
        raise BadRequest(
            f"scalebar={shown(text)} is neither true nor a length in micrometres",
            parameter="scalebar",
        )
    return length
