"""What a worker is asked to do, as plain values: no connection, no framework, picklable.

Whoever makes a job has read the planes already; running it is pure computation.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from render.engine import composite, encode, geometry, histogram, scale, windows
from render.engine.plane_tiff import plane_tiff
from render.engine.projection import Accumulator
from render.engine.sharing import Share, alone
from render.values import DTYPES, Encoding, RenderingDefinition, Window

#: Part of every cache key: raised whenever any job's bytes change for the same input.
RENDERER_VERSION = "1"


class Job(Protocol):
    """Work that any worker can do; a frozen, picklable value."""

    def run(self) -> Any:
        """Do it, and give a result that can be pickled; raise only classes of render.errors."""


class SharedJob(ABC):
    """A job parts of whose work can be done by threads that have nothing else to do."""

    @abstractmethod
    def run(self, share: Share = alone) -> Any:
        """Do it, as `Job` says, having `share` run what can be shared."""


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What is done with a picture after it was drawn.

    It is scaled to `size` (width, height) first, if given, then mirrored, then turned clockwise
    by `rotation` degrees, then encoded.
    """

    encoding: Encoding = field(default_factory=Encoding)
    size: tuple[int, int] | None = None
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0

    def finished_size(self, width: int, height: int) -> tuple[int, int]:
        """Give the (width, height) of the finished picture of one that is drawn at a size."""
        width, height = self.size or (width, height)
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def finished(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give the finished picture, not yet encoded."""
        if self.size is not None:
            width, height = self.size
            picture = scale.resize(picture, width, height)
        if self.flip_horizontal or self.flip_vertical:
            picture = geometry.flip(picture, self.flip_horizontal, self.flip_vertical)
        if self.rotation:
            picture = geometry.rotate(picture, self.rotation)
        return picture


@dataclass(frozen=True, eq=False)
class PictureJob:
    """Finish and encode a picture that was drawn elsewhere, (height, width, 4) uint8 of RGBA."""

    drawn: NDArray[np.uint8]
    finish: Finish

    def run(self) -> bytes:
        """Give the bytes of the encoded picture."""
        return encode.encode(self.finish.finished(self.drawn), self.finish.encoding)


@dataclass(frozen=True, eq=False)
class RenderJob(Finish, SharedJob):
    """Draw a plane, region or tile, and encode it.

    `planes` has one (height, width) array per channel of the definition, None for channels that
    `render.engine.composite.needed_channels` does not name; big-endian as read. `stats` has the
    stored (minimum, maximum) per channel, or is empty. `luts` goes by lower-case file name.
    `shape` (height, width) is needed only where no channel is on and no plane is given.
    """

    planes: tuple[NDArray | None, ...]
    pixel_type: str
    definition: RenderingDefinition
    significant_bits: int | None = None
    stats: tuple[tuple[float, float] | None, ...] = ()
    luts: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    shape: tuple[int, int] | None = None

    def picture(self, share: Share = alone) -> NDArray[np.uint8]:
        """Give the finished picture, (height, width, 3 or 4) uint8, not yet encoded."""
        picture = composite.compose(
            self.planes,
            self.pixel_type,
            self.definition,
            significant_bits=self.significant_bits,
            stats=self.stats,
            luts=self.luts,
            shape=self.shape,
            share=share,
        )
        return self.finished(picture)

    def run(self, share: Share = alone) -> bytes:
        """Give the bytes of the encoded picture."""
        return encode.encode(self.picture(share), self.encoding)


@dataclass(frozen=True)
class Histogram:
    """Counts per bin, and the range that they were taken over, both ends inclusive."""

    counts: tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class HistogramJob:
    """Count the values of one plane.

    `value_range` None takes OMERO's: the stored `stats`, else the plane's own ends.
    """

    plane: NDArray
    pixel_type: str
    stats: tuple[float, float] | None = None
    bins: int = 256
    value_range: tuple[float, float] | None = None

    def run(self) -> Histogram:
        """Give the histogram."""
        low, high = self.value_range or histogram.histogram_range(
            self.plane, self.pixel_type, self.stats
        )
        counts = histogram.histogram(self.plane, self.pixel_type, (low, high), self.bins)
        return Histogram(tuple(map(int, counts)), float(low), float(high))


@dataclass(frozen=True, eq=False)
class ProjectJob:
    """Add sections to a projection under way; in bounded memory when few come at a time."""

    accumulator: Accumulator
    planes: Sequence[NDArray]

    def run(self) -> Accumulator:
        """Give the accumulator to go on with; a copy, when another process did the work."""
        for plane in self.planes:
            self.accumulator.add(plane)
        return self.accumulator


@dataclass(frozen=True, eq=False)
class WindowJob:
    """Find the window between two percentiles (0 to 100) of some planes' values."""

    planes: Sequence[NDArray]
    pixel_type: str
    low_percent: float
    high_percent: float

    def run(self) -> Window:
        """Give the window."""
        return windows.percentile_window(
            self.planes, self.pixel_type, self.low_percent, self.high_percent
        )


@dataclass(frozen=True, eq=False)
class MinMaxJob:
    """Find the smallest and largest value of each plane, as default settings need them."""

    planes: Sequence[NDArray]
    pixel_type: str

    def run(self) -> tuple[tuple[float, float], ...]:
        """Give one (smallest, largest) per plane."""
        return tuple(histogram.minmax(plane, self.pixel_type) for plane in self.planes)


@dataclass(frozen=True, eq=False)
class PlaneTiffJob:
    """Write one unrendered region in its own type as a TIFF."""

    plane: NDArray
    pixel_type: str

    def run(self) -> bytes:
        """Give the bytes of the file."""
        return plane_tiff(self.plane.astype(DTYPES[self.pixel_type], copy=False))


@dataclass(frozen=True, eq=False)
class ArrayJob:
    """Write unrendered planes or regions in their own type, big-endian, as `npy` or `raw`.

    One plane gives an array (y, x), several of one shape give (c, y, x). Mirrored and turned as
    a picture would be.
    """

    planes: Sequence[NDArray]
    pixel_type: str
    format: str
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0

    def run(self) -> bytes:
        """Give the bytes of the file."""
        # An array that came by pickle has the machine's byte order.
        dtype = DTYPES[self.pixel_type]
        turned = [self._turned(plane).astype(dtype, copy=False) for plane in self.planes]
        array = turned[0] if len(turned) == 1 else np.stack(turned)
        return encode.encode_array(array, self.format)

    def _turned(self, plane: NDArray) -> NDArray:
        if self.flip_horizontal or self.flip_vertical:
            plane = geometry.flip(plane, self.flip_horizontal, self.flip_vertical)
        return geometry.rotate(plane, self.rotation) if self.rotation else plane
