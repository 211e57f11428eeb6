"""Scale bars and texts on frames."""

import numpy as np
import pytest

from render.engine.marks import Marks, ScaleBar, draw_marks, fitting_length


@pytest.mark.parametrize(
    ("width", "um_per_pixel", "expected"),
    [(1000, 0.1, 20), (1000, 0.5, 100), (640, 0.325, 20), (100, 1e-4, 0.002), (512, 7.0, 500)],
)
def test_a_bar_is_a_round_number_of_about_a_fifth(width, um_per_pixel, expected):
    length = fitting_length(width, um_per_pixel)
    assert length == expected
    assert 0.08 * width < length / um_per_pixel <= 0.2001 * width


@pytest.mark.parametrize(
    ("length_um", "label"), [(20, "20 µm"), (0.5, "500 nm"), (2000, "2 mm"), (2.5, "2.5 µm")]
)
def test_lengths_are_written_in_a_fitting_unit(length_um, label):
    assert ScaleBar(10, length_um).label == label


def test_marks_are_drawn_on_a_copy_and_in_their_corners():
    picture = np.full((100, 200, 3), 90, np.uint8)
    marked = draw_marks(picture, Marks(ScaleBar(50, 10.0), "t 1/2"))
    assert (picture == 90).all()
    changed = (marked != 90).any(axis=2)
    assert changed[:30, :60].any() and changed[60:, 120:].any()
    assert not changed[:50, 120:].any() and not changed[60:, :100].any()
    white = (marked == 255).all(axis=2)
    assert max(row.sum() for row in white[85:]) == 50


def test_nothing_to_write_leaves_the_picture_alone():
    picture = np.zeros((5, 5, 3), np.uint8)
    assert draw_marks(picture, Marks()) is picture


def test_a_picture_of_a_few_pixels_can_be_marked():
    assert draw_marks(np.zeros((1, 2, 3), np.uint8), Marks(ScaleBar(1, 5), "z 1/1")).shape == (
        *(1, 2, 3),
    )
