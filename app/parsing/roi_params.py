"""What OMERO.iviewer and QuPath send to have regions of interest saved, as frozen requests.

Shapes come in OME's schema of 2016-06, as OMERO.web's JSON API gives them. What is none of a
shape's properties there (its area, its owner, …) is not looked at.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.metadata.units import symbol_of
from app.parsing.numbers import shown
from render.blitz.model_records import ModelRecord, Quantity
from render.blitz.regions import parse_points
from render.errors import BadRequest, TooLarge

_TYPE = re.compile(r"http://www\.openmicroscopy\.org/Schemas/OME/[0-9-]+#(\w{1,40})", re.ASCII)
_IDS = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
_ROI_ID = re.compile(r"[0-9]{1,18}")
_INT32 = 1 << 31


@dataclass(frozen=True)
class SentShape:
    """A shape to be saved, and what the client calls it until it knows the shape's ids."""

    name: str
    record: ModelRecord


@dataclass(frozen=True)
class RoiChanges:
    """What is to happen to the regions of an image.

    `removed` and `emptied` hold what the client calls shapes, by the region that loses them; the
    latter lose all, and go too.
    """

    image_id: int
    new: tuple[SentShape, ...]
    modified: tuple[SentShape, ...]
    removed: Mapping[int, tuple[str, ...]]
    emptied: Mapping[int, tuple[str, ...]]


def parse_roi_changes(body: bytes, max_bytes: int) -> RoiChanges:
    """Read a request's body, which may be cut off above `max_bytes`.

    Raises BadRequest for what is malformed, TooLarge above the limit.
    """
    if len(body) > max_bytes:
        raise TooLarge(
            f"regions of more than {max_bytes} bytes are not saved at once "
            "(setting max_regions_bytes)"
        )
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("regions are sent as JSON") from error
    image_id = _member(sent, "imageId", (int, str))
    if not _ROI_ID.fullmatch(str(image_id)):
        raise BadRequest("imageId is no id", parameter="imageId")
    rois = _member(sent, "rois", (dict,))
    return RoiChanges(
        image_id=int(image_id),
        new=tuple(_sent_shape(one, known=False) for one in _listed(rois, "new")),
        modified=tuple(_sent_shape(one, known=True) for one in _listed(rois, "modified")),
        removed=_by_roi(rois, "deleted"),
        emptied=_by_roi(rois, "empty_rois"),
    )


def shape_id_of(name: str) -> int:
    """Give the shape's id out of `<region>:<shape>`."""
    return int(name.partition(":")[2])


def _member(data: Any, name: str, kinds: tuple[type, ...]) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise BadRequest(f"the regions to be saved lack {name}", parameter=name)
    return value


