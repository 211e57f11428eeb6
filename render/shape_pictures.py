"""Jobs for pictures of shapes: the image around one, with its outline, and masks."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from render.engine import encode, frame, geometry, outline, panes, scale
from render.engine import mask as masks
from render.errors import NotFound
from render.job import RenderJob
from render.shapes import (
    Ellipse,
    Label,
    Line,
    Mask,
    Point,
    Polygon,
    Polyline,
    Rectangle,
    Shape,
)
from render.values import Color, Encoding, Region

#: Side of the box that stands for a point or label.
_POINT_SIDE = 100
#: No image reaches that far, and arithmetic on coordinates stays exact.
_FARTHEST = 1e9

_BETWEEN_POINTS = 0.001

_CARD = (200, 200, 200)
_CARD_TEXT = "Shape too large to\ngenerate thumbnail"
_RED, _BLACK, _WHITE = (255, 0, 0), (0, 0, 0), (255, 255, 255)


def frame_of(shape: Shape) -> Region:
    """Give what is shown of the image around a shape.

    Raises NotFound for a shape that nothing is known of, or that lies nowhere.
    """
    points = outline.moved(corners_of(shape), shape.transform)
    if not points.size or not (np.abs(points) < _FARTHEST).all():
        raise NotFound(f"shape {shape.id} has no place that could be shown")
    x, y = points.min(0)
    width, height = points.max(0) - (x, y)
    if isinstance(shape.geometry, Point | Label):
        x, y = x - _POINT_SIDE / 2, y - _POINT_SIDE / 2
        width = height = _POINT_SIDE
    return frame.frame_around(float(x), float(y), float(width), float(height))


def box_of(shape: Shape) -> Region | None:
    """Give the whole pixels within which a shape lies; None when it lies nowhere."""
    points = outline.moved(corners_of(shape), shape.transform)
    if not points.size or not (np.abs(points) < _FARTHEST).all():
        return None
    low, high = points.min(0), points.max(0)
    # An ellipse is told by points on it, between which it reaches a little further.
    reach = (high - low) * _BETWEEN_POINTS if isinstance(shape.geometry, Ellipse) else 0
    (x, y), (right, bottom) = np.floor(low - reach), np.floor(high + reach) + 1
    return Region(int(x), int(y), int(right - x), int(bottom - y))


def corners_of(shape: Shape) -> outline.Points:
    """Give points that a shape lies within, before its transformation; none if there are none."""
    match shape.geometry:
        case Rectangle(x, y, width, height) | Mask(x, y, width, height):
            return outline.rectangle(x, y, width, height)
        case Ellipse(x, y, radius_x, radius_y):
            return outline.ellipse(x, y, radius_x, radius_y)
        case Line(x1, y1, x2, y2):
            return np.array([(x1, y1), (x2, y2)], np.float64)
        case Polyline(points) | Polygon(points):
            return np.array(points, np.float64).reshape(-1, 2)
        case Point(x, y) | Label(x, y):
            return np.array([(x, y)], np.float64)
    return np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class ShapeThumbnailJob:
    """Draw the image around a shape, and the shape over it.

    `picture` draws the part of the frame that lies inside the image, None when nothing does;
    `canvas` (width, height) is the frame's size at the level that was read, `corner` where the
    picture lies in it.
    """

    shape: Shape
    frame: Region
    picture: RenderJob | None
    canvas: tuple[int, int]
    corner: tuple[int, int]
    color: tuple[int, int, int]
    encoding: Encoding = field(default_factory=Encoding)

    def run(self) -> bytes:
        """Give the bytes of the encoded thumbnail."""
        drawn = None if self.picture is None else self.picture.picture()
        thumbnail = frame.on_ground(drawn, self.canvas, self.corner)
        size = frame.thumbnail_size(self.frame)
        if size != self.canvas:
            thumbnail = scale.resize(thumbnail, *size)
        self._draw_shape(thumbnail)
        return encode.encode(thumbnail, self.encoding)

    def _draw_shape(self, thumbnail: NDArray[np.uint8]) -> None:
        corner = np.array([self.frame.x, self.frame.y])
        factor = thumbnail.shape[1] / self.frame.width
        moved = outline.moved(corners_of(self.shape), self.shape.transform)
        points = (moved - corner) * factor
        match self.shape.geometry:
            case Point():
                x, y = map(float, points[0])
                outline.draw_circle(thumbnail, x, y, self.color)
            case Label():
                x, y = map(float, points[0])
                (text,) = panes.shown_labels([self.shape.text or ""])
                rim = _WHITE if self.color == _BLACK else _BLACK
                outline.draw_text(thumbnail, x, y, text, self.color, rim)
            case Mask() as mask:
                self._tint(thumbnail, mask, factor)
            case Line() | Polyline():
                outline.draw_line(thumbnail, points, self.color, closed=False)
            case _:
                outline.draw_line(thumbnail, points, self.color, closed=True)

    def _tint(self, thumbnail: NDArray[np.uint8], mask: Mask, factor: float) -> None:
        try:
            back = outline.inverse(self.shape.transform)
        except ZeroDivisionError:
            # Flattened to a line: it covers no pixel.
            return
        height, width = thumbnail.shape[:2]
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        places = np.stack([x / factor + self.frame.x, y / factor + self.frame.y], -1)
        places = outline.moved(places, back) - (mask.x, mask.y)
        bits = masks.mask_bits(mask.bits, *mask_size(mask))
        masks.tint(thumbnail, bits, places, self.color)


@dataclass(frozen=True)
class CardJob:
    """Write the card that stands for a thumbnail of which too much would have to be read."""

    encoding: Encoding = field(default_factory=Encoding)

    def run(self) -> bytes:
        """Give the bytes of the encoded card."""
        card = np.full((frame.HEIGHT, frame.WIDTH, 3), _CARD, np.uint8)
        outline.draw_text(card, frame.WIDTH / 2, frame.HEIGHT / 2, _CARD_TEXT, _RED)
        return encode.encode(card, self.encoding)


@dataclass(frozen=True, eq=False)
class MaskJob:
    """Draw a mask as PNG: set bits in a colour, all others see-through.

    It is mirrored first, then turned clockwise by `rotation` degrees.
    """

    mask: Mask
    color: Color
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0

    def run(self) -> bytes:
        """Give the bytes of the PNG."""
        bits = masks.mask_bits(self.mask.bits, *mask_size(self.mask))
        bits = geometry.flip(bits, self.flip_horizontal, self.flip_vertical)
        bits = geometry.rotate(bits, self.rotation)
        color = (self.color.red, self.color.green, self.color.blue, self.color.alpha)
        return encode.encode_transparent(masks.draw_mask(bits, color))


def mask_size(mask: Mask) -> tuple[int, int]:
    """Give the (width, height) of a mask in pixels, at least 1 each.

    Raises NotFound for one without a size that an image could have.
    """
    sides = (mask.width, mask.height)
    if not all(side < _FARTHEST for side in sides):
        raise NotFound(f"the mask has no size that could be shown, {sides[0]:g} x {sides[1]:g}")
    return max(1, int(max(sides[0], 0))), max(1, int(max(sides[1], 0)))
