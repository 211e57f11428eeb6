"""The fused loops: big-endian planes in, packed pixels out, in one pass per tile.

Planes and tables are handed over as addresses, so that one compiled function serves any number
of channels; whoever calls keeps the arrays alive and has checked their type, size and
contiguity. Compiled once, cached on disk, without the interpreter lock and without numba's own
threads (those do not survive a fork).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

#: Pixels worked on at a time: few enough for the caches, enough for the prefetcher to pay off.
_BLOCK = 8192

#: Side of the squares in which a picture is transposed; larger ones fight over cache lines.
_SQUARE = 8

#: Sums of red, green and blue live in one 64-bit word, 21 bits each: 8224 channels fit.
_FIELD_BITS = 21
_FIELD = np.uint64(2**_FIELD_BITS - 1)
_GREEN_SHIFT = np.uint64(_FIELD_BITS)
_BLUE_SHIFT = np.uint64(2 * _FIELD_BITS)
_FULL = np.uint64(255)

MOST_CHANNELS = (2**_FIELD_BITS - 1) // 255


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        # No folder to keep compiled code in; then each start compiles anew.
        return njit(nogil=True, error_model="numpy")(function)


def _typed_pointer(typing_context, address, sample):
    """Read a 64-bit address as a pointer to the element type of the array `sample`."""
    signature = types.CPointer(sample.dtype)(address, sample)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


_pointer: Any = intrinsic(_typed_pointer)


def _typed_swapped(typing_context, value):
    """Turn the byte order of one number round."""
    signature = value(value)

    def generate(context, builder, signature, arguments):
        (number,) = arguments
        if value.bitwidth == 8:
            return number
        bits = builder.bitcast(number, ir.IntType(value.bitwidth))
        return builder.bitcast(builder.bswap(bits), number.type)

    return signature, generate


_swapped: Any = intrinsic(_typed_swapped)


def _typed_claimed(typing_context, address, amount):
    """Add an amount to the int64 at an address, whoever else does too; give what was there."""
    signature = types.int64(types.uint64, types.int64)

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "monotonic")

    return signature, generate


_claimed: Any = intrinsic(_typed_claimed)


@_compiled
def compose_values(planes, levels, parts, sample, byte, alpha, taken, out):
    """Draw planes of up to 16 bits.

    `planes` and `levels` are addresses (uint64, one per channel) of big-endian planes with
    out.size pixels and of value tables, `parts` (channels, 256) packed sums. `sample` is an
    empty array of the planes' unsigned native type, `byte` an empty uint8 array. `out` is
    (pixels,) uint32: red, green, blue, alpha from the low byte up.

    `taken` is the address of an int64, 0 at first: the pixels that somebody draws already. Several
    threads called with the same arguments draw one picture together.
    """
    count = out.size
    sums = np.empty(_BLOCK, np.uint64)
    while True:
        first = _claimed(taken, _BLOCK)
        if first >= count:
            return
        size = min(_BLOCK, count - first)
        sums[:size] = 0
        for channel in range(planes.size):
            plane = carray(_pointer(planes[channel], sample), (count,))
            table = carray(_pointer(levels[channel], byte), (65536,))
            part = parts[channel]
            for i in range(size):
                sums[i] += part[table[_swapped(plane[first + i])]]
        _pack(sums, size, alpha, out, first)


@_compiled
def compose_bins(planes, levels, parts, bins, sample, byte, alpha, taken, out):
    """Draw planes of 32-bit integers or floats; as `compose_values`, and `bins` (channels, 4).

    A row of `bins` is start, end, step and last bin of the channel's bin table.
    """
    count = out.size
    sums = np.empty(_BLOCK, np.uint64)
    places = np.empty(_BLOCK, np.int32)
    while True:
        first = _claimed(taken, _BLOCK)
        if first >= count:
            return
        size = min(_BLOCK, count - first)
        sums[:size] = 0
        for channel in range(planes.size):
            plane = carray(_pointer(planes[channel], sample), (count,))
            table = carray(_pointer(levels[channel], byte), (65536,))
            part = parts[channel]
            start, end = bins[channel, 0], bins[channel, 1]
            step, last = bins[channel, 2], bins[channel, 3]
            # A loop of its own, free of branches and look-ups, so that it runs on vectors.
            for i in range(size):
                value = np.float64(_swapped(plane[first + i]))
                distance = (value - start) / step
                distance = distance if distance >= 0.0 else 0.0  # NaN ends in bin 0
                distance = last if distance > last else distance
                # Cut before the 3 is added: 6.999999999999999 + 3.0 would be 10.0.
                place = np.int32(distance) + np.int32(3)
                place = np.int32(2) if value == start else place
                place = np.int32(1) if value > end else place
                place = np.int32(0) if value < start else place
                places[i] = place
            for i in range(size):
                sums[i] += part[table[places[i]]]
        _pack(sums, size, alpha, out, first)


@_compiled
def _pack(sums, size, alpha, out, first):
    for i in range(size):
        word = sums[i]
        red = min(word & _FIELD, _FULL)
        green = min((word >> _GREEN_SHIFT) & _FIELD, _FULL)
        blue = min(word >> _BLUE_SHIFT, _FULL)
        out[first + i] = red | green << np.uint64(8) | blue << np.uint64(16) | alpha


@_compiled
def count_values(plane, sample, size, counts):
    """Add the number of pixels of each stored value to `counts` (int64, 256 or 65536)."""
    values = carray(_pointer(plane, sample), (size,))
    for i in range(size):
        counts[_swapped(values[i])] += 1


@_compiled
def packed_parts(tables):
    """Put (channels, 256, 3) uint8 parts into one word per level, as the loops add them up."""
    words = np.empty(tables.shape[:2], np.uint64)
    for channel in range(tables.shape[0]):
        for level in range(tables.shape[1]):
            red, green, blue = tables[channel, level]
            words[channel, level] = (
                np.uint64(red) | np.uint64(green) << _GREEN_SHIFT | np.uint64(blue) << _BLUE_SHIFT
            )
    return words


@_compiled
def filter_lines(lines, sources, weights, taps):
    """Filter (lines, bytes) along the first axis; `sources` and `weights` (targets, taps)."""
    width = lines.shape[1]
    out = np.empty((taps.size, width), np.uint8)
    total = np.empty(width, np.float32)
    for target in range(taps.size):
        total[:] = np.float32(0)
        for tap in range(taps[target]):
            weight = weights[target, tap]
            line = lines[sources[target, tap]]
            for i in range(width):
                total[i] += np.float32(line[i]) * weight
        for i in range(width):
            out[target, i] = _byte(total[i])
    return out


@_compiled
def transpose_words(words):
    """Give (height, width) uint32 as (width, height), block by block to spare the caches."""
    height, width = words.shape
    out = np.empty((width, height), np.uint32)
    for top in range(0, height, _SQUARE):
        for left in range(0, width, _SQUARE):
            for x in range(left, min(left + _SQUARE, width)):
                for y in range(top, min(top + _SQUARE, height)):
                    out[x, y] = words[y, x]
    return out


@_compiled
def _byte(value):
    if value < 0:
        return np.uint8(0)
    if value > 255:
        return np.uint8(255)
    return np.uint8(value + np.float32(0.5))
