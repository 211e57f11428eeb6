"""The pictures of docs/rendering.md show what the engine does now, and the page shows them all."""

from pathlib import Path

import pytest

import render.engine
from docs import draw_curves

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("chart", list(draw_curves.charts()), ids=lambda chart: chart.name)
def test_chart_is_up_to_date(chart):
    stored = DOCS / "images" / f"{chart.name}.svg"
    assert stored.read_text("utf-8") == draw_curves.draw(chart), "run python -m docs.draw_curves"
    assert f"(images/{chart.name}.svg)" in (DOCS / "rendering.md").read_text("utf-8")


def test_every_part_of_the_engine_has_its_place_on_the_page():
    page = (DOCS / "rendering.md").read_text("utf-8")
    helpers = {"__init__", "warm", "bits"}
    for path in Path(render.engine.__file__).parent.glob("*.py"):
        assert path.stem in helpers or f"`{path.stem}`" in page
