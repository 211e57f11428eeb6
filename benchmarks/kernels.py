"""The rendering kernels on one core: composite by pixel type and number of channels, encoders.

Every figure is the median of many runs on one 512 x 512 tile. The measure is a plain fused loop
over the same planes: byte swap, linear window, colour, sum, no table and none of OMERO's rules.
"""

import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

from benchmarks.pyramids import TILE, three_channels
from render.engine import composite, encode
from render.values import (
    DTYPES,
    ChannelBinding,
    Color,
    Encoding,
    Model,
    RenderingDefinition,
    Window,
)

RUNS = 60
_COLORS = (Color(255, 0, 0), Color(0, 255, 0), Color(0, 0, 255), Color(255, 255, 0))


def report_kernels() -> None:
    """Print milliseconds and ratios."""
    planes = three_channels()[:, :TILE, :TILE]
    loop = _median_ms(lambda: _fused_loop(_swapped(planes), _STARTS, _SCALES, _RGB))
    print(f"one core, {TILE}², median of {RUNS} runs")
    print(f"  plain fused loop, 3 x uint16   {loop:7.2f} ms")
    three = _report_composite("3 x uint16", planes, "uint16", loop, "of the loop (reach 1.2)")
    ten = np.concatenate([planes] * 4)[:10]
    _report_composite("10 x uint16", ten, "uint16", three, "of 3 x uint16 (reach 3.6)")
    _report_composite("3 x uint8", planes // 16, "uint8", three, "of 3 x uint16")
    for pixel_type in ("uint32", "float", "double"):
        _report_composite(
            f"3 x {pixel_type}", planes, pixel_type, three, "of 3 x uint16 (reach 2.5)"
        )
    picture = _compose(planes, "uint16")
    for name, quality in (("jpeg", 0.9), ("jpeg", 0.85), ("png", 1.0), ("webp", 0.85)):
        encoding = Encoding(name, quality)
        ms = _median_ms(lambda encoding=encoding: encode.encode(picture, encoding))  # type: ignore[misc]
        print(f"  encode {name} {quality:<4}               {ms:7.2f} ms")


def _report_composite(
    name: str, planes: np.ndarray, pixel_type: str, measure_ms: float, of: str
) -> float:
    ms = _median_ms(_composite_of(planes, pixel_type))
    print(f"  composite {name:<20} {ms:7.2f} ms   {ms / measure_ms:.2f} {of}")
    return ms


def _composite_of(planes: np.ndarray, pixel_type: str) -> Callable[[], object]:
    typed = tuple(plane.astype(DTYPES[pixel_type]) for plane in planes)
    bindings = tuple(
        ChannelBinding(active=True, window=Window(100, 1500), color=_COLORS[c % len(_COLORS)])
        for c in range(len(planes))
    )
    definition = RenderingDefinition(model=Model.RGB, bindings=bindings)
    return lambda: composite.compose(typed, pixel_type, definition)


def _compose(planes: np.ndarray, pixel_type: str) -> np.ndarray:
    return _composite_of(planes, pixel_type)()  # type: ignore[return-value]


def _median_ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


_STARTS = np.array([100.0] * 3)
_SCALES = np.array([255 / 1400] * 3)
_RGB = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])


def _swapped(planes: np.ndarray) -> np.ndarray:
    return planes.astype(">u2").view("<u2")


@numba.njit(nogil=True, cache=True)
def _fused_loop(planes, starts, scales, colors):
    channels, height, width = planes.shape
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            red = green = blue = 0.0
            for c in range(channels):
                stored = planes[c, y, x]
                value = ((stored & 255) << 8) | (stored >> 8)
                level = min(max((value - starts[c]) * scales[c], 0.0), 255.0)
                red += level * colors[c, 0]
                green += level * colors[c, 1]
                blue += level * colors[c, 2]
            out[y, x, 0] = np.uint8(min(red, 255.0))
            out[y, x, 1] = np.uint8(min(green, 255.0))
            out[y, x, 2] = np.uint8(min(blue, 255.0))
    return out
