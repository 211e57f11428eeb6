"""How often values occur: histograms as OMERO counts them, smallest and largest values."""

import numpy as np
from numpy.typing import NDArray

from render.engine.composite import kernels
from render.engine.quantum import PIXEL_TYPES, pixel_type_named
from render.values import DTYPES

#: Values worked on at a time, so that a large plane needs little memory beside itself.
_CHUNK = 1 << 18


def histogram(
    plane: NDArray,
    pixel_type: str,
    value_range: tuple[float, float],
    bins: int = 256,
    *,
    use_numba: bool | None = None,
) -> NDArray[np.int64]:
    """Count a plane's values in `bins` equal bins over `value_range`, both ends inclusive.

    The largest value falls into the last bin; values outside, and NaN, are not counted. A range
    of no width has everything that equals it in bin 0. `bins` of 0 or less means 256.
    """
    bins = bins if bins > 0 else 256
    counts = np.zeros(bins, np.int64)
    if PIXEL_TYPES[pixel_type].uses_table:
        occurrences = count_values(plane, pixel_type, use_numba=use_numba)
        values = stored_values(pixel_type)
        present = occurrences > 0
        index, inside = _bin_index(values[present], value_range, bins)
        np.add.at(counts, index, occurrences[present][inside])
        return counts
    flat = plane.reshape(-1)
    for first in range(0, flat.size, _CHUNK):
        index, _ = _bin_index(flat[first : first + _CHUNK].astype(np.float64), value_range, bins)
        counts += np.bincount(index, minlength=bins)
    return counts


def histogram_range(
    plane: NDArray, pixel_type: str, stats: tuple[float, float] | None
) -> tuple[float, float]:
    """Give the range that OMERO counts over: stored statistics, else the plane's own ends.

    A stored maximum of exactly 1 is what OMERO writes where nothing was measured, and counts as
    no statistics.
    """
    if stats is not None and stats[1] != 1.0:
        return stats
    return minmax(plane, pixel_type)


def minmax(plane: NDArray, pixel_type: str) -> tuple[float, float]:
    """Give the smallest and largest value of a plane, passing over NaN; (0, 0) if none is left."""
    if plane.size == 0:
        return 0.0, 0.0
    if not pixel_type_named(pixel_type).floating:
        return float(plane.min()), float(plane.max())
    low, high = float(np.fmin.reduce(plane, axis=None)), float(np.fmax.reduce(plane, axis=None))
    return (0.0, 0.0) if np.isnan(low) else (low, high)


def count_values(
    plane: NDArray, pixel_type: str, *, use_numba: bool | None = None
) -> NDArray[np.int64]:
    """Count how often each stored bit pattern occurs, for types of up to 16 bits.

    256 or 65536 counts, by the value read as an unsigned integer; `stored_values` tells what
    each stands for.
    """
    data = np.ascontiguousarray(plane, DTYPES[pixel_type])
    size = 256 if data.itemsize == 1 else 65536
    counts = np.zeros(size, np.int64)
    if use_numba is None:
        use_numba = kernels is not None
    if use_numba and kernels is not None:
        sample = np.empty(0, np.uint8 if data.itemsize == 1 else np.uint16)
        kernels.count_values(np.uint64(data.ctypes.data), sample, data.size, counts)
        return counts
    flat = data.reshape(-1).view(f">u{data.itemsize}")
    for first in range(0, flat.size, _CHUNK):
        counts += np.bincount(flat[first : first + _CHUNK], minlength=size)
    return counts


def stored_values(pixel_type: str) -> NDArray[np.float64]:
    """Give the value of each bit pattern of a type of up to 16 bits."""
    dtype = np.dtype(DTYPES[pixel_type])
    patterns = np.arange(256 if dtype.itemsize == 1 else 65536, dtype=f">u{dtype.itemsize}")
    return patterns.view(dtype).astype(np.float64)


def _bin_index(
    values: NDArray[np.float64], value_range: tuple[float, float], bins: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    low, high = (np.float64(end) for end in value_range)
    inside = (values >= low) & (values <= high)
    kept = values[inside]
    with np.errstate(all="ignore"):
        place = np.floor((kept - low) / ((high - low) / bins))
    # 0/0, from a range of no width or an infinite one, belongs to bin 0.
    place = np.where(np.isnan(place), 0, place)
    return np.clip(place, 0, bins - 1).astype(np.int64), inside
