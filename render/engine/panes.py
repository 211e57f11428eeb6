"""Panes side by side, as split-channel pictures have them: their grid, and their labels.

Geometry and label heights are those of OMERO.web's split view.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render.engine.letters import letters

#: White pixels around and between the panes.
BORDER = 2

#: Widths of a pane from which on a label has that height, both in pixels.
_LABEL_HEIGHTS = ((96, 8), (213, 10), (256, 12), (298, 14), (384, 18), (512, 24))
_TALLEST_LABEL = 64
_LONGEST_LABEL = 200


@dataclass(frozen=True)
class PaneGrid:
    """A grid of panes of (width, height) pixels, filled row by row from the top left."""

    columns: int
    rows: int
    pane: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Give the (width, height) of the whole picture, borders included."""
        width, height = self.pane
        return (
            self.columns * width + BORDER * (self.columns + 1),
            self.rows * height + BORDER * (self.rows + 1),
        )

    def corner(self, index: int) -> tuple[int, int]:
        """Give the (x, y) of a pane's top left pixel."""
        row, column = divmod(index, self.columns)
        width, height = self.pane
        return BORDER + column * (width + BORDER), BORDER + row * (height + BORDER)


def pane_grid(count: int, pane: tuple[int, int]) -> PaneGrid:
    """Give the grid for `count` panes, at least 1: about as many rows as columns, or one less."""
    root = math.sqrt(count)
    rows = round(root)
    return PaneGrid(rows + 1 if root > rows else rows, rows, pane)


def empty_canvas(grid: PaneGrid) -> NDArray[np.uint8]:
    """Give a white picture for a grid, (height, width, 3)."""
    width, height = grid.size
    return np.full((height, width, 3), 255, np.uint8)


def place(
    canvas: NDArray[np.uint8], grid: PaneGrid, index: int, pane: NDArray[np.uint8], label: str
) -> None:
    """Put a pane, (height, width, 3 or 4), and its label into its cell of the canvas."""
    x, y = grid.corner(index)
    width, height = grid.pane
    cell = canvas[y : y + height, x : x + width]
    cell[...] = pane[..., :3]
    _write(cell, label)


def label_height(width: int) -> int:
    """Give the height of the labels on panes of that width; 0 = too small for any."""
    if width >= 640:
        return min(24 + 8 * ((width - 512) // 128), _TALLEST_LABEL)
    return max((height for least, height in _LABEL_HEIGHTS if width >= least), default=0)


def shown_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Give labels as they can be written: on one line, printable, of bounded length."""
    return tuple(
        " ".join("".join(c if c.isprintable() else " " for c in label[:_LONGEST_LABEL]).split())
        for label in labels
    )


def _write(cell: NDArray[np.uint8], label: str) -> None:
    size = label_height(cell.shape[1])
    if not size or not label:
        return
    # The text is at the top: what lies below need not be copied.
    top = cell[: 2 * size + 4]
    image = Image.fromarray(np.ascontiguousarray(top))
    # White alone cannot be read on a light picture.
    ImageDraw.Draw(image).text(
        (2, 2),
        label,
        fill=(255, 255, 255),
        font=letters(size),
        stroke_width=1,
        stroke_fill=(0, 0, 0),
    )
    top[...] = np.asarray(image)
