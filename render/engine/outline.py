"""Outlines of shapes, as points, and their drawing on a picture."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render.engine.letters import letters

#: Pixels of a line's width, of the outer radius of a point's circle, and of a text's height.
_LINE, _CIRCLE, _TEXT = 2, 5, 14
_CORNERS_OF_AN_ELLIPSE = 128
#: Lines are drawn that much larger first: thin ones come out uneven.
_FINE = 4

Matrix = tuple[float, float, float, float, float, float]
Points = NDArray[np.float64]


def rectangle(x: float, y: float, width: float, height: float) -> Points:
    """Give the corners of a rectangle, (4, 2) of x and y."""
    right, bottom = x + width, y + height
    return np.array([(x, y), (right, y), (right, bottom), (x, bottom)], np.float64)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """Give points around an ellipse, (128, 2) of x and y."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS_OF_AN_ELLIPSE, endpoint=False)
    return np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], -1)


def moved(points: Points, matrix: Matrix | None) -> Points:
    """Give points, (…, 2), after an affine transformation a00, a10, a01, a11, a02, a12."""
    if matrix is None:
        return points
    a00, a10, a01, a11, a02, a12 = matrix
    x, y = points[..., 0], points[..., 1]
    return np.stack([a00 * x + a01 * y + a02, a10 * x + a11 * y + a12], -1)


def inverse(matrix: Matrix | None) -> Matrix | None:
    """Give the transformation back; raise ZeroDivisionError when there is none."""
    if matrix is None:
        return None
    a00, a10, a01, a11, a02, a12 = matrix
    size = a00 * a11 - a01 * a10
    return (
        a11 / size,
        -a10 / size,
        -a01 / size,
        a00 / size,
        (a01 * a12 - a11 * a02) / size,
        (a10 * a02 - a00 * a12) / size,
    )


def draw_line(
    picture: NDArray[np.uint8], points: Points, color: tuple[int, int, int], closed: bool
) -> None:
    """Draw straight lines from point to point, and back to the first when `closed`.

    Pixels that a line of 2 pixels covers by half or more get its colour. Coordinates count from
    the upper left corner of the first pixel.
    """
    # Once more along the first line, so that the last corner is as round as the others.
    line = np.concatenate([points, points[:2]]) if closed else points
    fine = _fine(picture)
    ImageDraw.Draw(fine).line(
        [(float(x), float(y)) for x, y in line * _FINE - 0.5],
        fill=255,
        width=_LINE * _FINE,
        joint="curve",
    )
    _color_covered(picture, fine, color)


def draw_circle(
    picture: NDArray[np.uint8], x: float, y: float, color: tuple[int, int, int]
) -> None:
    """Mark a point by a small circle around it."""
    fine = _fine(picture)
    box = [(place + away) * _FINE - 0.5 for away in (-_CIRCLE, _CIRCLE) for place in (x, y)]
    ImageDraw.Draw(fine).ellipse(box, outline=255, width=_LINE * _FINE)
    _color_covered(picture, fine, color)


def _fine(picture: NDArray[np.uint8]) -> Image.Image:
    return Image.new("L", (picture.shape[1] * _FINE, picture.shape[0] * _FINE))


def _color_covered(
    picture: NDArray[np.uint8], fine: Image.Image, color: tuple[int, int, int]
) -> None:
    picture[np.asarray(fine.reduce(_FINE)) >= 128] = color


def draw_text(
    picture: NDArray[np.uint8],
    x: float,
    y: float,
    text: str,
    color: tuple[int, int, int],
    rim: tuple[int, int, int] | None = None,
) -> None:
    """Write lines of text centred at a place; `rim` sets them off from what is below."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).multiline_text(
        (x, y),
        text,
        fill=color,
        font=letters(_TEXT),
        anchor="mm",
        align="center",
        stroke_width=0 if rim is None else 1,
        stroke_fill=rim,
    )
    picture[...] = np.asarray(image)
