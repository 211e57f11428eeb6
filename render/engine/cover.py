"""Which pixels a shape covers, in a window of an image.

A pixel belongs to an area when its middle lies inside; a line covers the pixels that it runs
through, a point the one that it lies in. Coordinates count from the upper left corner of the
image's first pixel, windows are (x, y, width, height), results (height, width) bool.
"""

import numpy as np
from numpy.typing import NDArray

from render.engine.mask import bits_at
from render.engine.outline import Matrix, Points, moved

Window = tuple[int, int, int, int]
Cover = NDArray[np.bool_]

#: Lines are followed in steps of that many pixels, so that none they run through is missed by much.
_STEP = 0.25


def polygon(points: Points, window: Window) -> Cover:
    """Cover a closed line through (n, 2) points; where it winds around more than once, too."""
    x, y, width, height = window
    cover = np.zeros((height, width), np.bool_)
    if len(points) < 3:
        return cover
    (x1, y1), (x2, y2) = points.T, np.roll(points, -1, 0).T
    for row in range(height):
        middle = y + row + 0.5
        crosses = (y1 <= middle) != (y2 <= middle)
        if not crosses.any():
            continue
        from_x, from_y, to_y = x1[crosses], y1[crosses], y2[crosses]
        places = from_x + (middle - from_y) * (x2[crosses] - from_x) / (to_y - from_y)
        order = np.argsort(places)
        wound = np.cumsum(np.where(from_y <= middle, 1, -1)[order])
        # A pixel whose middle lies on a crossing is the first one behind it.
        columns = np.clip(np.ceil(places[order] - x - 0.5), 0, width).astype(np.int64)
        for first, last, turns in zip(columns[:-1], columns[1:], wound[:-1], strict=True):
            if turns:
                cover[row, first:last] = True
    return cover


def ellipse(
    x: float, y: float, radius_x: float, radius_y: float, back: Matrix | None, window: Window
) -> Cover:
    """Cover an ellipse; `back` is the transformation from the image to where it is told."""
    if radius_x <= 0 or radius_y <= 0:
        return np.zeros((window[3], window[2]), np.bool_)
    middles = moved(_middles(window), back)
    across = (middles[..., 0] - x) / radius_x
    down = (middles[..., 1] - y) / radius_y
    return across * across + down * down <= 1


def mask(
    data: bytes, size: tuple[int, int], x: float, y: float, back: Matrix | None, window: Window
) -> Cover:
    """Cover the set bits of a mask of that (width, height), whose corner lies at `x`, `y`."""
    places = moved(_middles(window), back) - (x, y)
    width, height = size
    inside = (places >= 0).all(-1) & (places[..., 0] < width) & (places[..., 1] < height)
    cover = np.zeros(inside.shape, np.bool_)
    columns, rows = places[inside].astype(np.int64).T
    cover[inside] = bits_at(data, width, columns, rows)
    return cover


def line(points: Points, window: Window) -> Cover:
    """Cover straight lines from point to point; one point alone is a pixel."""
    x, y, width, height = window
    cover = np.zeros((height, width), np.bool_)
    corner = np.array((x, y), np.float64)
    for start, end in zip(points[:-1] - corner, points[1:] - corner, strict=True):
        part = _clipped(start, end, width, height)
        if part is None:
            continue
        start, end = part
        count = int(np.abs(end - start).max() / _STEP) + 2
        _set(cover, np.linspace(start, end, count))
    if len(points) == 1:
        _set(cover, points - corner)
    return cover


def _middles(window: Window) -> NDArray[np.float64]:
    x, y, width, height = window
    columns, rows = np.arange(x, x + width) + 0.5, np.arange(y, y + height) + 0.5
    return np.stack(np.meshgrid(columns, rows), -1)


def _set(cover: Cover, places: NDArray[np.float64]) -> None:
    height, width = cover.shape
    inside = (places >= 0).all(-1) & (places[:, 0] < width) & (places[:, 1] < height)
    columns, rows = places[inside].astype(np.int64).T
    cover[rows, columns] = True


def _clipped(
    start: NDArray[np.float64], end: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Give the part of a line inside a box from 0, 0; None when nothing of it is."""
    first, last = 0.0, 1.0
    step = end - start
    for at, by, size in zip(start, step, (width, height), strict=True):
        if by == 0:
            if not 0 <= at < size:
                return None
            continue
        near, far = sorted((-at / by, (size - at) / by))
        first, last = max(first, near), min(last, far)
    if first > last:
        return None
    return start + first * step, start + last * step
