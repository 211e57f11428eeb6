"""The bounds hold, and what is asked for often is there, when much more is asked for than fits."""

import pytest

from benchmarks.cache import measure


@pytest.mark.slow
def test_a_working_set_a_thousand_times_larger_is_served_as_well_as_can_be():
    figures = measure(requests=5000, entries=40, check_every=100)
    assert figures.ideal_hit_ratio > 0.1
    assert abs(figures.hit_ratio - figures.ideal_hit_ratio) < 0.02
    assert figures.most_bytes <= figures.max_bytes
    assert figures.most_entries <= 80
    # On top of the entries there are SQLite's log and free pages (docs/cache.md).
    assert figures.most_disk_bytes <= figures.max_bytes * 1.05 + 24e6
    assert figures.memory_growth_bytes < 32e6
