"""What is exported of one image: a region at a level, z-sections, timepoints, channels, format."""

from dataclasses import dataclass

from app.downloads.stacks import Stack
from app.imaging.areas import SourceArea
from app.imaging.levels import whole_level
from app.params import Query, parse_region
from app.parsing.channels import parse_channels
from app.parsing.numbers import integer, shown
from render.errors import BadRequest
from render.values import ImageInfo, Region

_FORMATS = {"": "npy", "npy": "npy", "tif": "tif", "tiff": "tif"}

#: First and last index, both inclusive; None = from the first, to the last.
_Ends = tuple[int, int] | None


@dataclass(frozen=True)
class ExportRequest:
    """What a URL asks for; None = all of it. Channels are counted from 0."""

    format: str
    level: int
    region: Region | None
    sections: _Ends
    timepoints: _Ends
    channels: tuple[int, ...] | None


def parse_export(query: Query) -> ExportRequest:
    """Read `format`, `level`, `region`, `z`, `t` and `c`. Raises BadRequest."""
    text = query.get("format", "").strip().lower()
    if text not in _FORMATS:
        raise BadRequest(f"format={shown(text)} is neither npy nor tif", parameter="format")
    level = integer(query.get("level") or "0")
    if level is None or level < 0:
        raise BadRequest(f"level={shown(query['level'])} is no level", parameter="level")
    return ExportRequest(
        _FORMATS[text],
        level,
        parse_region(query["region"]) if query.get("region") else None,
        _ends(query, "z"),
        _ends(query, "t"),
        _channels(query.get("c", "")),
    )


def stack_of(info: ImageInfo, request: ExportRequest) -> Stack:
    """Give what is asked for of an image; smaller levels too where a TIFF holds whole planes.

    Raises BadRequest for what the image does not have, RegionOutside for a region outside.
    """
    if request.level >= len(info.levels):
        raise BadRequest(
            f"level={request.level}: image {info.image_id} has levels 0 to {len(info.levels) - 1}",
            parameter="level",
        )
    areas = tuple(whole_level(info, level) for level in range(request.level, len(info.levels)))
    if request.region is not None:
        region = request.region.clipped(*info.levels[request.level])
        if region != areas[0].region:
            areas = (SourceArea(request.level, region),)
    channels = request.channels if request.channels is not None else tuple(range(info.size_c))
    for channel in channels:
        if channel >= info.size_c:
            raise BadRequest(
                f"c={channel + 1}: image {info.image_id} has channels 1 to {info.size_c}",
                parameter="c",
            )
    return Stack(
        info,
        areas if request.format == "tif" else areas[:1],
        _range(request.sections, info.size_z, "z"),
        _range(request.timepoints, info.size_t, "t"),
        channels,
    )


def _range(ends: _Ends, size: int, axis: str) -> range:
    first, last = ends if ends is not None else (0, size - 1)
    if last >= size:
        raise BadRequest(f"{axis}={last}: {axis} goes from 0 to {size - 1}", parameter=axis)
    return range(first, last + 1)


def _ends(query: Query, name: str) -> _Ends:
    """Read `3` or `0:9`, both ends inclusive."""
    text = query.get(name, "").strip()
    if not text:
        return None
    first, colon, last = text.partition(":")
    ends = integer(first), integer(last if colon else first)
    if ends[0] is None or ends[1] is None or not 0 <= ends[0] <= ends[1]:
        raise BadRequest(
            f"{name}={shown(text)} is neither an index nor a range such as 0:9", parameter=name
        )
    return ends[0], ends[1]


def _channels(text: str) -> tuple[int, ...] | None:
    """Read the channels that are on in `c`, in its order; how they are drawn does not matter."""
    if not text.strip():
        return None
    entries = parse_channels(text)
    channels = tuple(entry.index for entry in entries if entry.active)
    if len(entries) < text.count(",") + 1 or not channels or min(channels) < 0:
        raise BadRequest(
            f"c={shown(text)} is no list of channels, which are counted from 1", parameter="c"
        )
    if len(set(channels)) < len(channels):
        raise BadRequest(f"c={shown(text)} names a channel twice", parameter="c")
    return channels
