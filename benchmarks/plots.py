"""Plots of the figures, as SVG, for docs/benchmarks.md. They need matplotlib."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "docs" / "images"
_COLORS = ("#2563a8", "#c2571a", "#3a8a3f", "#8a4fa8")
_PLAIN = "{x:g}"
#: Text stays text, and equal figures give an equal file.
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "blitzrender",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Panel:
    """One of the charts of a plot: y values by the curve's name, over common x values."""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    curves: Mapping[str, Sequence[float]]
    #: Both axes count in powers of ten; else neither does.
    logarithmic: bool = True


def draw_lines(name: str, panels: Sequence[Panel], folder: Path = FOLDER) -> None:
    """Write `name`.svg with the panels side by side."""
    pyplot = _pyplot()
    if pyplot is None:
        return
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(
            1, len(panels), figsize=(3.6 * len(panels), 2.9), squeeze=False
        )
        for axis, panel in zip(axes[0], panels, strict=True):
            for color, (label, values) in zip(_COLORS, panel.curves.items(), strict=False):
                marker = "o" if len(panel.x) < 20 else ""
                axis.plot(panel.x, values, label=label, color=color, marker=marker, markersize=4)
            if panel.logarithmic:
                axis.set_xscale("log")
                axis.set_yscale("log")
                # Whole powers of ten, so that a little more or less does not look like much.
                axis.set_ylim(*_decades(panel.curves.values()))
                for one in (axis.xaxis, axis.yaxis):
                    one.set_major_formatter(_PLAIN)
                    one.set_minor_formatter("")
            else:
                axis.set_ylim(bottom=0)
            axis.set_title(panel.title, fontsize=9, fontweight="bold")
            axis.set_xlabel(panel.x_label)
            axis.set_ylabel(panel.y_label)
            if len(panel.curves) > 1:
                axis.legend(fontsize=8)
        _save(figure, name, folder)


def draw_bars(
    name: str,
    title: str,
    x_label: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    marks: Mapping[str, float] | None = None,
    logarithmic: bool = False,
    folder: Path = FOLDER,
) -> None:
    """Write `name`.svg with lying bars, the first label on top; `marks` are lines across them."""
    pyplot = _pyplot()
    if pyplot is None:
        return
    with pyplot.rc_context(_STYLE):
        height = 0.8 / len(series)
        figure, axis = pyplot.subplots(figsize=(7.2, 1.0 + 0.26 * len(labels) * len(series) ** 0.5))
        for index, (color, (label, values)) in enumerate(
            zip(_COLORS, series.items(), strict=False)
        ):
            places = [row + (index - (len(series) - 1) / 2) * height for row in range(len(labels))]
            axis.barh(places, values, height, label=label, color=color)
        for label, value in (marks or {}).items():
            axis.axvline(value, color="#333333", linestyle="--", linewidth=1)
            axis.text(value, -0.75, f" {label}", fontsize=8, va="center")
        axis.set_yticks(range(len(labels)), labels)
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        if logarithmic:
            axis.set_xscale("log")
            axis.set_xlim(left=_decades(series.values())[0])
            axis.xaxis.set_major_formatter(_PLAIN)
        axis.set_title(title, fontsize=9, fontweight="bold", pad=12)
        axis.set_xlabel(x_label)
        if len(series) > 1:
            axis.legend(fontsize=8)
        _save(figure, name, folder)


def _decades(curves: Iterable[Sequence[float]]) -> tuple[float, float]:
    """Give the powers of ten between which all values lie."""
    found = [value for values in curves for value in values if value > 0] or [1.0]
    return 10 ** math.floor(math.log10(min(found))), 10 ** math.ceil(math.log10(max(found) * 1.01))


def _pyplot():
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing (requirements-bench.txt): no plot is drawn")
        return None
    matplotlib.use("svg")
    from matplotlib import pyplot

    return pyplot


def _save(figure, name: str, folder: Path) -> None:
    figure.tight_layout()
    path = folder / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    # matplotlib ends lines with blanks.
    lines = (line.rstrip() for line in path.read_text("utf-8").splitlines())
    path.write_text("\n".join(lines) + "\n", "utf-8")
    _pyplot().close(figure)
    print(f"drawn: {path.relative_to(path.parents[2])}")
