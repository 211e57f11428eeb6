"""What the benchmark of growth stands on: its images are whole, and it counts what it says."""

import numpy as np
import tifffile

from benchmarks import growth_cache
from benchmarks.pyramids import TILE
from benchmarks.shared_tiles import Size, make


def test_large_images_are_read_whole_and_take_little_room(tmp_path):
    size = Size(7_000, 2)
    path = make(tmp_path, size)
    assert path.stat().st_size < 40e6 < size.side**2 * 2 * 2
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        assert (series.axes, series.shape) == ("CYX", (2, size.side, size.side))
        sides = [level.shape[-1] for level in series.levels]
        assert sides == size.level_sides and sides[0] == 7_000 and sides[-1] <= TILE
        tiles = {segment[0].tobytes() for segment in series.pages[1].segments() if segment[0].any()}
        assert 50 < len(tiles) <= 64
        assert np.ptp(series.levels[-1].asarray()) > 0
    assert make(tmp_path, size) == path


def test_the_caches_figures_are_of_as_many_entries_as_they_say():
    cost = growth_cache.measure(600)
    assert (cost.entries, cost.purged) == (600, 60)
    # Six of each image, but for those that made room.
    assert 1 <= cost.forgotten <= 16
    assert min(cost.hit_us, cost.miss_us, cost.store_us) > 0
