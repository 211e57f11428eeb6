"""Reads regions of interest with their shapes into value objects.

Shapes are asked for in pages: a reply has to stay small enough for the router, and an image can
have thousands of masks.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from render.blitz.ami import Pending, call, start
from render.blitz.mapping import unwrap
from render.blitz.queries import (
    LARGEST_MASK_OF_IMAGE,
    LARGEST_MASK_OF_ROI,
    LARGEST_MASK_OF_SHAPES,
    ROI,
    ROIS_OF_IMAGE,
    SHAPE,
    SHAPES,
    SHAPES_OF_IMAGE,
    SHAPES_OF_ROI,
    with_id,
    with_ids,
)
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotFound, TooLarge
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

_MOST_AT_ONCE = 1000
#: Pages that are asked for at the same time.
_PARALLEL = 4

_MATRIX = ("a00", "a10", "a01", "a11", "a02", "a12")
#: Of these letters Python makes no number but plain ones.
_LISTED = re.compile(r"[-+.0-9eE,\s]*", re.ASCII)
#: Two words with a comma between them. Anybody may store any text: one that is not a pair has to be
#: told in one pass, or a few thousand digits hold up the process for minutes.
_PAIR = re.compile(r"[\s,]*([^\s,]+)\s*,\s*([^\s,]+)", re.ASCII)
#: Old versions of OMERO wrote the points three times over; the first list is the one that counts.
_OLD_LIST = re.compile(r"points\s*\[")


def list_rois(live: LiveSession, image_id: int, deadline: Deadline) -> tuple[Roi, ...]:
    """List the regions of an image ordered by id; none when there is no such image.

    Raises TooLarge above `Limits.shapes`.
    """
    query = live.service("query", deadline)
    parameters = with_id(image_id)
    asked = start("list regions", query.projectionAsync, ROIS_OF_IMAGE, parameters)
    largest = start("measure masks", query.projectionAsync, LARGEST_MASK_OF_IMAGE, parameters)
    roi_ids = [row[0].val for row in asked.result(deadline)]
    page = page_for(live, largest.result(deadline))
    shapes = _load_shapes(live, SHAPES_OF_IMAGE, image_id, page, deadline) if roi_ids else {}
    return tuple(_roi(roi_id, image_id, shapes) for roi_id in sorted(roi_ids))


def load_roi(live: LiveSession, roi_id: int, deadline: Deadline) -> Roi:
    """Load one region; raise NotFound when it is missing or invisible."""
    query = live.service("query", deadline)
    asked = start("find the region", query.projectionAsync, ROI, with_id(roi_id))
    largest = start("measure masks", query.projectionAsync, LARGEST_MASK_OF_ROI, with_id(roi_id))
    rows = asked.result(deadline)
    if not rows:
        largest.cancel()
        raise NotFound(f"there is no region {roi_id} that is visible to you")
    page = page_for(live, largest.result(deadline))
    shapes = _load_shapes(live, SHAPES_OF_ROI, roi_id, page, deadline)
    return _roi(roi_id, rows[0][1].val, shapes)


def load_shape(live: LiveSession, shape_id: int, deadline: Deadline) -> Shape:
    """Load one shape; raise NotFound when it is missing or invisible."""
    query = live.service("query", deadline)
    found = call(deadline, "find the shape", query.findByQueryAsync, SHAPE, with_id(shape_id))
    if found is None:
        raise NotFound(f"there is no shape {shape_id} that is visible to you")
    return shape_of(found)


def load_shapes(
    live: LiveSession, shape_ids: Sequence[int], deadline: Deadline
) -> tuple[Shape, ...]:
    """Load shapes, ordered by id; those that are missing or invisible are left out."""
    query, wanted = live.service("query", deadline), sorted(shape_ids)
    largest = call(
        deadline,
        "measure masks",
        query.projectionAsync,
        LARGEST_MASK_OF_SHAPES,
        with_ids(wanted),
    )
    size = page_for(live, largest)
    found = []
    for first in range(0, len(wanted), size):
        ids = with_ids(wanted[first : first + size])
        found += call(deadline, "load shapes", query.findAllByQueryAsync, SHAPES, ids)
    return tuple(shape_of(shape) for shape in found)


def page_for(live: LiveSession, rows: Sequence[Any]) -> int:
    """Give how many shapes may be asked for at once, by the pixels of the largest mask."""
    largest = unwrap(rows[0][0]) if rows else None
    if largest is None or not math.isfinite(largest):
        largest = 0
    mask_bytes = max(1, int(largest) // 8)
    return max(1, min(_MOST_AT_ONCE, live.limits.read_bytes // mask_bytes))


def _load_shapes(
    live: LiveSession, hql: str, object_id: int, page_size: int, deadline: Deadline
) -> Mapping[int, Sequence[Shape]]:
    """Load all shapes that a query gives, by the id of their region."""
    query = live.service("query", deadline)

    def page(number: int) -> Pending:
        parameters = with_id(object_id)
        parameters.theFilter = omero.sys.Filter(
            limit=omero.RInt(page_size), offset=omero.RInt(number * page_size)
        )
        return start("load shapes", query.findAllByQueryAsync, hql, parameters)

    found: dict[int, list[Shape]] = {}
    number, more, count = 0, True, 0
    while more:
        # Most images have one page; only where it is full others are asked for ahead.
        pages = [page(number + i) for i in range(_PARALLEL if number else 1)]
        number += len(pages)
        try:
            for pending in pages:
                loaded = pending.result(deadline)
                more = len(loaded) == page_size
                count += len(loaded)
                for shape in map(shape_of, loaded):
                    found.setdefault(shape.roi_id, []).append(shape)
        except BaseException:
            for pending in pages:
                pending.cancel()
            raise
        if more and count >= live.limits.shapes:
            raise TooLarge(f"there are more than {live.limits.shapes} shapes, which is the most")
    return found


def _roi(roi_id: int, image_id: int, shapes: Mapping[int, Sequence[Shape]]) -> Roi:
    own = sorted(shapes.get(roi_id, ()), key=lambda shape: shape.id)
    return Roi(roi_id, image_id, tuple(own))


def shape_of(shape: Any) -> Shape:
    """Give a shape of OMERO's model, with its region fetched, as a value object."""
    return Shape(
        id=shape.id.val,
        roi_id=shape.roi.id.val,
        image_id=shape.roi.image.id.val,
        geometry=_geometry_of(shape),
        z=unwrap(shape.theZ),
        c=unwrap(shape.theC),
        t=unwrap(shape.theT),
        text=unwrap(getattr(shape, "textValue", None)),
        font_size=_value_of(shape.fontSize),
        font_style=unwrap(shape.fontStyle),
        font_family=unwrap(shape.fontFamily),
        transform=_matrix_of(shape.transform),
        fill_color=color_of_rgba(unwrap(shape.fillColor)),
        stroke_color=color_of_rgba(unwrap(shape.strokeColor)),
        stroke_width=_value_of(shape.strokeWidth),
    )


