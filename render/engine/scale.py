"""Scaling, by the three-lobed Lanczos filter that OMERO makes thumbnails with.

All in single precision with one rounding per operation, along x first, made bytes between the
two directions: the bytes have to equal OMERO's.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.engine.composite import kernels

_LOBES = np.float32(3)
_PI = np.float32(math.pi)
#: The filter needs that many pixels each way.
_SMALLEST_SIDE = 3
#: Longest side whose filter is kept. One takes up to 104 bytes for each pixel of the longer side,
#: so that 64 of them take 52 MiB at most.
_LONGEST_KEPT = 8192


@dataclass(frozen=True, eq=False)
class _Filter:
    """Sources and weights of each target pixel, (targets, taps); unused taps weigh 0."""

    sources: NDArray[np.int64]
    weights: NDArray[np.float32]
    taps: NDArray[np.int64]


def resize(
    picture: NDArray[np.uint8], width: int, height: int, *, use_numba: bool | None = None
) -> NDArray[np.uint8]:
    """Scale a picture, (height, width, parts) uint8, to the given size.

    Pictures narrower or lower than 3 pixels are scaled to the nearest neighbour.
    """
    have_height, have_width = picture.shape[:2]
    if min(have_height, have_width) < _SMALLEST_SIDE:
        rows = _nearest(have_height, height)
        return np.ascontiguousarray(picture[rows][:, _nearest(have_width, width)])
    if use_numba is None:
        use_numba = kernels is not None
    along_x, along_y = _filter(have_width, width), _filter(have_height, height)
    filtered = _filtered_compiled if use_numba and kernels is not None else _filtered
    narrow = filtered(_transposed(picture, use_numba), along_x)
    return filtered(np.ascontiguousarray(narrow.transpose(1, 0, 2)), along_y)


def _transposed(picture: NDArray[np.uint8], use_numba: bool) -> NDArray[np.uint8]:
    height, width, parts = picture.shape
    if use_numba and kernels is not None and parts == 4:
        words = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
        turned = kernels.transpose_words(words)
        return turned.view(np.uint8).reshape(width, height, parts)
    return np.ascontiguousarray(picture.transpose(1, 0, 2))


def _filtered_compiled(lines: NDArray[np.uint8], use: _Filter) -> NDArray[np.uint8]:
    """Filter along the first axis."""
    assert kernels is not None
    flat = lines.reshape(lines.shape[0], -1)
    result = kernels.filter_lines(flat, use.sources, use.weights, use.taps)
    return result.reshape(-1, *lines.shape[1:])


def _filtered(lines: NDArray[np.uint8], use: _Filter) -> NDArray[np.uint8]:
    """Filter along the first axis, with plain numpy."""
    targets, taps = use.weights.shape
    total = np.zeros((targets, *lines.shape[1:]), np.float32)
    for tap in range(taps):
        # An unused tap adds +0, which changes no sum.
        total += lines[use.sources[:, tap]].astype(np.float32) * use.weights[:, tap, None, None]
    return np.clip(np.trunc(total + np.float32(0.5)), 0, 255).astype(np.uint8)


def _nearest(have: int, want: int) -> NDArray[np.int64]:
    return np.floor((np.arange(want) + 0.5) * have / want).astype(np.int64)


def _filter(have: int, want: int) -> _Filter:
    return (_kept_filter if max(have, want) <= _LONGEST_KEPT else _made_filter)(have, want)


@lru_cache(maxsize=64)
def _kept_filter(have: int, want: int) -> _Filter:
    return _made_filter(have, want)


def _made_filter(have: int, want: int) -> _Filter:
    factor = np.float32(want) / np.float32(have)
    middle = np.float32(0.5) / factor
    reach, norm = _LOBES, None
    if factor < 1:
        reach = _LOBES / factor
        norm = np.float32(1.0 / (math.ceil(reach) / 3.0))
    targets = np.arange(want, dtype=np.float32)[:, None]
    centres: NDArray[np.float32] = targets / factor + middle
    first, last = (
        ends.astype(np.int64) for ends in (np.floor(centres - reach), np.ceil(centres + reach))
    )
    offsets = first + np.arange((last - first).max() + 1)
    distances = centres - offsets.astype(np.float32)
    weights = _lanczos(distances if norm is None else distances * norm)
    weights[offsets > last] = 0
    # Each target's taps in their order, and then what it does not use.
    order = np.argsort(weights == 0, axis=1, kind="stable")
    weights = np.take_along_axis(weights, order, axis=1)
    taps = np.count_nonzero(weights, axis=1)
    most = taps.max()
    weights = weights[:, :most]
    sources = _mirrored(np.take_along_axis(offsets, order, axis=1)[:, :most], have)
    sources[weights == 0] = 0
    # Summed up one after the other: numpy's own sum adds in pairs, which rounds otherwise.
    total = np.add.accumulate(weights, axis=1)[:, -1:]
    return _Filter(sources, (weights / total).astype(np.float32), taps)


def _mirrored(offsets: NDArray[np.int64], have: int) -> NDArray[np.int64]:
    # Not symmetric: -1 takes pixel 1, `have` takes pixel have - 1.
    sources = np.where(offsets < 0, -offsets, offsets)
    sources = np.where(offsets >= have, 2 * have - 1 - offsets, sources)
    return np.clip(sources, 0, have - 1)


def _lanczos(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    outer = np.abs(distances) * _PI
    inner = outer / _LOBES
    with np.errstate(invalid="ignore"):
        values = (_sine(outer) / outer) * (_sine(inner) / inner)
    values = np.where(distances == 0, np.float32(1), values)
    return np.where(np.abs(distances) >= _LOBES, np.float32(0), values)


def _sine(angles: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sin(angles.astype(np.float64)).astype(np.float32)
