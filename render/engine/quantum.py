"""From a pixel value to a level of 0 to 255: types, ranges, windows, the curve.

Everything is double precision with one rounding per operation, in the order written: the
numbers have to equal those of OMERO's renderer, oddities included (docs/rendering.md tells
them). Nothing here touches a plane; `tables` turns these rules into look-up tables.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.errors import BadRequest
from render.values import ChannelBinding, RenderingDefinition

FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")
BIT_RESOLUTIONS = (1, 3, 7, 15, 31, 63, 127, 255)

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_INT64_LIMIT = 2.0**63

#: Noise reduction keeps the levels this far from both ends, and cuts a tenth off the statistics.
_NOISE_LOW, _NOISE_HIGH, _NOISE_SPAN = 10, 245, 235


@dataclass(frozen=True)
class PixelType:
    """What the arithmetic needs to know of a pixel type; `widest` bounds a window's width."""

    name: str
    bits: int
    signed: bool
    floating: bool
    widest: float

    @property
    def uses_table(self) -> bool:
        """Whether every value of the type has an entry of its own in a table."""
        return not self.floating and self.bits <= 16


PIXEL_TYPES = {
    pixel_type.name: pixel_type
    for pixel_type in (
        # No window ever fits bit data: the reference always falls back to 0..1 there.
        PixelType("bit", 1, False, False, -math.inf),
        PixelType("int8", 8, True, False, 2.0**8),
        PixelType("uint8", 8, False, False, 2.0**8),
        PixelType("int16", 16, True, False, 2.0**16),
        PixelType("uint16", 16, False, False, 2.0**16),
        PixelType("int32", 32, True, False, 2.0**32),
        PixelType("uint32", 32, False, False, 2.0**32),
        PixelType("float", 32, True, True, math.inf),
        PixelType("double", 64, True, True, math.inf),
    )
}


@dataclass(frozen=True)
class QuantumSettings:
    """Everything that decides the level of a value; hashable, so that tables can be kept by it.

    `stats` is the channel's stored (minimum, maximum) or None.
    """

    pixel_type: str
    significant_bits: int | None
    stats: tuple[float, float] | None
    start: float
    end: float
    family: str = "linear"
    coefficient: float = 1.0
    noise_reduction: bool = False
    reverse_intensity: bool = False
    cd_start: int = 0
    cd_end: int = 255
    bit_resolution: int = 255


@dataclass(frozen=True)
class Quantum:
    """A channel after all checks: `low`/`high` type range, `start`/`end` the window in force.

    `stats_low`/`stats_high` are the statistics the curve uses, `given_low`/`given_high` the
    stored pair as it was.
    """

    settings: QuantumSettings
    low: float
    high: float
    start: float
    end: float
    stats_low: float
    stats_high: float
    given_low: float
    given_high: float


def pixel_type_named(name: str) -> PixelType:
    """Give the pixel type; raise BadRequest for one that OMERO has and we cannot render."""
    try:
        return PIXEL_TYPES[name]
    except KeyError:
        raise BadRequest(
            f"pixel type '{name}' cannot be rendered; the types are {', '.join(PIXEL_TYPES)}"
        ) from None


def pixel_range(name: str, significant_bits: int | None = None) -> tuple[float, float]:
    """Give the smallest and largest value of a pixel type, both inclusive.

    Significant bits narrow integers only. Floats have the range of a signed 32-bit integer.
    """
    pixel_type = pixel_type_named(name)
    if pixel_type.floating:
        return float(_INT32_MIN), float(_INT32_MAX)
    bits = pixel_type.bits
    if significant_bits is not None and 0 < significant_bits < bits:
        bits = significant_bits
    if pixel_type.signed:
        return float(-(2 ** (bits - 1))), float(2 ** (bits - 1) - 1)
    return 0.0, float(2**bits - 1)


def settings_of(
    definition: RenderingDefinition,
    binding: ChannelBinding,
    pixel_type: str,
    significant_bits: int | None,
    stats: tuple[float, float] | None,
) -> QuantumSettings:
    """Gather what one channel's levels depend on."""
    return QuantumSettings(
        pixel_type=pixel_type,
        significant_bits=significant_bits,
        stats=stats,
        start=float(binding.window.start),
        end=float(binding.window.end),
        family=binding.family,
        coefficient=float(binding.coefficient),
        noise_reduction=binding.noise_reduction,
        reverse_intensity=binding.reverse_intensity,
        cd_start=definition.cd_start,
        cd_end=definition.cd_end,
        bit_resolution=definition.bit_resolution,
    )


@lru_cache(maxsize=1024)
def prepare(settings: QuantumSettings) -> Quantum:
    """Check a channel's settings and work out the intervals in force.

    Raises BadRequest for what the reference refuses. A reversed, too wide or NaN window is not
    refused: it silently means the whole type range.
    """
    _refuse_impossible(settings)
    pixel_type = pixel_type_named(settings.pixel_type)
    low, high = pixel_range(settings.pixel_type, settings.significant_bits)
    given_low, given_high = settings.stats if settings.stats is not None else (low, high)
    stats_low, stats_high = _statistics_in_force(pixel_type, low, high, given_low, given_high)
    if _fits(pixel_type, settings.start, settings.end):
        # Only these two cuts: a window wholly outside the range ends with start > end.
        start, end = max(settings.start, low), min(settings.end, high)
    else:
        start, end = low, high
    if pixel_type.uses_table and start > high + 1:
        raise BadRequest(
            f"the window {settings.start:g}:{settings.end:g} starts beyond the largest value of "
            f"the image's pixels, which is {high:g}",
            parameter="c",
        )
    return Quantum(
        settings, low, high, start, end, stats_low, stats_high, float(given_low), float(given_high)
    )