def _listed(rois: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = rois.get(name) or []
    if not isinstance(found, list):
        raise BadRequest(f"{name} is no list", parameter=name)
    return found


def _by_roi(rois: Mapping[str, Any], name: str) -> dict[int, tuple[str, ...]]:
    found = rois.get(name) or {}
    if not isinstance(found, dict):
        raise BadRequest(f"{name} tells no shapes by region", parameter=name)
    by_roi = {}
    for roi_id, names in found.items():
        names = names or []
        if not _ROI_ID.fullmatch(roi_id) or not isinstance(names, list):
            raise BadRequest(f"{name} tells no shapes by region", parameter=name)
        for one in names:
            match = _IDS.fullmatch(one) if isinstance(one, str) else None
            if match is None or int(match[1]) != int(roi_id):
                raise BadRequest(
                    f"{name} holds {shown(str(one))}, which is no shape of region {roi_id}",
                    parameter=name,
                )
        by_roi[int(roi_id)] = tuple(names)
    return by_roi


def _sent_shape(data: Any, known: bool) -> SentShape:
    if not isinstance(data, dict):
        raise BadRequest("a shape is a JSON object")
    kind = _kind(data)
    properties = _SHAPES.get(kind)
    if properties is None or (kind == "Mask" and not known):
        raise BadRequest(f"a {kind} cannot be drawn")
    values = {}
    for told, read in (properties | _ANY_SHAPE).items():
        value = data.get(told)
        if value is not None:
            value = read(told, value)
        if value is None and told in properties and told not in _MARKERS:
            raise BadRequest(f"a {kind} lacks {told}", parameter=told)
        if value is not None:
            values[told] = value
    name, identifier = data.get("oldId"), data.get("@id")
    if not isinstance(name, str) or len(name) > 80:
        raise BadRequest("a shape has an oldId", parameter="oldId")
    if not known:
        return SentShape(name, ModelRecord(kind, None, None, values))
    if not isinstance(identifier, int) or not 0 <= identifier < 10**18:
        raise BadRequest("a shape that is changed has its @id", parameter="@id")
    return SentShape(name, ModelRecord(kind, identifier, None, values))


def _kind(data: Mapping[str, Any]) -> str:
    match = _TYPE.fullmatch(str(data.get("@type", "")))
    if match is None:
        raise BadRequest("a shape has the @type of a class of OME's schema", parameter="@type")
    return match[1]


def _number(name: str, value: Any) -> float:
    # Python reads numbers of any length, and texts for those that are none.
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e30:
        raise BadRequest(f"{name} is no number", parameter=name)
    if not math.isfinite(value):
        raise BadRequest(f"{name} is no number", parameter=name)
    return float(value)


def _size(name: str, value: Any) -> float:
    number = _number(name, value)
    if number < 0:
        raise BadRequest(f"{name} is below 0", parameter=name)
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != int(number) or not -_INT32 <= number < _INT32:
        raise BadRequest(f"{name} is no whole number of 32 bits", parameter=name)
    return int(number)


def _index(name: str, value: Any) -> int | None:
    # Clients write -1 for all planes.
    index = _whole(name, value)
    return None if index < 0 else index


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} is no text", parameter=name)
    return value


def _points(name: str, value: Any) -> str:
    points = parse_points(_text(name, value))
    if not points or not all(math.isfinite(number) for point in points for number in point):
        raise BadRequest(f"{name} is no list of points such as 1,2 3.5,4", parameter=name)
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is neither true nor false", parameter=name)
    return value


def _length(name: str, value: Any) -> Quantity:
    unit = value.get("Unit") if isinstance(value, dict) else None
    if not isinstance(unit, str) or symbol_of(unit) is None:
        raise BadRequest(f"{name} has no unit of length", parameter=name)
    return Quantity("Length", _size(name, value.get("Value")), unit)


def _matrix(name: str, value: Any) -> ModelRecord:
    if not isinstance(value, dict) or _kind(value) != "AffineTransform":
        raise BadRequest(f"{name} is no AffineTransform", parameter=name)
    numbers = {part: _number(part, value.get(part)) for part in _MATRIX}
    return ModelRecord("AffineTransform", None, None, numbers)


Read = Callable[[str, Any], Any]
_MATRIX = ("A00", "A10", "A01", "A11", "A02", "A12")
_MARKERS: dict[str, Read] = {"MarkerStart": _text, "MarkerEnd": _text}
_PLACE: dict[str, Read] = {"X": _number, "Y": _number}
_BOX = _PLACE | {"Width": _size, "Height": _size}
#: What a shape of each class has, all of it but markers, and what any shape may have.
_SHAPES: dict[str, dict[str, Read]] = {
    "Rectangle": _BOX,
    "Mask": _BOX,
    "Ellipse": _PLACE | {"RadiusX": _size, "RadiusY": _size},
    "Point": _PLACE,
    "Label": _PLACE,
    "Line": {"X1": _number, "Y1": _number, "X2": _number, "Y2": _number} | _MARKERS,
    "Polyline": {"Points": _points} | _MARKERS,
    "Polygon": {"Points": _points},
}
_ANY_SHAPE: dict[str, Read] = {
    "FillColor": _whole,
    "FillRule": _text,
    "FontFamily": _text,
    "FontSize": _length,
    "FontStyle": _text,
    "Locked": _flag,
    "StrokeColor": _whole,
    "StrokeDashArray": _text,
    "StrokeWidth": _length,
    "Text": _text,
    "TheC": _index,
    "TheT": _index,
    "TheZ": _index,
    "Transform": _matrix,
}
