"""Path and query to frozen request objects: every default filled in, bad input named.

`query` maps each parameter to its last value. Parameters that are not known are ignored, since
clients add their own to get past caches. What depends on the image (sizes, levels, stored
settings) is checked later, where the image is known.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.parsing.adjustments import AutoRequest, AutoScope, parse_auto, parse_gamma
from app.parsing.channels import ChannelEntry, by_channel, load_maps, parse_channels
from app.parsing.numbers import decimal, integer, shown
from render.engine.encode import ARRAY_CONTENT_TYPES, available_formats
from render.errors import BadRequest
from render.values import Encoding, Model, ProjectionKind, Region, TileIndex

Query = Mapping[str, str]

#: Values of `m`.
MODELS = {"g": Model.GREYSCALE, "c": Model.RGB}
_FORMATS = (*available_formats(), *ARRAY_CONTENT_TYPES)
_FORMAT_ALIASES = {"": "jpeg", "jpg": "jpeg", "tiff": "tif"}
_AXES = ("z", "t")
_FLIPS = {"h": (True, False), "v": (False, True), "hv": (True, True), "vh": (True, True)}
_DEFAULT_BINS = 256


@dataclass(frozen=True)
class Orientation:
    """How the picture is turned: first mirrored, then rotated clockwise by 0, 90, 180 or 270°."""

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0


@dataclass(frozen=True)
class SettingsRequest:
    """Rendering settings of a URL; None = as stored. An empty tuple switches all channels off.

    `auto` gives active channels a window that have none in `channels`.
    """

    channels: tuple[ChannelEntry, ...] | None = None
    model: Model | None = None
    warnings: tuple[str, ...] = ()
    auto: AutoRequest | None = None
    gamma: float = 1.0

    @property
    def complete(self) -> bool:
        """Tell whether the picture is that of the URL alone, whatever settings are stored.

        A lookup table does not tell a channel's opacity, and can be taken from the server.
        """
        return (
            self.model is not None
            and self.channels is not None
            and all(
                entry.color is not None
                and (entry.window is not None or self.auto is not None)
                and entry.map.complete
                for entry in by_channel(self.channels).values()
                if entry.active
            )
        )


@dataclass(frozen=True)
class ProjectionRequest:
    """A projection over `axis`, z or t; None = from the first, to the last section.

    The ends may lie out of range. `inclusive` makes mean and sum take the last section too,
    which OMERO.server leaves out.
    """

    kind: ProjectionKind
    start: int | None = None
    end: int | None = None
    inclusive: bool = False
    axis: str = "z"


@dataclass(frozen=True)
class RenderRequest:
    """One picture. `area` None = the whole plane at full size; z and t None = the stored ones."""

    image_id: int
    z: int | None
    t: int | None
    area: Region | TileIndex | None
    settings: SettingsRequest
    projection: ProjectionRequest | None
    encoding: Encoding
    orientation: Orientation = Orientation()


@dataclass(frozen=True)
class ThumbnailRequest:
    """A thumbnail. Without height, width is the longest side; without both it is the default."""

    image_id: int
    width: int | None = None
    height: int | None = None
    z: int | None = None
    t: int | None = None
    rdef_id: int | None = None


@dataclass(frozen=True)
class HistogramRequest:
    """A histogram of one channel of one plane, or of a projection at it."""

    image_id: int
    channel: int
    z: int
    t: int
    bins: int
    projection: ProjectionRequest | None = None
    whole_range: bool = False


def parse_image(
    image_id: int, z: int | None, t: int | None, query: Query, default_quality: float
) -> RenderRequest:
    """Read a request for a whole plane. Raises BadRequest."""
    return _render_request(image_id, z, t, None, query, default_quality)


def parse_image_region(
    image_id: int, z: int, t: int, query: Query, default_quality: float
) -> RenderRequest:
    """Read a request for a `tile` or a `region`; a tile wins. Raises BadRequest."""
    area = _parse_area(query)
    return _render_request(image_id, z, t, area, query, default_quality)


def check_complete_settings(query: Query) -> None:
    """Raise BadRequest unless the query tells all settings, as the `_rdef` forms ask for."""
    if "c" not in query:
        raise BadRequest("Rendering settings must specify channels as c", parameter="c")
    entries = parse_channels(query["c"])
    if any(entry.window is None for entry in entries):
        raise BadRequest("Must specify window for each channel", parameter="c")
    if not all(entry.colored for entry in entries):
        raise BadRequest("Must specify color for each channel", parameter="c")
    if query.get("m") not in MODELS:
        raise BadRequest(
            'Query parameter "m" must be present with value either "g" or "c"', parameter="m"
        )
    if "maps" not in query:
        return
    maps = load_maps(query["maps"])
    if not isinstance(maps, list):
        raise BadRequest("Failed to parse maps JSON", parameter="maps")
    parts = query["c"].split(",") if query["c"] else []
    if len(maps) != len(parts):
        raise BadRequest('Number of "maps" must match number of channels', parameter="maps")


def check_settings(query: Query, default_quality: float) -> None:
    """Raise BadRequest unless a picture could be asked for with these parameters."""
    _render_request(0, None, None, None, query, default_quality)


def parse_settings(query: Query) -> SettingsRequest:
    """Read `c`, `maps`, `m`, `auto` and `gamma`. Raises BadRequest for the last two only.

    What cannot be read of the others stays as stored.
    """
    model = MODELS.get(query.get("m", ""))
    auto, gamma = parse_auto(query), parse_gamma(query)
    if "c" not in query:
        warnings = ("maps is not looked at without c",) if "maps" in query else ()
        return SettingsRequest(None, model, warnings, auto, gamma)
    channels = parse_channels(query["c"], query.get("maps"))
    return SettingsRequest(channels, model, (), auto, gamma)


def parse_projection(query: Query) -> ProjectionRequest | None:
    """Read `p`; unknown names mean none, a range that cannot be read means all sections.

    Raises BadRequest for an `axis` other than z and t.
    """
    axis = query.get("axis") or "z"
    if axis not in _AXES:
        raise BadRequest(f"axis={shown(axis)} is none of z and t", parameter="axis")
    name, _, text = query.get("p", "").partition("|")
    try:
        kind = ProjectionKind(name)
    except ValueError:
        return None
    inclusive = query.get("inclusive") == "true"
    limits = [integer(part) for part in text.split(":")]
    start, end = limits if len(limits) == 2 and None not in limits else (None, None)
    return ProjectionRequest(kind, start, end, inclusive, axis)


def parse_thumbnail(
    image_id: int, width: int | None, height: int | None, query: Query
) -> ThumbnailRequest:
    """Read a request for a thumbnail. Raises BadRequest."""
    return ThumbnailRequest(
        image_id,
        width,
        height,
        z=_optional_index(query, "z"),
        t=_optional_index(query, "t"),
        rdef_id=_optional_index(query, "rdefId"),
    )


def parse_histogram(image_id: int, channel: int, query: Query, max_bins: int) -> HistogramRequest:
    """Read a request for a histogram; `bins` below 1 means the default. Raises BadRequest."""
    bins = _optional_integer(query, "bins")
    if bins is None or bins <= 0:
        bins = _DEFAULT_BINS
    if bins > max_bins:
        raise BadRequest(
            f"bins={bins} is more than {max_bins} (setting max_histogram_bins)", parameter="bins"
        )
    return HistogramRequest(
        image_id,
        channel,
        z=_optional_index(query, "theZ") or 0,
        t=_optional_index(query, "theT") or 0,
        bins=bins,
        projection=parse_projection(query),
        whole_range=query.get("usePixelsTypeRange") == "true",
    )


def parse_run(query: Query) -> int | None:
    """Give the plate acquisition `run` that images are asked for; None for all."""
    return _optional_index(query, "run")


def parse_count(query: Query, name: str) -> int:
    """Give a number of things, from 0; 0 where none is told."""
    return _optional_index(query, name) or 0


def parse_limit(query: Query) -> int | None:
    """Give the most things that are asked for; None for all."""
    return _optional_index(query, "limit")


def parse_thumbnail_size(query: Query) -> int | None:
    """Give the `size` that the addresses of thumbnails are to name; None for none."""
    return _optional_index(query, "size")


def parse_ids(texts: Sequence[str], limit: int) -> list[int]:
    """Read a list of ids, each once. Raises BadRequest for more than `limit` of them."""
    ids = []
    for text in dict.fromkeys(texts):
        number = integer(text)
        if number is None or number < 0:
            raise BadRequest(f"id={shown(text)} is no id", parameter="id")
        ids.append(number)
    if len(ids) > limit:
        raise BadRequest(f"Max {limit} thumbnails at a time.", parameter="id")
    return ids


def _render_request(
    image_id: int,
    z: int | None,
    t: int | None,
    area: Region | TileIndex | None,
    query: Query,
    default_quality: float,
) -> RenderRequest:
    request = RenderRequest(
        image_id,
        z,
        t,
        area,
        settings=parse_settings(query),
        projection=parse_projection(query),
        encoding=_parse_encoding(query, default_quality),
        orientation=parse_orientation(query),
    )
    _check_together(request)
    return request


def _check_together(request: RenderRequest) -> None:
    settings, format_name = request.settings, request.encoding.format
    if format_name in ARRAY_CONTENT_TYPES:
        for name, is_given in (("auto", settings.auto), ("gamma", settings.gamma != 1)):
            if is_given:
                raise BadRequest(
                    f"{name} does not go with format={format_name}, which gives the values as "
                    "they are",
                    parameter=name,
                )
    auto = settings.auto
    if auto is not None and auto.scope is AutoScope.IMAGE and request.projection is not None:
        raise BadRequest(
            "auto over the image does not go with p, whose values are others than the image's; "
            "auto over the plane looks at the projection",
            parameter="auto",
        )


def _parse_encoding(query: Query, default_quality: float) -> Encoding:
    quality = _parse_quality(query, default_quality)
    text = query.get("format", "").lower()
    name = _FORMAT_ALIASES.get(text, text)
    if name not in _FORMATS:
        raise BadRequest(
            f"format={shown(text)} is not offered; choose one of {', '.join(_FORMATS)}",
            parameter="format",
        )
    return Encoding(name, quality)


def _parse_quality(query: Query, default_quality: float) -> float:
    text = query.get("q", "").strip()
    if not text:
        return default_quality
    # Some desktops write their own decimal comma into the URL.
    quality = decimal(text.replace(",", "."))
    if quality is None or not math.isfinite(quality):
        raise BadRequest(f"q={shown(text)} is no number from 0 to 1", parameter="q")
    return min(max(quality, 0.0), 1.0)


def parse_orientation(query: Query) -> Orientation:
    """Read `flip` and `rot`. Raises BadRequest."""
    flip = query.get("flip", "")
    if flip and flip not in _FLIPS:
        raise BadRequest(f"flip={shown(flip)} is none of h, v and hv", parameter="flip")
    rotation = _optional_integer(query, "rot") or 0
    if rotation not in (0, 90, 180, 270):
        raise BadRequest(f"rot={rotation} is none of 0, 90, 180 and 270", parameter="rot")
    return Orientation(*_FLIPS.get(flip, (False, False)), rotation)


def check_is_picture(request: RenderRequest) -> None:
    """Raise BadRequest for values, where a picture is all that can be given."""
    format_name = request.encoding.format
    if format_name in ARRAY_CONTENT_TYPES:
        raise BadRequest(
            f"format={format_name} holds values, and this is a picture", parameter="format"
        )


def check_not_turned(request: RenderRequest) -> None:
    """Raise BadRequest for a picture that is to be mirrored or turned, where none is."""
    if request.orientation != Orientation():
        raise BadRequest("flip and rot have no place here", parameter="flip")


def _parse_area(query: Query) -> Region | TileIndex:
    if query.get("tile"):
        return _parse_tile(query["tile"])
    if query.get("region"):
        return parse_region(query["region"])
    raise BadRequest("tile or region argument required", parameter="tile")


def parse_region(text: str) -> Region:
    """Read `<x>,<y>,<width>,<height>`. Raises BadRequest."""
    numbers = [integer(part) for part in text.split(",")[:4]]
    if len(numbers) < 4 or None in numbers:
        raise BadRequest(f"malformed region argument, region={shown(text)}", parameter="region")
    return Region(*numbers)  # type: ignore[arg-type]


def _parse_tile(text: str) -> TileIndex:
    """Read `level,column,row[,width,height]`; sizes below 1 mean the image's own tile size."""
    numbers = [integer(part) for part in text.split(",")[:5]]
    if len(numbers) not in (3, 5) or None in numbers:
        raise BadRequest(f"malformed tile argument, tile={shown(text)}", parameter="tile")
    level, column, row, *sizes = (int(number) for number in numbers if number is not None)
    if level < 0:
        raise BadRequest(f"Invalid resolution level {level} < 0", parameter="tile")
    width, height = (size if size > 0 else None for size in sizes or (0, 0))
    return TileIndex(level, column, row, width, height)


def _optional_integer(query: Query, name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    number = integer(text)
    if number is None:
        raise BadRequest(f"{name}={shown(text)} is no whole number", parameter=name)
    return number


def _optional_index(query: Query, name: str) -> int | None:
    number = _optional_integer(query, name)
    if number is not None and number < 0:
        raise BadRequest(f"{name}={number} is negative; it counts from 0", parameter=name)
    return number
