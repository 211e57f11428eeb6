"""Channel windows from the data themselves: between two percentiles of the values."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from render.engine.histogram import count_values, stored_values
from render.engine.quantum import pixel_range, pixel_type_named
from render.errors import BadRequest
from render.values import DTYPES, Window

#: Values kept of each plane of 32-bit or float data; more change a percentile by next to nothing.
_SAMPLES_PER_PLANE = 1 << 18


def percentile_window(
    planes: Iterable[NDArray], pixel_type: str, low_percent: float, high_percent: float
) -> Window:
    """Give the window from one percentile (0 to 100) of the planes' values to another.

    Exact for types of up to 16 bits; of other types a regular sample of each plane is looked at,
    without NaN and infinities. Planes with a single value give a window of width 1 above it, no
    value at all the type's range. Raises BadRequest unless 0 ≤ low < high ≤ 100.
    """
    if not 0 <= low_percent < high_percent <= 100:
        raise BadRequest(
            f"percentiles {low_percent:g} and {high_percent:g} must rise within 0 to 100",
            parameter="auto",
        )
    pick = _exact if pixel_type_named(pixel_type).uses_table else _sampled
    ends = pick(planes, pixel_type, low_percent, high_percent)
    if ends is None:
        return Window(*pixel_range(pixel_type))
    low, high = ends
    return Window(low, high if high > low else low + 1)


def _exact(
    planes: Iterable[NDArray], pixel_type: str, low_percent: float, high_percent: float
) -> tuple[float, float] | None:
    values = stored_values(pixel_type)
    counts = np.zeros(values.size, np.int64)
    for plane in planes:
        counts += count_values(plane, pixel_type)
    order = np.argsort(values)
    below = np.cumsum(counts[order])
    if not below[-1]:
        return None
    ranks = np.ceil(np.array([low_percent, high_percent]) / 100 * below[-1])
    low, high = values[order][np.searchsorted(below, np.maximum(ranks, 1))]
    return float(low), float(high)


def _sampled(
    planes: Iterable[NDArray], pixel_type: str, low_percent: float, high_percent: float
) -> tuple[float, float] | None:
    native = np.dtype(DTYPES[pixel_type]).newbyteorder("=")
    samples = []
    for plane in planes:
        flat = plane.reshape(-1)
        taken = flat[:: max(1, flat.size // _SAMPLES_PER_PLANE)].astype(native)
        samples.append(taken[np.isfinite(taken)])
    values = np.concatenate(samples) if samples else np.empty(0, native)
    if not values.size:
        return None
    low, high = np.percentile(values, [low_percent, high_percent], method="inverted_cdf")
    return float(low), float(high)
