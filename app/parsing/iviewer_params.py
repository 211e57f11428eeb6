"""What OMERO.iviewer's own addresses ask for."""

import re
from dataclasses import dataclass

from app.params import Query
from app.parsing.numbers import decimal, shown
from app.parsing.object_params import parse_number
from render.blitz.model_records import PlaneRange
from render.errors import BadRequest
from render.values import ProjectionKind

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_SHAPE_ID = re.compile(r"(?:[0-9]{1,18}:)?([0-9]{1,18})")
_MOST_CHANNELS = 100
_MOST_SHAPES = 1000


@dataclass(frozen=True)
class IntensityRequest:
    """A place on a plane, and the channels whose values are wanted there; all count from 0."""

    image_id: int
    x: int
    y: int
    z: int
    t: int
    channels: tuple[int, ...]


@dataclass(frozen=True)
class ShapeStatsRequest:
    """Shapes whose values are wanted in channels, all of them if none is named.

    `z` and `t` are for shapes that lie on no section or timepoint in particular.
    """

    shape_ids: tuple[int, ...]
    z: int
    t: int
    channels: tuple[int, ...]


@dataclass(frozen=True)
class SaveProjectionRequest:
    """An image to be made of sections of another one; None = from the first, to the last."""

    image_id: int
    kind: ProjectionKind
    first: int | None
    last: int | None
    dataset_id: int | None


def parse_planes(sections: str, timepoints: str) -> PlaneRange:
    """Read `3` or `3-7` for sections and timepoints, both ends inclusive."""
    return PlaneRange(*_parse_range("z", sections), *_parse_range("t", timepoints))


def parse_intensity(query: Query) -> IntensityRequest:
    """Read where intensities are wanted. Raises BadRequest for what is missing or no number."""
    channels = _parse_channels(query, "c")
    if not channels:
        raise BadRequest(f"c should list 1 to {_MOST_CHANNELS} channels", parameter="c")
    return IntensityRequest(
        image_id=_parse_place(query, "image"),
        x=_parse_place(query, "x"),
        y=_parse_place(query, "y"),
        z=_parse_place(query, "z"),
        t=_parse_place(query, "t"),
        channels=channels,
    )


def parse_shape_stats(query: Query) -> ShapeStatsRequest:
    """Read `ids`, of shapes or as `<region>:<shape>`. Raises BadRequest for what is malformed."""
    texts = [text.strip() for text in query.get("ids", "").split(",") if text.strip()]
    if not texts or len(texts) > _MOST_SHAPES:
        raise BadRequest(f"ids should list 1 to {_MOST_SHAPES} shapes", parameter="ids")
    matches = [_SHAPE_ID.fullmatch(text) for text in texts]
    ids = [int(match[1]) for match in matches if match is not None]
    if len(ids) < len(texts):
        raise BadRequest("ids should list shapes, as 5,7", parameter="ids")
    return ShapeStatsRequest(
        shape_ids=tuple(dict.fromkeys(ids)),
        z=_parse_place(query, "z"),
        t=_parse_place(query, "t"),
        channels=_parse_channels(query, "cs"),
    )


def parse_save_projection(query: Query) -> SaveProjectionRequest:
    """Read what is to be projected. Raises BadRequest for what is missing or malformed."""
    image_id = parse_number(query, "image")
    if image_id is None:
        raise BadRequest("image is missing", parameter="image")
    text = query.get("projection", "")
    kind = next((kind for kind in ProjectionKind if kind.value == text), None)
    if kind is None:
        kinds = ", ".join(kind.value for kind in ProjectionKind)
        raise BadRequest(f"projection={shown(text)} is none of {kinds}", parameter="projection")
    return SaveProjectionRequest(
        image_id=image_id,
        kind=kind,
        first=parse_number(query, "start"),
        last=parse_number(query, "end"),
        dataset_id=parse_number(query, "dataset"),
    )


def _parse_channels(query: Query, name: str) -> tuple[int, ...]:
    texts = [text.strip() for text in query.get(name, "").split(",") if text.strip()]
    if len(texts) > _MOST_CHANNELS:
        raise BadRequest(f"{name} should list 1 to {_MOST_CHANNELS} channels", parameter=name)
    if not all(re.fullmatch("[0-9]{1,9}", text) for text in texts):
        raise BadRequest(f"{name} should list channels counted from 0, as 0,2", parameter=name)
    return tuple(dict.fromkeys(map(int, texts)))


def _parse_place(query: Query, name: str) -> int:
    number = decimal(query.get(name, ""))
    if number is None or not 0 <= number < 2**53:
        raise BadRequest(f"{name} should be a number from 0 on", parameter=name)
    return int(number)


def _parse_range(name: str, text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadRequest(
            f"{shown(text)} is neither an index nor a range such as 2-5", parameter=name
        )
    first = int(match[1])
    return first, first if match[2] is None else int(match[2])
