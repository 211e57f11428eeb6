"""Frames around shapes, outlines and masks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.engine import frame, mask, outline
from render.values import Region


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 0, 0), Region(-125, -83, 250, 166)),
        ((100, 50, 100, 100), Region(25, 17, 250, 166)),
        ((0, 0, 300, 10), Region(-75, -145, 450, 300)),
        # As high as three halves of its width: the frame keeps three to two.
        ((0, 0, 10, 301), Region(-333, -75, 676, 450)),
        ((-10.5, 3.25, 201, 100), Region(-61, -48, 301, 201)),
    ],
)
def test_frames(box, expected):
    assert frame.frame_around(*box) == expected


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_frame_holds_the_shape_with_room_around_it(x, y, width, height):
    found = frame.frame_around(x, y, width, height)
    assert found.x <= x and found.y <= y
    assert found.x + found.width >= x + width and found.y + found.height >= y + height
    assert frame.thumbnail_size(found)[0] == 250
    assert 160 <= frame.thumbnail_size(found)[1] <= 170


def test_a_frame_is_read_from_the_smallest_level_that_suffices():
    levels = ((10000, 8000), (2500, 2000), (625, 500))
    assert frame.frame_level(Region(0, 0, 250, 166), levels) == 0
    assert frame.frame_level(Region(0, 0, 999, 666), levels) == 0
    assert frame.frame_level(Region(0, 0, 1000, 666), levels) == 1
    assert frame.frame_level(Region(0, 0, 4000, 2666), levels) == 2
    assert frame.frame_at_level(Region(-4, 401, 1000, 666), levels[0], levels[1]) == Region(
        -1, 100, 250, 166
    )


def test_what_lies_beyond_the_image_is_light_grey():
    picture = np.full((2, 3, 4), 7, np.uint8)
    ground = frame.on_ground(picture, (5, 4), (1, 2))
    assert ground.shape == (4, 5, 3)
    assert (ground[2:, 1:4] == 7).all()
    assert (ground == 221).all(-1).sum() == 20 - 6
    assert (frame.on_ground(None, (5, 4), (0, 0)) == 221).all()


def bits_one_by_one(data, width, height):
    bits = np.zeros((height, width), bool)
    for index in range(width * height):
        if index // 8 < len(data):
            bits[index // width, index % width] = data[index // 8] >> (7 - index % 8) & 1
    return bits


@given(st.binary(max_size=30), st.integers(1, 12), st.integers(1, 12))
def test_bits_are_those_read_one_by_one(data, width, height):
    expected = bits_one_by_one(data, width, height)
    np.testing.assert_array_equal(mask.mask_bits(data, width, height), expected)
    rows, columns = np.indices((height, width))
    np.testing.assert_array_equal(mask.bits_at(data, width, columns, rows), expected)


def test_a_mask_is_see_through_where_it_is_not_set():
    drawn = mask.draw_mask(np.array([[True, False]]), (1, 2, 3, 4))
    assert drawn.tolist() == [[[1, 2, 3, 4], [0, 0, 0, 0]]]


def test_a_mask_tints_what_it_covers():
    before, after = [40, 100, 255], [148, 100, 128]
    picture = np.full((1, 8, 3), before, np.uint8)
    places = np.array(
        [
            [
                (-0.5, 0.5),
                (0, 0),
                (0.5, 0.5),
                (1.5, 0.5),
                (2.0, 0.5),
                (0.5, 1),
                (3, 1.5),
                (2.5, -1),
            ],
        ]
    )
    mask.tint(picture, np.array([[True, False, True]]), places, (255, 100, 0))
    covered = [False, True, True, False, True, False, False, False]
    assert picture.tolist() == [[after if is_covered else before for is_covered in covered]]


def test_an_affine_transformation_and_back():
    matrix = (2.0, 1.0, -1.0, 3.0, 10.0, 20.0)
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    there = outline.moved(points, matrix)
    assert there.tolist() == [[10, 20], [12, 21], [9, 23]]
    np.testing.assert_allclose(outline.moved(there, outline.inverse(matrix)), points, atol=1e-12)
    assert outline.moved(points, None) is points and outline.inverse(None) is None
    with pytest.raises(ZeroDivisionError):
        outline.inverse((1.0, 2.0, 2.0, 4.0, 0.0, 0.0))


def distance_to(points, closed, shape):
    """Give how far each pixel's middle is from the nearest of the lines."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    ends = np.concatenate([points, points[:1]]) if closed else points
    nearest = np.full(shape, np.inf)
    for (x1, y1), (x2, y2) in pairwise(ends):
        length = max((x2 - x1) ** 2 + (y2 - y1) ** 2, 1e-9)
        part = np.clip(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length, 0, 1)
        nearest = np.minimum(
            nearest, np.hypot(x - x1 - part * (x2 - x1), y - y1 - part * (y2 - y1))
        )
    return nearest


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(
    "points", [outline.rectangle(10, 8, 40, 25), outline.ellipse(40, 25, 22, 15)]
)
def test_a_line_is_drawn_two_pixels_wide_where_it_is_told(points, closed):
    picture = np.zeros((50, 80, 3), np.uint8)
    outline.draw_line(picture, points, (9, 8, 7), closed)
    drawn = (picture == (9, 8, 7)).all(-1)
    away = distance_to(points, closed, drawn.shape)
    assert drawn[away < 0.6].all()
    assert not drawn[away > 1.5].any()


def test_an_ellipse_goes_round():
    points = outline.ellipse(5, 6, 3, 2)
    np.testing.assert_allclose(((points[:, 0] - 5) / 3) ** 2 + ((points[:, 1] - 6) / 2) ** 2, 1)
    np.testing.assert_allclose(points.min(0), (2, 4))
    np.testing.assert_allclose(points.max(0), (8, 8))
