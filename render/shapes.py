"""Frozen value objects of regions of interest. Coordinates are in pixels of the full size."""

from dataclasses import dataclass

from render.values import Color


@dataclass(frozen=True)
class Rectangle:
    """`x`, `y` is the upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Ellipse:
    """`x`, `y` is the centre."""

    x: float
    y: float
    radius_x: float
    radius_y: float


@dataclass(frozen=True)
class Point:
    """One place."""

    x: float
    y: float


@dataclass(frozen=True)
class Label:
    """A text at a place."""

    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A straight line; markers are what its ends look like, such as `Arrow`."""

    x1: float
    y1: float
    x2: float
    y2: float
    marker_start: str | None = None
    marker_end: str | None = None


@dataclass(frozen=True)
class Polyline:
    """Straight lines from each (x, y) to the next; no points when they could not be read."""

    points: tuple[tuple[float, float], ...]
    marker_start: str | None = None
    marker_end: str | None = None


@dataclass(frozen=True)
class Polygon:
    """A closed line through each (x, y); no points when they could not be read."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Mask:
    """A picture of set and unset pixels whose upper left corner lies at `x`, `y`.

    `bits` holds them row by row without padding, the first of each byte as its highest bit; there
    may be fewer or more than `width` times `height`.
    """

    x: float
    y: float
    width: float
    height: float
    bits: bytes


Geometry = Rectangle | Ellipse | Point | Label | Line | Polyline | Polygon | Mask


@dataclass(frozen=True)
class Shape:
    """One shape of a region of interest; `z`, `c` and `t` are None for all planes.

    `geometry` is None for a class that OMERO has and we do not know. Colours are None when they
    are not set. `transform` holds a00, a10, a01, a11, a02, a12 of the matrix that moves the
    geometry: x' = a00 x + a01 y + a02 and y' = a10 x + a11 y + a12. Widths and font sizes are in
    the stored unit.
    """

    id: int
    roi_id: int
    image_id: int
    geometry: Geometry | None
    z: int | None = None
    c: int | None = None
    t: int | None = None
    text: str | None = None
    font_size: float | None = None
    font_style: str | None = None
    font_family: str | None = None
    transform: tuple[float, float, float, float, float, float] | None = None
    fill_color: Color | None = None
    stroke_color: Color | None = None
    stroke_width: float | None = None


@dataclass(frozen=True)
class Roi:
    """A region of interest of an image, with its shapes ordered by id."""

    id: int
    image_id: int
    shapes: tuple[Shape, ...]
