"""The grid of split-channel pictures, and their labels."""

import numpy as np
import pytest

from render.engine.panes import (
    empty_canvas,
    label_height,
    pane_grid,
    place,
    shown_labels,
)

#: Columns and rows by number of panes, as OMERO.web arranges them.
GRIDS = {
    1: (1, 1), 2: (2, 1), 3: (2, 2), 4: (2, 2), 5: (3, 2), 6: (3, 2), 7: (3, 3), 8: (3, 3),
    9: (3, 3), 10: (4, 3), 11: (4, 3), 12: (4, 3), 13: (4, 4),
}  # fmt: skip


@pytest.mark.parametrize(("count", "expected"), GRIDS.items())
def test_the_grid_has_a_cell_for_every_pane(count, expected):
    grid = pane_grid(count, (30, 20))
    assert (grid.columns, grid.rows) == expected
    assert grid.columns * grid.rows >= count
    assert grid.size == (
        30 * grid.columns + 2 * (grid.columns + 1),
        20 * grid.rows + 2 * grid.rows + 2,
    )


def test_panes_stand_row_by_row_within_white_borders():
    grid = pane_grid(5, (7, 5))
    canvas = empty_canvas(grid)
    expected = np.full((16, 29, 3), 255, np.uint8)
    for index in range(5):
        pane = np.full((5, 7, 4), 40 * index, np.uint8)
        place(canvas, grid, index, pane, "too small for a label")
        row, column = index // 3, index % 3
        expected[2 + 7 * row :][:5, 2 + 9 * column :][:, :7] = 40 * index
    np.testing.assert_array_equal(canvas, expected)


@pytest.mark.parametrize(
    ("width", "height"),
    [
        *((1, 0), (95, 0), (96, 8), (212, 8), (213, 10), (256, 12), (298, 14), (384, 18)),
        *((512, 24), (639, 24), (640, 32), (767, 32), (768, 40), (1024, 56), (9999, 64)),
    ],
)
def test_labels_grow_with_the_pane(width, height):
    assert label_height(width) == height


@pytest.mark.parametrize("shade", [0, 255])
def test_a_label_can_be_read_on_any_ground_and_changes_nothing_below_it(shade):
    grid = pane_grid(1, (300, 60))
    pane = np.full((60, 300, 3), shade, np.uint8)
    canvas = empty_canvas(grid)
    place(canvas, grid, 0, pane, "DAPI")
    written = canvas[2:-2, 2:-2]
    rows, columns = np.nonzero((written != shade).any(-1))
    assert rows.max() < 2 * label_height(300) and columns.max() < 100
    assert written[rows, columns].min() < 60 or shade == 0
    assert written.max() == 255 and written.min() == 0
    plain = empty_canvas(grid)
    place(plain, grid, 0, pane, "")
    np.testing.assert_array_equal(plain[2:-2, 2:-2], pane)


def written(label):
    grid = pane_grid(1, (300, 60))
    canvas = empty_canvas(grid)
    place(canvas, grid, 0, np.zeros((60, 300, 3), np.uint8), label)
    return canvas[2:-2, 2:-2]


def test_labels_are_written_in_latin_greek_and_cyrillic():
    # What the font has no letter for is a box, the same for all.
    box = written("\U0010fffd")
    for letter in "µ°×éÅßŁαβΔЖ²":
        assert not np.array_equal(written(letter), box), letter
    np.testing.assert_array_equal(written("\U0010fffc"), box)


def test_labels_are_made_fit_to_be_written():
    assert shown_labels(["a\nb\x00c\t ", "é✓", "x" * 999]) == ("a b c", "é✓", "x" * 200)
    grid = pane_grid(1, (300, 20))
    for label in shown_labels(["\u202eDAPI😀", "م", "\ud800"]):
        place(empty_canvas(grid), grid, 0, np.zeros((20, 300, 3), np.uint8), label)
