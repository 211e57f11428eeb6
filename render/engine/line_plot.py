"""Plots of the values along one row or column of a plane, to be laid over its picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.engine.encode import check_sides, save_image
from render.errors import BadRequest

#: Places in the palette: see-through, black and white; the curves' colours follow.
CLEAR, BLACK, WHITE, FIRST_COLOR = 0, 1, 2, 3
MOST_COLORS = 256 - FIRST_COLOR

#: Cells that are looked at together, so that a large plot needs little memory beside itself.
_CELLS = 1 << 22


def heights(values: NDArray, value_range: tuple[float, float], span: int) -> NDArray[np.int64]:
    """Give how high a curve stands at each value, 0 to `span` - 1.

    The range's lower end stands at 0 and its upper end at the top; what lies outside is drawn
    at the nearer one, NaN and all values of a range of no width at 0.
    """
    low, high = value_range
    with np.errstate(all="ignore"):
        part = (values.astype(np.float64) - low) / (high - low)
    part = np.where(np.isnan(part), 0, np.clip(part, 0, 1))
    if not high > low:
        part = np.zeros_like(part)
    return np.floor(part * (span - 1) + 0.5).astype(np.int64)


def draw_plot(
    curves: Sequence[tuple[NDArray[np.int64], int]],
    length: int,
    span: int,
    position: int,
    line_width: int = 1,
) -> NDArray[np.uint8]:
    """Draw a row's plot, (span, length) palette places: curves stand on the bottom edge.

    `curves` are (heights along the row, palette place), later ones over earlier ones; at each
    point a vertical line leads from the height before to the height there. A white line marks
    the row at `position`. A column's plot is the same turned: see `turned_to_column`.
    """
    canvas = np.full((span, length), CLEAR, np.uint8)
    first = max(0, position - (line_width - 1) // 2)
    canvas[first : position + line_width // 2 + 1] = WHITE
    # Counted from the bottom.
    level = np.arange(span - 1, -1, -1)[:, np.newaxis]
    for curve, place in curves:
        low, high = _extents(curve, line_width)
        step = max(1, _CELLS // span)
        for start in range(0, length, step):
            part = slice(start, start + step)
            canvas[:, part][(level >= low[part]) & (level <= high[part])] = place
    return canvas


def turned_to_column(plot: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a plot whose curves stand on the bottom edge so that they stand on the left one.

    What was left is at the top. The mark has to have been drawn at `span` - 1 - x.
    """
    return np.ascontiguousarray(plot[::-1].T)


def palette_places(
    colors: Sequence[tuple[int, int, int]],
) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Give the palette that holds these colours, and the place of each in it.

    Raises BadRequest for more different colours than a palette holds.
    """
    different = list(dict.fromkeys(colors))
    if len(different) > MOST_COLORS:
        raise BadRequest(
            f"a plot shows curves in at most {MOST_COLORS} different colours, and "
            f"{len(different)} are asked for; list fewer channels in c",
            parameter="c",
        )
    palette = [(0, 0, 0), (0, 0, 0), (255, 255, 255), *different]
    return palette, [FIRST_COLOR + different.index(color) for color in colors]


def encode_plot(plot: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Write a plot as GIF, its palette's first place see-through.

    Raises TooLarge for a side that GIF cannot hold.
    """
    height, width = plot.shape
    check_sides("gif", width, height)
    image = Image.fromarray(plot, "P")
    image.putpalette([part for color in palette for part in color])
    return save_image(image, "GIF", transparency=CLEAR, optimize=False)


def _extents(
    curve: NDArray[np.int64], line_width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the lowest and highest point that a curve covers at each place."""
    before = np.concatenate([curve[:1], curve[:-1]])
    low, high = np.minimum(before, curve), np.maximum(before, curve)
    if line_width == 1:
        return low, high
    reach = ((line_width - 1) // 2, line_width // 2)
    near = np.lib.stride_tricks.sliding_window_view
    low = near(np.pad(low, reach, mode="edge"), line_width).min(-1)
    high = near(np.pad(high, reach, mode="edge"), line_width).max(-1)
    return low - reach[0], high + reach[1]
