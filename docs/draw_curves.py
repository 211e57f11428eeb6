"""Draws the pictures of docs/rendering.md from the engine's own tables: python -m docs.draw_curves.

Each curve is what a channel of 16-bit data with the window 0 to 4095 comes out as.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.engine.codomain import reverse
from render.engine.quantum import QuantumSettings
from render.engine.tables import FIRST_BIN, bin_table, value_table

_WIDTH, _HEIGHT = 540, 300
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 34, 150, 40
_COLORS = ("#2563a8", "#c2571a", "#3a8a3f", "#8a4fa8")
_INK, _GRID = "#333333", "#d0d0d0"

_PLAIN = QuantumSettings("uint16", None, (0.0, 4095.0), 0.0, 4095.0)
_SHOWN = np.arange(0, 4801, 8)


@dataclass(frozen=True)
class Chart:
    """A picture: a name for its file, a title, and curves by label, (x, level) each."""

    name: str
    title: str
    curves: dict[str, tuple[NDArray, NDArray]]
    x_label: str = "stored value"


def charts() -> Iterator[Chart]:
    """Give every chart of the page."""
    yield Chart("linear", "linear", {"window 0 to 4095": _curve(_PLAIN)} | _window(1000, 2500))
    yield Chart("polynomial", "polynomial", _family("polynomial", (0.5, 1.0, 2.0, 4.0)))
    yield Chart("exponential", "exponential", _family("exponential", (0.1, 0.25, 0.5, 1.0)))
    logarithmic = replace(_PLAIN, family="logarithmic")
    yield Chart("logarithmic", "logarithmic", {"any coefficient": _curve(logarithmic)})
    reduced = replace(_PLAIN, noise_reduction=True)
    yield Chart(
        "noise-reduction",
        "noise reduction (linear)",
        {"off": _curve(_PLAIN), "on": _curve(reduced)},
    )
    levels = np.arange(256)
    yield Chart(
        "reverse-intensity",
        "reverse intensity",
        {
            f"output {low} to {high}": (levels, reverse(levels.astype(np.uint8), low, high))
            for low, high in ((0, 255), (50, 200))
        },
        "level before",
    )
    yield Chart("bins", "the first bins of a float channel", _first_bins(), "bins from the start")


def _family(name: str, coefficients: tuple[float, ...]) -> dict[str, tuple[NDArray, NDArray]]:
    return {f"k = {k:g}": _curve(replace(_PLAIN, family=name, coefficient=k)) for k in coefficients}


def _window(start: float, end: float) -> dict[str, tuple[NDArray, NDArray]]:
    return {f"window {start} to {end}": _curve(replace(_PLAIN, start=start, end=end))}


def _curve(settings: QuantumSettings) -> tuple[NDArray, NDArray]:
    return _SHOWN, value_table(settings)[_SHOWN]


def _first_bins() -> dict[str, tuple[NDArray, NDArray]]:
    table = bin_table(replace(_PLAIN, pixel_type="float", start=0.0, end=256.0))
    edges = np.repeat(np.arange(9), 2)[1:-1]
    levels = np.repeat(table.levels[FIRST_BIN : FIRST_BIN + 8], 2)
    fine = np.linspace(0, 8, 33)
    return {"level by bins": (edges, levels), "straight line": (fine, fine)}


def draw(chart: Chart) -> str:
    """Give a chart as SVG."""
    x_end = max(float(x.max()) for x, _ in chart.curves.values())
    y_end = 255.0 if chart.name != "bins" else 8.0
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_middle(), 18, chart.title, "middle", 'font-weight="bold"'),
        _text(_middle(), _HEIGHT - 8, chart.x_label, "middle"),
        *_axes(x_end, y_end),
    ]
    for index, (label, (x, y)) in enumerate(chart.curves.items()):
        color = _COLORS[index % len(_COLORS)]
        points = " ".join(
            f"{_across(float(a), x_end):.1f},{_down(float(b), y_end):.1f}"
            for a, b in zip(x, y, strict=True)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        top, left = _TOP + 8 + 16 * index, _WIDTH - _RIGHT + 14
        lines.append(f'<path d="M{left} {top}h18" stroke="{color}" stroke-width="2"/>')
        lines.append(_text(left + 24, top + 4, label, "start"))
    return "\n".join([*lines, "</svg>", ""])


def _axes(x_end: float, y_end: float) -> Iterator[str]:
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = _across(share * x_end, x_end), _down(share * y_end, y_end)
        yield f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{_GRID}"/>'
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>'
        yield _text(x, _HEIGHT - _BOTTOM + 14, f"{share * x_end:.0f}", "middle")
        yield _text(_LEFT - 6, y + 4, f"{share * y_end:.0f}", "end")


def _middle() -> float:
    return (_LEFT + _WIDTH - _RIGHT) / 2


def _across(x: float, x_end: float) -> float:
    return _LEFT + x / x_end * (_WIDTH - _LEFT - _RIGHT)


def _down(y: float, y_end: float) -> float:
    return _HEIGHT - _BOTTOM - y / y_end * (_HEIGHT - _TOP - _BOTTOM)


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}" {more}>{text}</text>'
    )


def main(folder: Path) -> None:
    """Write every chart into `folder`."""
    for chart in charts():
        (folder / f"{chart.name}.svg").write_text(draw(chart), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images")
