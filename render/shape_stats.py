"""The job that takes statistics of the pixels under a shape, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine import cover, outline
from render.engine.moments import Moments, moments
from render.shape_pictures import corners_of, mask_size
from render.shapes import Ellipse, Label, Line, Mask, Point, Polyline, Shape
from render.values import Region


@dataclass(frozen=True, eq=False)
class ShapeStatsJob:
    """Take the values of planes, of one window each, that lie under a shape."""

    shape: Shape
    window: Region
    planes: Sequence[NDArray]

    def run(self) -> tuple[Moments, ...]:
        """Give those of each plane."""
        under = covered(self.shape, self.window)
        # In the byte order of this machine, in which sums are fast.
        return tuple(moments(p[under].astype(p.dtype.newbyteorder("="))) for p in self.planes)


def covered(shape: Shape, region: Region) -> NDArray[np.bool_]:
    """Tell which pixels of a window a shape covers, (height, width); none of a class unknown."""
    window = (region.x, region.y, region.width, region.height)
    geometry = shape.geometry
    if isinstance(geometry, Ellipse | Mask):
        try:
            back = outline.inverse(shape.transform)
        except ZeroDivisionError:
            # Flattened to a line: it covers no pixel.
            return np.zeros((region.height, region.width), np.bool_)
        if isinstance(geometry, Mask):
            size = mask_size(geometry)
            return cover.mask(geometry.bits, size, geometry.x, geometry.y, back, window)
        return cover.ellipse(
            geometry.x, geometry.y, geometry.radius_x, geometry.radius_y, back, window
        )
    points = outline.moved(corners_of(shape), shape.transform)
    if isinstance(geometry, Point | Label | Line | Polyline):
        return cover.line(points, window)
    return cover.polygon(points, window)
