"""The pictures of docs/rendering.md show what the engine does now, and the page shows them all."""

from pathlib import Path

import pytest

from docs import draw_curves

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("chart", list(draw_curves.charts()), ids=lambda chart: chart.name)
def test_chart_is_up_to_date(chart):
    stored = DOCS / "images" / f"{chart.name}.svg"
    assert stored.read_text("utf-8") == draw_curves.draw(chart), "run python -m docs.draw_curves"
    assert f"(images/{chart.name}.svg)" in (DOCS / "rendering.md").read_text("utf-8")
