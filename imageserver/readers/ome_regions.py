"""The regions of interest that OME-XML tells of, with their shapes and masks."""

import base64
import binascii
import bz2
import math
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

from imageserver.readers.objects import MAX_PER_IMAGE, RoiMetadata, ShapeMetadata
from imageserver.readers.ome_xml import (
    boolean_of,
    children,
    length_of,
    number_of,
    tag,
    text_below,
    whole_of,
)

_NUMBERS: dict[str, dict[str, str]] = {
    "Rectangle": {"x": "X", "y": "Y", "width": "Width", "height": "Height"},
    "Ellipse": {"x": "X", "y": "Y", "radiusX": "RadiusX", "radiusY": "RadiusY"},
    "Point": {"x": "X", "y": "Y"},
    "Line": {"x1": "X1", "y1": "Y1", "x2": "X2", "y2": "Y2"},
    "Polyline": {},
    "Polygon": {},
    "Mask": {"x": "X", "y": "Y", "width": "Width", "height": "Height"},
    "Label": {"x": "X", "y": "Y"},
}
#: What schemas before 2013 called some of these.
_OLD_NUMBERS = {"X": ("Cx",), "Y": ("Cy",), "RadiusX": ("Rx",), "RadiusY": ("Ry",)}
_TEXTS = {
    "textValue": ("Text", "Label"),
    "fontFamily": ("FontFamily",),
    "fontStyle": ("FontStyle",),
    "fillRule": ("FillRule",),
    "strokeDashArray": ("StrokeDashArray",),
    "markerStart": ("MarkerStart",),
    "markerEnd": ("MarkerEnd",),
}
_MARKED = frozenset({"Line", "Polyline"})
_MATRIX = ("A00", "A10", "A01", "A11", "A02", "A12")
_INT32 = 1 << 31
#: A mask that is said to be larger has no bits.
MAX_MASK_PIXELS = 1 << 31

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "zlib": zlib.decompressobj,
    "bzip2": bz2.BZ2Decompressor,
}


def regions(root: Element, ids: tuple[str, ...]) -> tuple[RoiMetadata, ...]:
    """Give the regions with these ids, in the order of the ids; unknown ids are left out.

    A shape with a number missing is left out, and so is what is above the most that one image
    may have.
    """
    wanted = set(ids)
    by_id = {
        element.get("ID", ""): element
        for element in children(root, "ROI")
        if element.get("ID") in wanted
    }
    found: list[RoiMetadata] = []
    room = MAX_PER_IMAGE
    for roi_id in dict.fromkeys(ids):
        element = by_id.get(roi_id)
        if element is None or len(found) == MAX_PER_IMAGE:
            continue
        shapes = tuple(_shapes(element))[:room]
        room -= len(shapes)
        found.append(
            RoiMetadata(
                shapes, element.get("Name") or None, text_below(element, "Description") or None
            )
        )
    return tuple(found)


def _shapes(roi: Element) -> Iterator[ShapeMetadata]:
    for union in children(roi, "Union"):
        for element in union:
            # Schemas before 2015 wrap the geometry in an element Shape.
            inner = next((child for child in element if tag(child) in {*_NUMBERS, "Path"}), None)
            outer = element if tag(element) == "Shape" and inner is not None else None
            shape = _shape(element if outer is None or inner is None else inner, outer)
            if shape is not None:
                yield shape


def _shape(element: Element, outer: Element | None) -> ShapeMetadata | None:
    kind = tag(element)
    numbers = _NUMBERS.get(kind)
    if numbers is None:
        return None
    values: dict[str, Any] = {}
    for member, attribute in numbers.items():
        names = (attribute, *_OLD_NUMBERS.get(attribute, ()))
        value = next((n for name in names if (n := number_of(element, name)) is not None), None)
        if value is None or not math.isfinite(value):
            return None
        values[member] = value
    if kind in {"Polyline", "Polygon"}:
        if kind == "Polyline" and boolean_of(element, "Closed"):
            kind = "Polygon"
        values["points"] = element.get("Points") or ""
    owners = (element,) if outer is None else (element, outer)
    for owner in owners:
        _add_style(values, owner, kind)
    if kind == "Mask":
        values["bytes"] = _bits(element, values["width"], values["height"])
    return ShapeMetadata(kind, {key: value for key, value in values.items() if value is not None})


def _add_style(values: dict[str, Any], element: Element, kind: str) -> None:
    found: dict[str, Any] = {
        member: next((text for name in names if (text := element.get(name))), None)
        for member, names in _TEXTS.items()
        if kind in _MARKED or not member.startswith("marker")
    }
    found |= {
        "theZ": whole_of(element, "TheZ"),
        "theT": whole_of(element, "TheT"),
        "theC": whole_of(element, "TheC"),
        "fillColor": _color(element, "FillColor"),
        "strokeColor": _color(element, "StrokeColor"),
        "strokeWidth": length_of(element, "StrokeWidth", "pixel"),
        "fontSize": length_of(element, "FontSize", "pt"),
        "locked": boolean_of(element, "Locked"),
        "transform": _transform(element),
    }
    for member, value in found.items():
        if value is not None:
            values.setdefault(member, value)


def _color(element: Element, name: str) -> int | None:
    value = number_of(element, name)
    if value is None or not math.isfinite(value):
        return None
    return (int(value) + _INT32) % (2 * _INT32) - _INT32


def _transform(element: Element) -> tuple[float, ...] | None:
    matrix = next(children(element, "Transform"), None)
    if matrix is None:
        return None
    numbers = [number_of(matrix, name) for name in _MATRIX]
    finite = tuple(n for n in numbers if n is not None and math.isfinite(n))
    return finite if len(finite) == len(_MATRIX) else None


def _bits(element: Element, width: float, height: float) -> bytes:
    """Read a mask's bits, never more than its size needs; empty when they cannot be read."""
    data = next(children(element, "BinData"), None)
    if data is None or not data.text or min(width, height) <= 0:
        return b""
    if width * height > MAX_MASK_PIXELS:
        return b""
    most = math.ceil(width * height / 8)
    try:
        packed = base64.b64decode("".join(data.text.split()))
        make = _DECOMPRESSORS.get((data.get("Compression") or "").lower())
        return packed[:most] if make is None else make().decompress(packed, most)
    except (binascii.Error, ValueError, zlib.error, OSError, EOFError):
        return b""
