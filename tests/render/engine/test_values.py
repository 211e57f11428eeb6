"""Histograms, windows from data, sizes and projections: tables of inputs and expected values."""

import math

import numpy as np
import pytest

from render.engine import histogram, lut_files, projection, scale, windows
from render.errors import BadRequest
from render.values import Projection, ProjectionKind, Window

MAXIMUM, MEAN, SUM = ProjectionKind.MAXIMUM, ProjectionKind.MEAN, ProjectionKind.SUM


@pytest.mark.parametrize(
    ("pixel_type", "values", "value_range", "bins", "expected"),
    [
        ("uint8", [0, 1, 2, 3], (0, 3), 3, [1, 1, 2]),
        ("uint16", [9, 10, 19, 20, 21], (10, 20), 2, [1, 2]),
        ("int8", [-128, -1, 0, 127], (-128, 127), 2, [2, 2]),
        ("int32", [-5, 0, 5], (-5, 5), 2, [1, 2]),
        ("uint16", [7, 7, 8], (7, 7), 4, [2, 0, 0, 0]),
        ("float", [math.nan, 0.0, 0.5, 1.0, math.inf], (0, 1), 2, [1, 2]),
        ("float", [3.0, 3.0], (3, 3), 2, [2, 0]),
    ],
)
def test_histogram(pixel_type, values, value_range, bins, expected):
    plane = np.array([values], histogram.DTYPES[pixel_type])
    for use_numba in (True, False):
        counts = histogram.histogram(plane, pixel_type, value_range, bins, use_numba=use_numba)
        assert counts.tolist() == expected


def test_a_histogram_without_a_sensible_number_of_bins_has_256():
    assert histogram.histogram(np.zeros((2, 2), "u1"), "uint8", (0, 255), 0).size == 256


def test_the_histogram_range_is_the_stored_one_unless_it_says_nothing():
    plane = np.array([[3, 250]], np.uint8)
    assert histogram.histogram_range(plane, "uint8", (5.0, 90.0)) == (5.0, 90.0)
    assert histogram.histogram_range(plane, "uint8", (0.0, 1.0)) == (3.0, 250.0)
    assert histogram.histogram_range(plane, "uint8", None) == (3.0, 250.0)


def test_smallest_and_largest_pass_over_nan():
    plane = np.array([[math.nan, -2.5, 7.0]], ">f4")
    assert histogram.minmax(plane, "float") == (-2.5, 7.0)
    assert histogram.minmax(np.full((2, 2), math.nan), "double") == (0.0, 0.0)


@pytest.mark.parametrize("pixel_type", ["uint16", "int16", "int32", "float"])
def test_percentile_window(pixel_type):
    plane = np.arange(-50, 51).reshape(1, -1) + (50 if pixel_type == "uint16" else 0)
    shifted = plane.astype(histogram.DTYPES[pixel_type])
    base = int(plane[0, 0])
    whole = windows.percentile_window([shifted], pixel_type, 0, 100)
    assert whole == Window(base, base + 100)
    inner = windows.percentile_window([shifted[:, :40], shifted[:, 40:]], pixel_type, 1, 99)
    assert inner == Window(base + 1, base + 99)


def test_a_flat_plane_still_has_a_window_with_a_width():
    assert windows.percentile_window([np.full((3, 3), 9, "u1")], "uint8", 1, 99) == Window(9, 10)


@pytest.mark.parametrize("percents", [(5, 5), (-1, 50), (50, 101), (math.nan, 9)])
def test_impossible_percentiles_are_refused(percents):
    with pytest.raises(BadRequest) as caught:
        windows.percentile_window([np.zeros((2, 2), "u1")], "uint8", *percents)
    assert caught.value.parameter == "auto"


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (300, 1)])
def test_any_size_can_be_made(size):
    for source in ((1, 1), (2, 50), (50, 60)):
        picture = np.full((*source, 4), 77, np.uint8)
        for use_numba in (True, False):
            scaled = scale.resize(picture, *size, use_numba=use_numba)
            assert scaled.shape == (size[1], size[0], 4)
            assert (scaled == 77).all()


def test_compiled_and_plain_scaling_agree_on_four_parts():
    picture = np.random.default_rng(2).integers(0, 256, (61, 83, 4)).astype(np.uint8)
    for size in ((20, 9), (200, 100), (5, 90)):
        np.testing.assert_array_equal(
            scale.resize(picture, *size, use_numba=True),
            scale.resize(picture, *size, use_numba=False),
        )


@pytest.mark.parametrize(
    ("kind", "start", "end", "inclusive", "expected"),
    [
        (MAXIMUM, 1, 3, False, [1, 2, 3]),
        (MAXIMUM, 3, 1, False, [1, 2, 3]),
        (MAXIMUM, -4, 99, False, [0, 1, 2, 3, 4]),
        (MEAN, 1, 3, False, [1, 2]),
        (MEAN, 1, 3, True, [1, 2, 3]),
        (SUM, 0, 99, False, [0, 1, 2, 3]),
        (SUM, 2, 2, False, [2]),
        (MEAN, 9, 12, False, [4]),
    ],
)
def test_sections_of_a_requested_projection(kind, start, end, inclusive, expected):
    planned = projection.plan(Projection(kind, start, end), "uint8", 5, inclusive=inclusive)
    assert list(planned.sections) == expected


def test_a_mean_is_cut_and_a_sum_stops_at_the_type():
    stack = [np.array([[200, 1]], np.uint8), np.array([[201, 2]], np.uint8)]
    assert projection.project(stack, MEAN, "uint8").tolist() == [[200, 1]]
    assert projection.project(stack, SUM, "uint8").tolist() == [[255, 3]]


def test_a_step_of_nothing_is_refused():
    with pytest.raises(BadRequest, match="step"):
        projection.server_sections(MAXIMUM, 0, 3, 5, 0)


def test_filters_are_kept_in_bounded_memory():
    kept = scale._kept_filter.cache_info()
    wide = np.zeros((3, 9000, 4), np.uint8)
    assert scale.resize(wide, 5, 3).shape == (3, 5, 4)
    assert scale._kept_filter.cache_info().misses <= kept.misses + 1
    most = 0
    for have, want in ((8192, 1), (8192, 90), (8192, 8191), (8191, 8192), (3, 8192)):
        made = scale._made_filter(have, want)
        most = max(most, made.sources.nbytes + made.weights.nbytes + made.taps.nbytes)
    assert most <= 104 * 8192
    assert kept.maxsize == 64


@pytest.mark.timeout(60)
@pytest.mark.parametrize("word", ["1", "1.", "f", "0x", "+"])
def test_no_word_of_a_lookup_table_takes_long_to_be_told_from_a_number(word):
    table = lut_files.parse(word.encode() * 200_000 + b"x 2 3\n")
    assert not table.any()
