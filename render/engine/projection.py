"""Many sections to one plane: maximum, mean and sum, section by section in bounded memory.

The arithmetic is that of OMERO's server, oddities included (docs/rendering.md): a maximum starts
at 0, mean and sum leave out the last section, unsigned 32-bit results stop at 2147483647.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.quantum import pixel_range, pixel_type_named, truncate_to_int32
from render.errors import BadRequest
from render.values import DTYPES, Projection, ProjectionKind


class Accumulator:
    """Takes planes of one shape, one after the other, and gives their projection.

    Holds one plane, of the pixels' own type for a maximum and of doubles for mean and sum. Not
    safe for use by two threads at once.
    """

    def __init__(self, kind: ProjectionKind, pixel_type: str) -> None:
        pixel_type_named(pixel_type)
        self.kind = kind
        self.pixel_type = pixel_type
        self.count = 0
        self._sum: NDArray | None = None

    def add(self, plane: NDArray) -> None:
        """Take one more section, (height, width)."""
        native = np.dtype(DTYPES[self.pixel_type]).newbyteorder("=")
        if self.kind is ProjectionKind.MAXIMUM:
            if self._sum is None:
                self._sum = np.zeros(plane.shape, native)
            # Passes over NaN, which `maximum` would keep.
            np.fmax(self._sum, plane.astype(native, copy=False), out=self._sum)
        else:
            if self._sum is None:
                self._sum = np.zeros(plane.shape, np.float64)
            with np.errstate(all="ignore"):
                self._sum += plane
        self.count += 1

    def result(self, shape: tuple[int, int] | None = None) -> NDArray:
        """Give the projection, big-endian in the pixels' type; `shape` is for no section at all."""
        total = self._sum
        if total is None:
            if shape is None:
                raise ValueError("a projection over no section needs a shape")
            total = np.zeros(shape, np.float64)
        if self.kind is ProjectionKind.MAXIMUM:
            # Signed, as the server's number on the way is.
            limited = np.minimum(total, 2**31 - 1) if self.pixel_type == "uint32" else total
            return limited.astype(DTYPES[self.pixel_type])
        with np.errstate(all="ignore"):
            if self.kind is ProjectionKind.MEAN:
                total = total / self.count
            largest = pixel_range(self.pixel_type)[1]
            # NaN has to stay NaN, so no `minimum`.
            total = np.where(total > largest, largest, total)
        return _as_stored(total, self.pixel_type)


class SingleSection(Accumulator):
    """Gives its only section back as it is: a mean or sum over one section, done sensibly."""

    def add(self, plane: NDArray) -> None:
        """Take the section."""
        self._sum = plane
        self.count = 1

    def result(self, shape: tuple[int, int] | None = None) -> NDArray:
        """Give the section, big-endian."""
        if self._sum is None:
            return super().result(shape)
        return self._sum.astype(DTYPES[self.pixel_type], copy=False)


@dataclass(frozen=True, eq=False)
class ProjectionPlan:
    """What to read and what to do with it: indices along the axis, and the accumulator to feed."""

    sections: range
    accumulator: Accumulator


def plan(
    projection: Projection, pixel_type: str, count: int, *, inclusive: bool = False
) -> ProjectionPlan:
    """Work out a request's projection along an axis of `count` sections (z or t).

    Ends outside the axis are pulled in, a reversed range is turned round. `inclusive` makes mean
    and sum take the last section too, which OMERO's server leaves out; a range of one section
    is that section for them either way.
    """
    first, last = sorted(
        min(max(index, 0), count - 1) for index in (projection.start, projection.end)
    )
    if projection.kind is ProjectionKind.MAXIMUM:
        accumulator = Accumulator(projection.kind, pixel_type)
        return ProjectionPlan(range(first, last + 1), accumulator)
    if first == last:
        return ProjectionPlan(range(first, last + 1), SingleSection(projection.kind, pixel_type))
    stop = last + 1 if inclusive else last
    return ProjectionPlan(range(first, stop), Accumulator(projection.kind, pixel_type))


def server_sections(kind: ProjectionKind, start: int, end: int, count: int, step: int = 1) -> range:
    """Give the sections that OMERO's server itself would project, or raise BadRequest as it does.

    Unlike `plan`, a mean or sum from a section to itself sees none.
    """
    if not (0 <= start < count and 0 <= end < count):
        raise BadRequest(
            f"sections {start} to {end} do not lie within 0 to {count - 1}", parameter="p"
        )
    if step <= 0:
        raise BadRequest(f"the step between sections must be above 0, not {step}")
    return range(start, end + 1 if kind is ProjectionKind.MAXIMUM else end, step)


def project(
    planes: Iterable[NDArray],
    kind: ProjectionKind,
    pixel_type: str,
    shape: tuple[int, int] | None = None,
) -> NDArray:
    """Project `planes` with the server's arithmetic; big-endian in the pixels' type."""
    accumulator = Accumulator(kind, pixel_type)
    for plane in planes:
        accumulator.add(plane)
    return accumulator.result(shape)


def _as_stored(values: NDArray[np.float64], pixel_type: str) -> NDArray:
    dtype = np.dtype(DTYPES[pixel_type])
    if pixel_type_named(pixel_type).floating:
        with np.errstate(all="ignore"):
            return values.astype(dtype)
    # Integers go through a signed 32-bit number, whose low bytes are kept.
    return truncate_to_int32(values).astype(dtype)