def levels_of(values: NDArray[np.float64], quantum: Quantum) -> NDArray[np.uint8]:
    """Give the level of each of `values` (doubles, any shape) on the channel's curve."""
    settings = quantum.settings
    with np.errstate(all="ignore"):
        base = _family_function(np.array(0.0), settings)
        top = _family_function(np.array(255.0), settings)
        normal = np.float64(settings.bit_resolution) / (top - base)
        gain = (settings.cd_end - settings.cd_start) / settings.bit_resolution
        edges = _edges(quantum)
        factor = np.float64(edges.numerator) / np.float64(edges.denominator)
        offset = factor * edges.pivot - edges.lift
        # Written so that NaN fails both tests and ends at the low side.
        inside = (values > edges.low) & (values <= edges.high)
        position = np.where(values > edges.high, float(edges.cd_high), float(edges.cd_low))
        position = np.where(inside, factor * values - offset, position)
        steps = round_half_up(normal * (_family_function(position, settings) - base))
        return low8(round_half_up(gain * steps + edges.cd_low))


def output_ends(settings: QuantumSettings) -> tuple[int, int]:
    """Give the levels below and above the window, before reversal."""
    if settings.noise_reduction:
        return max(settings.cd_start, _NOISE_LOW), min(settings.cd_end, _NOISE_HIGH)
    return settings.cd_start, settings.cd_end


def truncate_to_int32(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut towards zero into the signed 32-bit range; NaN gives 0. The result is int64."""
    return _without_nan(np.clip(values, _INT32_MIN, _INT32_MAX)).astype(np.int64)


def low8(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Keep the low eight bits of the truncated values: 300 gives 44, -32 gives 224."""
    return (truncate_to_int32(values) & 0xFF).astype(np.uint8)


def round_half_up(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to the nearest integer, halves upwards; NaN gives 0, the ends lie at ±2⁶³."""
    # "Add a half and floor" would be wrong for 0.49999999999999994.
    whole = np.floor(values)
    whole = whole + (values - whole >= 0.5)
    return np.clip(_without_nan(whole), -_INT64_LIMIT, _INT64_LIMIT)


def _without_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    missing = np.isnan(values)
    # Nearly always there is none, and looking is cheaper than copying.
    return np.where(missing, 0.0, values) if missing.any() else values


@dataclass(frozen=True)
class _Edges:
    """The constants of one channel's curve."""

    low: float
    high: float
    cd_low: int
    cd_high: int
    numerator: float
    denominator: float
    pivot: float
    lift: float


def _edges(quantum: Quantum) -> _Edges:
    start, end = quantum.start, quantum.end
    low = start if start <= quantum.stats_low else quantum.stats_low
    high = end if end >= quantum.stats_high else quantum.stats_high
    cd_low, cd_high = output_ends(quantum.settings)
    if not quantum.settings.noise_reduction:
        return _Edges(low, high, cd_low, cd_high, 255.0, end - start, start, 0.0)
    tenth = (quantum.stats_high - quantum.stats_low) / 10
    low, high = low + tenth, high - tenth
    left = start if start >= low else low
    right = high if end > high else end
    return _Edges(
        low, high, cd_low, cd_high, float(_NOISE_SPAN), right - left, left, float(_NOISE_LOW)
    )


def _family_function(values: NDArray[np.float64], settings: QuantumSettings) -> NDArray[np.float64]:
    if settings.family == "polynomial":
        return np.power(values, settings.coefficient)
    if settings.family == "exponential":
        return np.exp(np.power(values, settings.coefficient))
    if settings.family == "logarithmic":
        return np.log(np.where(values <= 0, 1.0, values))
    return values


def _statistics_in_force(
    pixel_type: PixelType, low: float, high: float, given_low: float, given_high: float
) -> tuple[float, float]:
    if not pixel_type.uses_table:
        # The reference never fills these fields in for 32-bit and float data.
        return 0.0, 0.0
    stats_high = high if math.isinf(given_high) or given_high > high else given_high
    stats_low = low if math.isinf(given_low) or given_low < low else given_low
    if not _fits(pixel_type, stats_low, stats_high):
        stats_low, stats_high = low, high
    whole_low = float(truncate_to_int32(np.array(math.floor(stats_low))))
    return whole_low, float(truncate_to_int32(np.array(stats_high)))


def _fits(pixel_type: PixelType, low: float, high: float) -> bool:
    if not low <= high:
        return False
    return pixel_type.floating or high - low < pixel_type.widest


def _refuse_impossible(settings: QuantumSettings) -> None:
    if settings.family not in FAMILIES:
        raise BadRequest(
            f"quantization family '{settings.family}' is unknown; the families are "
            f"{', '.join(FAMILIES)}",
            parameter="maps",
        )
    if settings.coefficient <= 0:
        raise BadRequest(
            f"the curve coefficient must be greater than 0, not {settings.coefficient:g}",
            parameter="maps",
        )
    if settings.bit_resolution not in BIT_RESOLUTIONS:
        raise BadRequest(
            f"bit resolution {settings.bit_resolution} is not one of "
            f"{', '.join(map(str, BIT_RESOLUTIONS))}"
        )
    if not 0 <= settings.cd_start < settings.cd_end <= 255:
        raise BadRequest(
            f"the output interval {settings.cd_start}..{settings.cd_end} must rise within 0..255"
        )
