"""What OMERO.figure's own addresses ask for."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from app.params import Query, RenderRequest, check_is_picture, check_not_turned, parse_image
from app.parsing.numbers import decimal, integer, shown
from render.errors import BadRequest, TooLarge

_LONGEST_SIDE = 2000
#: What JSON can spell, and no encoding or database keeps.
_NO_NAME = re.compile("[\0\ud800-\udfff]")
#: No image reaches that far.
_FARTHEST = 1e9


@dataclass(frozen=True)
class ScaledRegionRequest:
    """A frame in pixels of the full size, which may reach beyond the image, and its settings.

    The picture's longer side is below `longest_side` where the image has a level for that.
    """

    picture: RenderRequest
    x: float
    y: float
    width: float
    height: float
    longest_side: int


def parse_scaled_region(
    image_id: int, z: int, t: int, query: Query, default_quality: float
) -> ScaledRegionRequest:
    """Read a request; raise BadRequest for a region that is none, for values, and for turning."""
    text = query.get("region", "")
    numbers = [decimal(part) for part in text.split(",")]
    found = [n for n in numbers if n is not None and math.isfinite(n) and abs(n) < _FARTHEST]
    if len(numbers) != 4 or len(found) != 4 or min(found[2:]) <= 0:
        raise BadRequest(
            f"region={shown(text)} should be four numbers: x, y, width and height",
            parameter="region",
        )
    side = query.get("max_size", "")
    longest = integer(side) if side else _LONGEST_SIDE
    if longest is None or longest < 1:
        raise BadRequest(f"max_size={shown(side)} should be a number from 1", parameter="max_size")
    picture = parse_image(image_id, z, t, query, default_quality)
    check_is_picture(picture)
    check_not_turned(picture)
    x, y, width, height = found
    return ScaledRegionRequest(picture, x, y, width, height, longest)


@dataclass(frozen=True)
class SentFigure:
    """A figure to be saved: its file's content, what it is called, and whose images it shows.

    `description` is that of its annotation. `figure_id` is the annotation's id, None for a new one.
    """

    figure_id: int | None
    name: str
    content: bytes
    description: str
    image_ids: tuple[int, ...]


def parse_figure_id(form: Mapping[str, str], name: str = "fileId") -> int:
    """Read the id of a figure; raise BadRequest for what is none."""
    number = integer(form.get(name, ""))
    if number is None or number < 0:
        raise BadRequest(f"{name}={shown(form.get(name, ''))} is no id", parameter=name)
    return number


def parse_figure(form: Mapping[str, str], max_bytes: int, now: datetime) -> SentFigure:
    """Read what is to be saved, written as OMERO.web writes it.

    Raises BadRequest for what is malformed, TooLarge above `max_bytes` of the file.
    """
    figure = _figure(form.get("figureJSON", ""))
    panels = [panel for panel in figure["panels"] if isinstance(panel, dict)]
    shown_images = [(image, panel) for panel in panels if (image := _image_id(panel)) is not None]
    name = figure.get("figureName")
    if not isinstance(name, str) or not name:
        name = f"Figure_{now:%Y-%m-%d_%H-%M-%S}.json"
    if _NO_NAME.search(name):
        raise BadRequest("the figure's name has half a letter in it", parameter="figureJSON")
    description = {}
    if shown_images:
        image_id, panel = shown_images[0]
        # Lists of figures show name and picture without reading the files.
        description = {"name": name, "imageId": image_id}
        if isinstance(panel.get("baseUrl"), str):
            description["baseUrl"] = panel["baseUrl"]
    content = json.dumps(figure, sort_keys=True, indent=2, separators=(",", ": ")).encode()
    if len(content) > max_bytes:
        raise TooLarge(
            f"a figure of {len(content)} bytes is more than {max_bytes} bytes "
            "(setting max_figure_bytes)"
        )
    return SentFigure(
        figure_id=parse_figure_id(form) if "fileId" in form else None,
        name=name,
        content=content,
        description=json.dumps(description),
        image_ids=tuple(dict.fromkeys(image_id for image_id, _ in shown_images)),
    )


def _figure(text: str) -> dict[str, Any]:
    try:
        figure = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadRequest("figureJSON should be a figure as JSON", parameter="figureJSON") from error
    if not isinstance(figure, dict) or not isinstance(figure.get("panels"), list):
        raise BadRequest("a figure is a JSON object with panels", parameter="figureJSON")
    return figure


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _finite(text: str) -> float:
    """Read a number; one that is too large would be written as a word that is no JSON."""
    number = float(text)
    if math.isinf(number):
        _no_number(text)
    return number


def _image_id(panel: Mapping[str, Any]) -> int | None:
    """Give the image of a panel; None for one that is no image of OMERO."""
    number = integer(str(panel.get("imageId")))
    return None if number is None or number < 0 else number
