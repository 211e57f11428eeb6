"""Regions of interest as OMERO.web's viewers read them."""

from collections.abc import Sequence
from typing import Any

from render.shapes import (
    Ellipse,
    Geometry,
    Label,
    Line,
    Mask,
    Point,
    Polygon,
    Polyline,
    Rectangle,
    Roi,
    Shape,
)
from render.values import Color


def roi_list(rois: Sequence[Roi]) -> list[dict[str, Any]]:
    """Give regions by id, the shapes of each by section, then timepoint; those on all first."""
    return [
        {"id": roi.id, "shapes": [shape_data(shape) for shape in sorted(roi.shapes, key=_place)]}
        for roi in sorted(rois, key=lambda roi: roi.id)
    ]


def shape_data(shape: Shape) -> dict[str, Any]:
    """Give one shape; what is not set is left out. The bits of a mask are not told."""
    data: dict[str, Any] = {"id": shape.id}
    _add(data, "theT", shape.t)
    _add(data, "theZ", shape.z)
    data |= _geometry(shape.geometry)
    if shape.text is not None:
        data["textValue"] = shape.text
        _add(data, "fontSize", shape.font_size)
        _add(data, "fontStyle", shape.font_style)
        _add(data, "fontFamily", shape.font_family)
    if shape.transform is not None:
        data["transform"] = f"matrix({' '.join(map(str, shape.transform))})"
    _add_color(data, "fill", shape.fill_color)
    _add_color(data, "stroke", shape.stroke_color)
    _add(data, "strokeWidth", shape.stroke_width)
    if isinstance(shape.geometry, Line | Polyline):
        _add(data, "markerStart", shape.geometry.marker_start)
        _add(data, "markerEnd", shape.geometry.marker_end)
    return data


def _place(shape: Shape) -> tuple[int, int, int]:
    return (
        -1 if shape.z is None else shape.z,
        -1 if shape.t is None else shape.t,
        shape.id,
    )


def _geometry(geometry: Geometry | None) -> dict[str, Any]:
    match geometry:
        case Rectangle(x, y, width, height):
            return {"type": "Rectangle", "x": x, "y": y, "width": width, "height": height}
        case Mask(x, y, width, height):
            return {"type": "Mask", "x": x, "y": y, "width": width, "height": height}
        case Ellipse(x, y, radius_x, radius_y):
            return {"type": "Ellipse", "x": x, "y": y, "radiusX": radius_x, "radiusY": radius_y}
        case Line(x1, y1, x2, y2):
            return {"type": "Line", "x1": x1, "x2": x2, "y1": y1, "y2": y2}
        case Polyline(points):
            return {"type": "PolyLine", "points": svg_path(points)}
        case Polygon(points):
            return {"type": "Polygon", "points": svg_path(points, closed=True)}
        case Point(x, y):
            return {"type": "Point", "x": x, "y": y}
        case Label(x, y):
            return {"type": "Label", "x": x, "y": y}
    return {}


def svg_path(points: Sequence[tuple[float, float]], closed: bool = False) -> str:
    """Give a path such as `M 1 2 L 3.5 4 z`; empty without points."""
    if not points:
        return ""
    steps = " L ".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return f"M {steps} z" if closed else f"M {steps}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _add(data: dict[str, Any], key: str, value: Any) -> None:
    if value is not None:
        data[key] = value


def _add_color(data: dict[str, Any], what: str, color: Color | None) -> None:
    if color is not None:
        data[f"{what}Color"] = f"#{color.red:02x}{color.green:02x}{color.blue:02x}"
        data[f"{what}Alpha"] = color.alpha / 255
