"""Which pixels shapes cover, held against slow ways to tell, and statistics put together."""

import math

import numpy as np
import pytest

from render import shape_stats
from render.engine import cover
from render.engine.moments import Moments, moments
from render.engine.outline import ellipse, inverse, moved, rectangle
from render.shapes import Mask, Shape
from render.values import Region

WINDOW = (3, 5, 40, 30)


def middles():
    x, y, width, height = WINDOW
    for row in range(height):
        for column in range(width):
            yield row, column, x + column + 0.5, y + row + 0.5


def winding(points, x, y):
    """How often a closed line winds around a place, by the angles to its points."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        angle = math.atan2(y2 - y, x2 - x) - math.atan2(y1 - y, x1 - x)
        total += (angle + math.pi) % (2 * math.pi) - math.pi
    return round(total / (2 * math.pi))


@pytest.mark.parametrize("seed", range(6))
def test_a_polygon_covers_what_it_winds_around(seed):
    random = np.random.default_rng(seed)
    points = random.uniform((-5, -5), (50, 45), (4 + seed, 2))
    covered = cover.polygon(points, WINDOW)
    for row, column, x, y in middles():
        assert covered[row, column] == (winding(points.tolist(), x, y) != 0), (x, y)
    assert 0 < covered.sum() < covered.size


def test_neighbours_share_no_pixel_and_leave_none_out():
    left = cover.polygon(rectangle(3.5, 5.0, 10, 20), WINDOW)
    right = cover.polygon(rectangle(13.5, 5.0, 5, 20), WINDOW)
    assert not (left & right).any()
    assert (left | right).sum() == 15 * 20 == cover.polygon(rectangle(3.5, 5, 15, 20), WINDOW).sum()
    # Of whole pixels, exactly these.
    whole = cover.polygon(rectangle(5, 7, 3, 2), WINDOW)
    assert np.argwhere(whole).tolist() == [[2, 2], [2, 3], [2, 4], [3, 2], [3, 3], [3, 4]]


def test_parts_of_a_window_are_the_parts_of_its_cover():
    x, y, width, height = WINDOW
    points = ellipse(20, 20, 13, 9) @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    bits = np.packbits(np.random.default_rng(1).random((9, 11)) < 0.5).tobytes()
    line = np.array([(-100.0, -3.0), (60.0, 31.7), (7.2, 22.0)])
    turn = (0.8, 0.6, -0.6, 0.8, 3.0, -4.0)
    for draw in (
        lambda window: cover.polygon(points, window),
        lambda window: cover.ellipse(20, 20, 13, 9, turn, window),
        lambda window: cover.mask(bits, (11, 9), 11, 12, turn, window),
    ):
        whole = draw(WINDOW)
        rows = [draw((x, y + i, width, 1)) for i in range(height)]
        assert whole.any() and np.array_equal(np.concatenate(rows), whole)
    rows = np.concatenate([cover.line(line, (x, y + i, width, 1)) for i in range(height)])
    # A line is followed in steps; where it cuts a corner of a pixel, they may miss it.
    assert (rows != cover.line(line, WINDOW)).sum() <= 4


def test_an_ellipse_covers_what_its_equation_says():
    turn = (0.8, 0.6, -0.6, 0.8, 3.0, -4.0)
    covered = cover.ellipse(30, 10, 11, 5, inverse(turn), WINDOW)
    for row, column, x, y in middles():
        (told_x, told_y) = moved(np.array((x, y)), inverse(turn))
        expected = ((told_x - 30) / 11) ** 2 + ((told_y - 10) / 5) ** 2 <= 1
        assert covered[row, column] == expected
    assert covered.sum() == pytest.approx(math.pi * 11 * 5, rel=0.05)
    assert not cover.ellipse(20, 18, 0, 5, None, WINDOW).any()


def test_a_mask_lies_where_it_is_told_and_moves_with_its_matrix():
    bits, size = np.packbits([True, False, True, True]).tobytes(), (2, 2)
    covered = cover.mask(bits, size, 5, 7, None, WINDOW)
    assert np.argwhere(covered).tolist() == [[2, 2], [3, 2], [3, 3]]
    twice = inverse((2.0, 0.0, 0.0, 2.0, 0.0, 0.0))
    assert cover.mask(bits, size, 2.5, 3.5, twice, WINDOW).sum() == 12
    assert not cover.mask(bits, size, 100, 7, None, WINDOW).any()


def test_a_mask_that_is_told_to_be_huge_costs_no_more_than_what_is_looked_at():
    shape = Shape(1, 1, 1, Mask(5, 7, 9e8, 9e8, b"\xff"))
    under = shape_stats.covered(shape, Region(*WINDOW))
    assert np.argwhere(under).tolist() == [[2, column] for column in range(2, 10)]


def test_lines_cover_the_pixels_they_run_through():
    flat = cover.line(np.array([(4.5, 6.5), (8.5, 6.5)]), WINDOW)
    assert np.argwhere(flat).tolist() == [[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]]
    steep = cover.line(np.array([(4.5, -1e6), (4.5, 1e6)]), WINDOW)
    assert np.array_equal(np.flatnonzero(steep.any(0)), [1]) and steep.sum() == 30
    assert np.argwhere(cover.line(np.array([(4.5, 6.5)]), WINDOW)).tolist() == [[1, 1]]
    for outside in ([(0.0, 0.0), (2.0, 100.0)], [(0.0, 0.0)], [(50.0, 6.0), (60.0, 6.0)]):
        assert not cover.line(np.array(outside), WINDOW).any()


@pytest.mark.parametrize("kind", ["u1", "i2", "u4", "f4", "f8"])
def test_parts_put_together_are_the_whole(kind):
    random = np.random.default_rng(3)
    values = (random.normal(1000, 200, 999) % 120).astype(kind)
    whole = moments(values)
    parts = Moments()
    for part in (values[:1], values[1:1], values[1:700], values[700:]):
        parts = parts.plus(moments(part))
    for found in (whole, parts):
        assert (found.points, found.count) == (999, 999)
        assert (found.low, found.high) == (values.min(), values.max())
        assert found.total == pytest.approx(values.sum(dtype=np.float64))
        assert found.mean == pytest.approx(values.mean(dtype=np.float64))
        assert found.deviation == pytest.approx(values.std(dtype=np.float64, ddof=1))


def test_what_has_no_value():
    nan = moments(np.array([np.nan, 3.0, np.nan, 5.0]))
    assert (nan.points, nan.count, nan.mean, nan.low, nan.high) == (4, 2, 4.0, 3.0, 5.0)
    nothing = Moments().plus(moments(np.array([], np.uint8))).plus(moments(np.array([np.nan])))
    assert (nothing.points, nothing.total, nothing.mean, nothing.deviation) == (1, 0, None, None)
    assert moments(np.array([7], np.int16)).deviation == 0.0
    largest = np.full(3, 2**32 - 1, np.uint32)
    assert moments(largest).total == 3 * (2**32 - 1) and moments(largest).deviation == 0.0
