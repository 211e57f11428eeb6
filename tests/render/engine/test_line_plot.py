"""Line plots against a plain drawing of them, point by point."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from render.engine.line_plot import (
    CLEAR,
    FIRST_COLOR,
    MOST_COLORS,
    WHITE,
    draw_plot,
    encode_plot,
    heights,
    palette_places,
    turned_to_column,
)
from render.errors import BadRequest, TooLarge


def drawn_plainly(curves, length, span, position):
    canvas = np.full((span, length), CLEAR, np.uint8)
    canvas[position] = WHITE
    for curve, place in curves:
        for x in range(length):
            low, high = sorted((int(curve[max(x - 1, 0)]), int(curve[x])))
            for y in range(low, high + 1):
                canvas[span - 1 - y, x] = place
    return canvas


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_plot_is_what_it_is_told_to_be(data):
    length, span = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    position = data.draw(st.integers(0, span - 1))
    curve = arrays(np.int64, length, elements=st.integers(0, span - 1))
    curves = [(data.draw(curve), 3), (data.draw(curve), 4)]
    plot = draw_plot(curves, length, span, position)
    np.testing.assert_array_equal(plot, drawn_plainly(curves, length, span, position))


def test_a_column_is_a_row_on_its_side():
    curve = np.array([0, 2, 1])
    span, x = 4, 3
    column = turned_to_column(draw_plot([(curve, 3)], 3, span, span - 1 - x))
    np.testing.assert_array_equal(column, [[3, 0, 0, 2], [3, 3, 3, 2], [0, 3, 3, 2]])


def test_wide_lines():
    curve = np.array([0, 0, 0, 0, 5, 0, 0, 0])
    plot = draw_plot([(curve, 3)], 8, 10, 2, line_width=3)
    # Row 3 is white too, but for the tip of the curve.
    np.testing.assert_array_equal(np.nonzero((plot == WHITE).all(1))[0], [1, 2])
    assert (plot[-2:] == 3).all()
    assert (plot[3:, 3:7] == 3).all() and not (plot[3:-2, :3] == 3).any()


@pytest.mark.parametrize(
    ("values", "value_range", "expected"),
    [
        ([0, 5, 10], (0, 10), [0, 50, 100]),
        ([-128, 0, 127], (-128, 127), [0, 50, 100]),
        ([1000, 1500, 2000], (1000, 2000), [0, 50, 100]),
        ([-7, 99], (0, 10), [0, 100]),
        ([np.nan, np.inf, -np.inf, 0.5], (0, 1), [0, 100, 0, 50]),
        ([4, 4], (4, 4), [0, 0]),
        ([4, 4], (np.nan, 4), [0, 0]),
    ],
)
def test_curves_fill_the_range_of_the_values(values, value_range, expected):
    assert heights(np.array(values), value_range, 101).tolist() == expected


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i2", ">u2", ">i4", ">u4", ">f4", ">f8"])
def test_values_of_all_types(dtype):
    values = np.array([1, 100], dtype)
    assert heights(values, (0, 100), 201).tolist() == [2, 200]
    if dtype == ">u4":
        assert heights(np.array([2**32 - 1], dtype), (0, 2**32 - 1), 9).tolist() == [8]


def test_the_file_keeps_the_palette_and_what_is_see_through():
    palette, places = palette_places([(255, 0, 0), (0, 0, 255), (255, 0, 0)])
    assert places == [FIRST_COLOR, FIRST_COLOR + 1, FIRST_COLOR]
    plot = np.array([[0, 1, 2], [3, 4, 0]], np.uint8)
    image = Image.open(io.BytesIO(encode_plot(plot, palette)))
    assert (image.format, image.mode, image.info["transparency"]) == ("GIF", "P", 0)
    np.testing.assert_array_equal(np.asarray(image), plot)
    shown = np.asarray(image.convert("RGBA"))
    assert shown[..., 3].tolist() == [[0, 255, 255], [255, 255, 0]]
    assert shown[1, 0, :3].tolist() == [255, 0, 0] and shown[1, 1, :3].tolist() == [0, 0, 255]


def test_a_palette_has_an_end():
    colors = [(number % 256, number // 256, 0) for number in range(MOST_COLORS)]
    palette, _ = palette_places(colors * 2)
    assert len(palette) == 256
    with pytest.raises(BadRequest, match="fewer channels"):
        palette_places([*colors, (1, 2, 3)])


@pytest.mark.parametrize("shape", [(1, 65536), (65536, 1)])
def test_a_plot_that_no_gif_can_hold_is_told_to_be_too_large(shape):
    with pytest.raises(TooLarge, match="gif holds at most 65535"):
        encode_plot(np.zeros(shape, np.uint8), [(0, 0, 0)])
