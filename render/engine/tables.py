"""Look-up tables that hold all of quantisation and reversal for one channel.

Types of up to 16 bits get one level per stored value. 32-bit integers and floats get one level
per bin of the window. Both are made once per settings and kept (bounded, thread-safe), so that
drawing a tile is nothing but look-ups.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.engine.codomain import reverse
from render.engine.quantum import (
    PIXEL_TYPES,
    Quantum,
    QuantumSettings,
    levels_of,
    output_ends,
    prepare,
    truncate_to_int32,
)

#: A table takes up to 64 KiB, so this bounds the memory at 16 MiB.
_TABLES_KEPT = 256

#: Places in a bin table before the first bin: below the window, above it, exactly at its start.
BELOW, ABOVE, AT_START, FIRST_BIN = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class BinTable:
    """Levels of 32-bit integers and floats.

    A value v has the place BELOW if v < start, else ABOVE if v > end, else AT_START if
    v == start, else FIRST_BIN + min(trunc((v - start) / step), last_bin), NaN counting as bin 0.
    """

    start: float
    end: float
    step: float
    last_bin: int
    levels: NDArray[np.uint8]


@lru_cache(maxsize=_TABLES_KEPT)
def value_table(settings: QuantumSettings) -> NDArray[np.uint8]:
    """Give the level of every stored bit pattern, for types of up to 16 bits.

    The index is the value read as an unsigned integer of its own width (256 or 65536 entries).
    Raises BadRequest as `prepare` does.
    """
    quantum = prepare(settings)
    low, high = int(quantum.low), int(quantum.high)
    in_range = _levels_in_range(quantum, low, high)
    pixel_type = PIXEL_TYPES[settings.pixel_type]
    size = 256 if pixel_type.bits <= 8 else 65536
    if size == high - low + 1:
        # Read as unsigned, the negative values stand behind the others.
        levels = np.roll(in_range, low) if pixel_type.signed else in_range
    else:
        stored = np.arange(size, dtype=np.int64)
        if pixel_type.signed:
            stored = np.where(stored >= size // 2, stored - size, stored)
        levels = in_range[_pulled_into_range(stored, quantum) - low]
    return _kept(_reversed_if_asked(levels, settings))


@lru_cache(maxsize=_TABLES_KEPT)
def bin_table(settings: QuantumSettings) -> BinTable:
    """Give the bins of a channel of 32-bit integers or floats; raise BadRequest as `prepare`."""
    quantum = prepare(settings)
    start, end = np.float64(quantum.start), np.float64(quantum.end)
    bins = settings.cd_end - settings.cd_start + 1
    with np.errstate(all="ignore"):
        step = np.abs(end - start) / bins
        last = _last_bin(float((end - start) / step), bins)
        index = np.arange(last + 1, dtype=np.float64)
        middles = (start + (index - 1) * step + start + index * step) / 2
        places = np.concatenate(([start, end, start + step / 2], middles))
    levels = _kept(_reversed_if_asked(levels_of(places, quantum), settings))
    return BinTable(float(start), float(end), float(step), last, levels)


def _last_bin(ratio: float, bins: int) -> int:
    # Normally ratio = bins. A window of denormal width can give a few more, or, where the step
    # vanishes, infinity: then all middles are equal and one bin stands for all.
    if math.isnan(ratio) or ratio <= 0 or ratio > 4 * bins:
        return 0
    return int(ratio)


def _levels_in_range(quantum: Quantum, low: int, high: int) -> NDArray[np.uint8]:
    below, above = output_ends(quantum.settings)
    levels = np.full(high - low + 1, above, np.uint8)
    first = min(math.ceil(quantum.start), high + 1)
    beyond = min(max(math.ceil(quantum.end), first), high + 1)
    levels[: first - low] = below
    levels[first - low : beyond - low] = levels_of(
        np.arange(first, beyond, dtype=np.float64), quantum
    )
    return levels


def _pulled_into_range(stored: NDArray[np.int64], quantum: Quantum) -> NDArray[np.int64]:
    """Rescale the values that use more bits than are called significant."""
    low, high = quantum.low, quantum.high
    spread = quantum.given_high - quantum.given_low
    if spread == 0:
        return np.clip(stored, int(low), int(high))
    with np.errstate(all="ignore"):
        factor = np.float64(high - low) / np.float64(spread)
        values = stored.astype(np.float64)
        scaled = np.maximum(low, truncate_to_int32(factor * (values - low)))
        values = np.where(values < low, scaled, values)
        scaled = np.minimum(high, truncate_to_int32(factor * (values - low)))
        values = np.where(values > high, scaled, values)
    # Reversed statistics can leave a value outside, where the reference fails; we stop at the end.
    return np.clip(values, low, high).astype(np.int64)


def _reversed_if_asked(levels: NDArray[np.uint8], settings: QuantumSettings) -> NDArray[np.uint8]:
    if settings.reverse_intensity:
        return reverse(levels, settings.cd_start, settings.cd_end)
    return levels


def _kept(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Kernels read tables through their address, so they must be contiguous and never change.
    table = np.ascontiguousarray(levels)
    table.setflags(write=False)
    return table
