"""Tiles and regions: clipping, budgets, and where they lie in a turned image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imaging.areas import SourceArea, resolve_area
from app.params import Orientation
from render.errors import BadRequest, RegionOutside, TooLarge
from render.values import ImageInfo, Region, TileIndex

BUDGET = 10_000


def info(*levels: tuple[int, int]) -> ImageInfo:
    size_x, size_y = levels[0]
    return ImageInfo(
        image_id=12, pixels_id=3, name="", description="", author="", owner_id=0, group_id=0,
        archived=False, acquired_at_s=None, imported_at_s=0.0, pixel_type="uint8",
        significant_bits=None, size_x=size_x, size_y=size_y, size_z=1, size_c=1, size_t=1,
        pixel_size_x=None, pixel_size_y=None, pixel_size_z=None, levels=levels,
        tile_width=16, tile_height=8, channels=(), pixels_version="1",
    )  # fmt: skip


PYRAMID = info((100, 80), (50, 40), (25, 20))


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (None, SourceArea(0, Region(0, 0, 100, 80))),
        (Region(90, 70, 50, 50), SourceArea(0, Region(90, 70, 10, 10))),
        (Region(-5, -5, 10, 10), SourceArea(0, Region(0, 0, 5, 5))),
        (TileIndex(0, 1, 1, 64, 64), SourceArea(0, Region(64, 64, 36, 16))),
        (TileIndex(1, 1, 0, 32, 32), SourceArea(1, Region(32, 0, 18, 32))),
        (TileIndex(2, 1, 2), SourceArea(2, Region(16, 16, 9, 4))),
        (TileIndex(0, 0, 0, 10**9, 10**9), SourceArea(0, Region(0, 0, 100, 80))),
    ],
)
def test_areas_are_clipped_to_their_level(area, expected):
    assert resolve_area(PYRAMID, area, Orientation(), BUDGET) == expected


@pytest.mark.parametrize(
    "area",
    [
        TileIndex(0, 9, 0, 64, 64),
        TileIndex(0, -1, 0, 64, 64),
        Region(100, 0, 5, 5),
        Region(-5, 0, 5, 5),
        Region(0, 0, 0, 5),
        Region(0, 0, 5, -5),
        Region(10**17, 0, 5, 5),
    ],
)
def test_areas_without_a_pixel_are_refused(area):
    with pytest.raises(RegionOutside):
        resolve_area(PYRAMID, area, Orientation(), BUDGET)


def test_levels_that_do_not_exist_are_refused():
    with pytest.raises(BadRequest, match="non pyramid file"):
        resolve_area(info((10, 10)), TileIndex(1, 0, 0), Orientation(), BUDGET)
    with pytest.raises(BadRequest, match="levels 0 to 2"):
        resolve_area(PYRAMID, TileIndex(3, 0, 0), Orientation(), BUDGET)


def test_the_pixel_budget_is_held():
    with pytest.raises(TooLarge, match="max_output_pixels"):
        resolve_area(PYRAMID, None, Orientation(), 7999)
    with pytest.raises(BadRequest, match="max_output_pixels"):
        resolve_area(PYRAMID, TileIndex(0, 0, 0, 100, 100), Orientation(), 7999)


@given(
    st.integers(-3, 12), st.integers(-3, 9), st.integers(1, 12), st.integers(1, 9),
    st.booleans(), st.booleans(), st.sampled_from([0, 90, 180, 270]),
)  # fmt: skip
def test_a_region_of_a_turned_image_is_cut_from_the_turned_picture(x, y, w, h, flip_h, flip_v, rot):
    stored = np.arange(10 * 7).reshape(7, 10)
    picture = turned(stored, flip_h, flip_v, rot)
    expected = picture[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
    orientation = Orientation(flip_h, flip_v, rot)
    try:
        area = resolve_area(info((10, 7)), Region(x, y, w, h), orientation, BUDGET)
    except RegionOutside:
        assert expected.size == 0
        return
    r = area.region
    part = stored[r.y : r.y + r.height, r.x : r.x + r.width]
    np.testing.assert_array_equal(turned(part, flip_h, flip_v, rot), expected)


def turned(array, flip_h, flip_v, rot):
    if flip_h:
        array = array[:, ::-1]
    if flip_v:
        array = array[::-1]
    return np.rot90(array, -rot // 90)