def parse_points(text: str) -> tuple[tuple[float, float], ...]:
    """Read `x,y x,y` or the old `points[x,y, x,y] points1[…] …`; empty when that cannot be."""
    old = _OLD_LIST.search(text)
    end = -1 if old is None else text.find("]", old.end())
    if old is not None and end >= 0:
        text = text[old.end() : end]
    text = text.rstrip(" ,\t\r\n")
    if not _LISTED.fullmatch(text):
        return ()
    points = []
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return ()
        try:
            points.append((float(pair[1]), float(pair[2])))
        except ValueError:
            return ()
        at = pair.end()
    return tuple(points)


def color_of_rgba(rgba: int | None) -> Color | None:
    """Split a signed 32-bit number that is 0xRRGGBBAA."""
    if rgba is None:
        return None
    return Color(rgba >> 24 & 255, rgba >> 16 & 255, rgba >> 8 & 255, rgba & 255)


def _geometry_of(shape: Any) -> Geometry | None:
    model = omero.model
    if isinstance(shape, model.Rectangle):
        return Rectangle(*_numbers(shape, "x", "y", "width", "height"))
    if isinstance(shape, model.Mask):
        x, y, width, height = _numbers(shape, "x", "y", "width", "height")
        return Mask(x, y, width, height, bytes(shape.bytes or b""))
    if isinstance(shape, model.Ellipse):
        return Ellipse(*_numbers(shape, "x", "y", "radiusX", "radiusY"))
    if isinstance(shape, model.Point):
        return Point(*_numbers(shape, "x", "y"))
    if isinstance(shape, model.Label):
        return Label(*_numbers(shape, "x", "y"))
    if isinstance(shape, model.Line):
        x1, y1, x2, y2 = _numbers(shape, "x1", "y1", "x2", "y2")
        return Line(x1, y1, x2, y2, *_markers(shape))
    if isinstance(shape, model.Polyline):
        return Polyline(parse_points(unwrap(shape.points) or ""), *_markers(shape))
    if isinstance(shape, model.Polygon):
        return Polygon(parse_points(unwrap(shape.points) or ""))
    return None


def _numbers(shape: Any, *names: str) -> tuple[float, ...]:
    return tuple(unwrap(getattr(shape, name)) or 0.0 for name in names)


def _markers(shape: Any) -> tuple[str | None, str | None]:
    return unwrap(shape.markerStart), unwrap(shape.markerEnd)


def _value_of(length: Any) -> float | None:
    return None if length is None else length.value


def _matrix_of(matrix: Any) -> Any:
    if matrix is None or not matrix.loaded:
        return None
    numbers = tuple(unwrap(getattr(matrix, name)) for name in _MATRIX)
    return None if None in numbers else numbers
