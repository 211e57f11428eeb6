"""Jobs for composed pictures: put together from several, or drawn from numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.engine import encode, line_plot, lut_strip, panes
from render.engine.lut import find_table
from render.engine.sharing import Share, alone
from render.job import RenderJob, SharedJob
from render.values import ChannelBinding, Model

#: The level whose colour stands for a whole lookup table where only one can be shown.
_MIDDLE_LEVEL = 128


@dataclass(frozen=True, eq=False)
class SplitChannelJob(SharedJob):
    """Draw each active channel alone, and in colour all together, side by side.

    `picture` draws all together; it needs its `shape`. There is a cell for every channel; those
    of inactive ones stay empty. With a greyscale `model` panes are grey, and there is none of all
    together. `labels` are one per channel, and one more for the pane of all together.
    """

    picture: RenderJob
    model: Model
    labels: tuple[str, ...]

    def run(self, share: Share = alone) -> bytes:
        """Give the bytes of the encoded picture."""
        definition = replace(self.picture.definition, model=self.model)
        bindings = definition.bindings
        assert self.picture.shape is not None
        height, width = self.picture.shape
        size = self.picture.finished_size(width, height)
        grid = split_channel_grid(self.model, len(bindings), size)
        canvas = panes.empty_canvas(grid)
        for index, binding in enumerate(bindings):
            if binding.active:
                shown = tuple(replace(each, active=c == index) for c, each in enumerate(bindings))
                pane = replace(self.picture, definition=definition.with_bindings(shown)).picture(
                    share
                )
                panes.place(canvas, grid, index, pane, self.labels[index])
        if self.model is Model.RGB:
            panes.place(canvas, grid, len(bindings), self.picture.picture(share), self.labels[-1])
        return encode.encode(canvas, self.picture.encoding)


def split_channel_grid(model: Model, channels: int, pane: tuple[int, int]) -> panes.PaneGrid:
    """Give the grid for so many channels with panes of (width, height)."""
    return panes.pane_grid(channels + 1 if model is Model.RGB else channels, pane)


@dataclass(frozen=True)
class PlotCurve:
    """The values along a line of one channel, the range that they are drawn over, its colour."""

    values: NDArray
    value_range: tuple[float, float]
    color: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class LinePlotJob:
    """Draw the values along a row (`axis` x) or column (y) of a plane as a GIF of its size.

    `size` is the plane's (width, height), `position` the row or column that is marked.
    """

    curves: Sequence[PlotCurve]
    axis: str
    size: tuple[int, int]
    position: int
    line_width: int = 1

    def run(self) -> bytes:
        """Give the bytes of the GIF. Raises BadRequest for too many different colours."""
        along_x = self.axis == "x"
        length, span = self.size if along_x else self.size[::-1]
        palette, places = line_plot.palette_places([curve.color for curve in self.curves])
        curves = [
            (line_plot.heights(curve.values, curve.value_range, span), place)
            for curve, place in zip(self.curves, places, strict=True)
        ]
        position = self.position if along_x else span - 1 - self.position
        plot = line_plot.draw_plot(curves, length, span, position, self.line_width)
        return line_plot.encode_plot(plot if along_x else line_plot.turned_to_column(plot), palette)


def curve_color(
    binding: ChannelBinding, luts: Mapping[str, NDArray[np.uint8]]
) -> tuple[int, int, int]:
    """Give the one colour that stands for a channel: its own, or its lookup table's middle."""
    table = find_table(binding.lut, luts)
    if table is None:
        return binding.color.red, binding.color.green, binding.color.blue
    red, green, blue = map(int, table[_MIDDLE_LEVEL])
    return red, green, blue


@dataclass(frozen=True, eq=False)
class LookupTableStripJob:
    """Draw all lookup tables below one another, as PNG with alpha."""

    tables: Sequence[NDArray[np.uint8] | None]

    def run(self) -> bytes:
        """Give the bytes of the PNG."""
        return encode.encode_transparent(lut_strip.draw_strip(self.tables))
