"""A client's regions and shapes → what is kept of them.

Members that a client does not set are not set afterwards, as in OMERO; a mask keeps its bits where
none are sent.
"""

import math
from collections.abc import Mapping
from typing import Any

from imageserver.drawings import GivenRoi, GivenShape
from imageserver.faults import usage
from imageserver.readers.objects import ShapeMetadata
from imageserver.schema import load_schema, subclasses
from imageserver.wire import unwrap
from render.blitz.slices import omero

#: Classes of shapes that can be drawn.
KINDS = frozenset(subclasses("Shape")) - {"Shape"}

_MATRIX = ("a00", "a10", "a01", "a11", "a02", "a12")
#: Of one text, such as the points of a polygon, and of the bits of one mask.
_LONGEST_TEXT, _MOST_BITS = 4 * 1024**2, 1 << 31


def given_roi(given: Any, image_id: int, known: Mapping[int, ShapeMetadata]) -> GivenRoi:
    """Give a region to save, whose shapes are `known` by id; ApiUsageException for nonsense."""
    shapes = None
    if given.shapesLoaded:
        # Gaps are left by shapes that were deleted.
        sent = [shape for shape in given.shapesSeq or () if shape is not None]
        shapes = tuple(given_shape(shape, known.get(unwrap(shape.id))) for shape in sent)
    roi_id = unwrap(given.id)
    if roi_id is None and not shapes:
        raise usage("A new region needs a shape.")
    if any(shape.id is not None and shape.id not in known for shape in shapes or ()):
        raise usage("A shape cannot be moved into another region.")
    return GivenRoi(
        image_id,
        shapes,
        id=roi_id,
        version=unwrap(given.version),
        name=_text(given.name),
        description=_text(given.description),
    )


def given_shape(given: Any, before: ShapeMetadata | None = None) -> GivenShape:
    """Give a shape to save, in place of `before` where there is one."""
    kind = type(given).__name__
    if not isinstance(given, omero.model.Shape) or kind not in KINDS or not given.loaded:
        raise usage(f"A region is made of loaded shapes, not of {kind}.")
    if before is not None and before.kind != kind:
        raise usage(f"The shape is a {before.kind} and cannot become a {kind}.")
    values: dict[str, Any] = {}
    for member in load_schema()[kind].members.values():
        if member.kind not in {"value", "quantity"} or member.name in {"id", "version", "bytes"}:
            continue
        value = getattr(given, member.name)
        if value is None:
            continue
        if member.kind == "quantity":
            values[member.name] = (_number(value.value), value.unit.name)
        else:
            values[member.name] = _value(unwrap(value))
    matrix = given.transform
    if matrix is not None:
        values["transform"] = _matrix(matrix, before)
    if kind == "Mask":
        bits = bytes(given.bytes or b"") or (before.values.get("bytes", b"") if before else b"")
        _check_mask(values, bits)
        values |= {"bytes": bits} if bits else {}
    return GivenShape(ShapeMetadata(kind, values), unwrap(given.id), unwrap(given.version))


def _matrix(given: Any, before: ShapeMetadata | None) -> tuple[float, ...]:
    if not given.loaded:
        known = None if before is None else before.values.get("transform")
        if known is None:
            raise usage("A transformation has to be loaded.")
        return known
    numbers = [unwrap(getattr(given, name)) for name in _MATRIX]
    if None in numbers:
        raise usage("A transformation has six numbers.")
    return tuple(map(_number, numbers))


def _check_mask(values: dict[str, Any], bits: bytes) -> None:
    width, height = (values.get(side) for side in ("width", "height"))
    if width is None or height is None or min(width, height) < 0 or width * height > _MOST_BITS:
        raise usage("A mask has a width and a height that an image could have.")
    if len(bits) > width * height // 8 + 1:
        raise usage("A mask has no more bits than its width and height tell.")


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return _number(value)
    return _text(value) if isinstance(value, str) else value


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise usage("A region is made of finite numbers.")
    return value


def _text(value: Any) -> str | None:
    text = unwrap(value)
    if text is not None and len(text) > _LONGEST_TEXT:
        raise usage(f"A text of a region is at most {_LONGEST_TEXT} characters long.")
    return text
