"""What OMERO.iviewer's own addresses ask for."""

import re
from dataclasses import dataclass

from app.numbers import decimal, shown
from app.params import Query
from render.blitz.model_records import PlaneRange
from render.errors import BadRequest

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_CHANNELS = 100


@dataclass(frozen=True)
class IntensityRequest:
    """A place on a plane, and the channels whose values are wanted there; all count from 0."""

    image_id: int
    x: int
    y: int
    z: int
    t: int
    channels: tuple[int, ...]


def parse_planes(sections: str, timepoints: str) -> PlaneRange:
    """Read `3` or `3-7` for sections and timepoints, both ends inclusive."""
    return PlaneRange(*_parse_range("z", sections), *_parse_range("t", timepoints))


def parse_intensity(query: Query) -> IntensityRequest:
    """Read where intensities are wanted. Raises BadRequest for what is missing or no number."""
    texts = [text.strip() for text in query.get("c", "").split(",") if text.strip()]
    if not texts or len(texts) > _MOST_CHANNELS:
        raise BadRequest(f"c should list 1 to {_MOST_CHANNELS} channels", parameter="c")
    if not all(re.fullmatch("[0-9]{1,9}", text) for text in texts):
        raise BadRequest("c should list channels counted from 0, as 0,2", parameter="c")
    return IntensityRequest(
        image_id=_parse_place(query, "image"),
        x=_parse_place(query, "x"),
        y=_parse_place(query, "y"),
        z=_parse_place(query, "z"),
        t=_parse_place(query, "t"),
        channels=tuple(dict.fromkeys(map(int, texts))),
    )


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
