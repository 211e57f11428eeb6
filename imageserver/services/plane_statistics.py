"""Counts and extremes of one plane's values."""

import numpy as np


def value_range(plane: np.ndarray) -> tuple[float, float]:
    """Give the smallest and the largest value; NaN counts for nothing, all NaN gives 0 and 0."""
    if plane.dtype.kind == "f":
        plane = plane[~np.isnan(plane)]
        if plane.size == 0:
            return 0.0, 0.0
    return float(plane.min()), float(plane.max())


def histogram(plane: np.ndarray, bin_count: int, stats: tuple[float, float] | None) -> list[int]:
    """Count values in bins of equal width between the channel's extremes.

    Without `stats`, or when its maximum is 1 (how OMERO marks it as unknown), the plane's own
    extremes are taken. Values outside fall into the first or last bin.
    """
    low, high = stats if stats is not None and stats[1] != 1.0 else value_range(plane)
    values = plane.astype(np.float64).ravel()
    values = values[~np.isnan(values)]
    if high <= low:
        return [int(values.size), *([0] * (bin_count - 1))]
    positions = ((values - low) * (bin_count / (high - low))).clip(0, bin_count - 1)
    return np.bincount(positions.astype(np.int64), minlength=bin_count).tolist()
