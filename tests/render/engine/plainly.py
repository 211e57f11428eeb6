"""The arithmetic of docs/rendering.md once more, value by value, as slow and plain as can be.

Shares nothing with the engine but the settings object, so that a shortcut taken there (tables,
bins, vectors) can be held against it.
"""

import math

import numpy as np

WIDTHS = {"int8": 2**8, "uint8": 2**8, "int16": 2**16, "uint16": 2**16}
BITS = {"bit": 1, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32}


class Refused(Exception):
    """The reference throws."""


def cut(x):
    if math.isnan(x):
        return 0
    return int(max(-(2.0**31), min(2.0**31 - 1, x)))


def byte(x):
    return cut(x) % 256


def nearest(x):
    if math.isnan(x):
        return 0.0
    if abs(x) >= 2.0**63:
        return math.copysign(2.0**63, x)
    below = math.floor(x)
    return float(below + 1 if x - below >= 0.5 else below)


def type_range(settings):
    if settings.pixel_type in ("float", "double"):
        return -(2.0**31), 2.0**31 - 1
    bits = BITS[settings.pixel_type]
    if settings.significant_bits is not None:
        bits = min(bits, settings.significant_bits)
    if settings.pixel_type.startswith("int"):
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1


def fits(settings, low, high):
    if settings.pixel_type == "bit" or not low <= high:
        return False
    if settings.pixel_type in ("float", "double"):
        return True
    return high - low < WIDTHS.get(settings.pixel_type, 2**32)


def family(settings, v):
    k = settings.coefficient
    with np.errstate(all="ignore"):
        if settings.family == "polynomial":
            return float(np.power(np.float64(v), k))
        if settings.family == "exponential":
            return float(np.exp(np.power(np.float64(v), k)))
        if settings.family == "logarithmic":
            return 0.0 if v <= 0 else float(np.log(np.float64(v)))
    return v


def divided(a, b):
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def level_of(x, settings):
    """Give the level of one stored value."""
    low, high = type_range(settings)
    a, b = (
        (settings.start, settings.end)
        if fits(settings, settings.start, settings.end)
        else (
            low,
            high,
        )
    )
    a, b = (low if a < low else a), (high if b > high else b)
    table = settings.pixel_type in WIDTHS or settings.pixel_type == "bit"
    if table and a > high + 1:
        raise Refused
    first, second = settings.stats if settings.stats is not None else (low, high)
    gmin, gmax = first, second
    gmax = high if math.isinf(gmax) or gmax > high else gmax
    gmin = low if math.isinf(gmin) or gmin < low else gmin
    if not fits(settings, gmin, gmax):
        gmin, gmax = low, high
    gmin, gmax = (cut(math.floor(gmin)), cut(gmax)) if table else (0, 0)
    s, f = settings.cd_start, settings.cd_end
    if settings.noise_reduction:
        s, f = max(s, 10), min(f, 245)
    if table:
        x = cut(x)
        if x < low or x > high:
            x = rescaled(x, low, high, second - first)
        level = s if x < a else f if x >= b else curve(x, settings, a, b, gmin, gmax)
    else:
        level = curve(middle(x, settings, a, b), settings, a, b, gmin, gmax)
    if settings.reverse_intensity:
        level = settings.cd_end - max(settings.cd_start, min(settings.cd_end, level))
    return level


def rescaled(x, low, high, spread):
    if spread == 0:
        return max(low, min(high, x))
    factor = divided(high - low, spread)
    if x < low:
        x = max(low, cut(factor * (x - low)))
    if x > high:
        x = min(high, cut(factor * (x - low)))
    return max(low, min(high, x))


def middle(x, settings, a, b):
    step = abs(b - a) / (settings.cd_end - settings.cd_start + 1)
    if x < a:
        return a
    if x > b:
        return b
    if x == a:
        return a + step / 2
    i = cut(divided(x - a, step))
    with np.errstate(all="ignore"):
        return float((np.float64(a) + (i - 1) * np.float64(step) + a + i * np.float64(step)) / 2)


def curve(x, settings, a, b, gmin, gmax):
    s, f = settings.cd_start, settings.cd_end
    gain = (f - s) / settings.bit_resolution
    low, high = (a if a <= gmin else gmin), (b if b >= gmax else gmax)
    numerator, lift, left, right = 255, 0, a, b
    if settings.noise_reduction:
        tenth = (gmax - gmin) / 10
        low, high = low + tenth, high - tenth
        s, f = max(s, 10), min(f, 245)
        numerator, lift = 235, 10
        left, right = (a if a >= low else low), (high if b > high else b)
    factor = divided(numerator, right - left)
    offset = factor * left - lift
    if not x > low:
        v = float(s)
    elif x <= high:
        v = factor * x - offset
    else:
        v = float(f)
    zero = family(settings, 0.0)
    normal = divided(settings.bit_resolution, family(settings, 255.0) - zero)
    return byte(nearest(gain * nearest(normal * (family(settings, v) - zero)) + s))


def filter_taps(have, want):
    """Give (source, weight) of each pixel that a target takes from, target by target."""
    factor = np.float32(want) / np.float32(have)
    reach, norm = np.float32(3), np.float32(1)
    if factor < 1:
        reach = np.float32(3) / factor
        norm = np.float32(1.0 / (math.ceil(reach) / 3.0))
    rows = []
    for target in range(want):
        centre = np.float32(target) / factor + np.float32(0.5) / factor
        row, total = [], np.float32(0)
        for offset in range(math.floor(centre - reach), math.ceil(centre + reach) + 1):
            weight = lanczos((centre - np.float32(offset)) * norm)
            if weight != 0:
                beyond = 2 * have - 1 - offset if offset >= have else offset
                source = -offset if offset < 0 else beyond
                row.append((min(max(source, 0), have - 1), weight))
                total = np.float32(total + weight)
        rows.append([(source, weight / total) for source, weight in row])
    return rows


def lanczos(distance):
    if distance == 0:
        return np.float32(1)
    if abs(distance) >= 3:
        return np.float32(0)
    outer = np.abs(distance) * np.float32(math.pi)
    inner = outer / np.float32(3)
    sine_of_outer, sine_of_inner = (np.float32(np.sin(np.float64(a))) for a in (outer, inner))
    return (sine_of_outer / outer) * (sine_of_inner / inner)
