"""Minimum and maximum of channels: exact within the budget, else from what can be afforded."""

import logging

import numpy as np
import pytest
import tifffile

from imageserver import statistics
from imageserver.pixels import PixelBuffer
from imageserver.readers.base import UnreadableFile
from imageserver.statistics import channel_extremes

from .conftest import noise


def buffer_of(levels_tczyx, read=None):
    """Make a buffer over arrays in memory that counts the samples it reads."""
    first = levels_tczyx[0]
    size_t, size_c, size_z = first.shape[:3]
    seen = []

    def read_array(level, z, c, t, x, y, width, height):
        seen.append((level, z, c, t, width * height))
        return levels_tczyx[level][t, c, z, y : y + height, x : x + width]

    buffer = PixelBuffer(
        {"u1": "uint8", "i2": "int16", "f4": "float"}[first.dtype.str[1:]],
        (size_z, size_c, size_t),
        tuple((level.shape[-1], level.shape[-2]) for level in levels_tczyx),
        (64, 32),
        read or read_array,
    )
    return buffer, seen


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_all_planes_count_when_affordable(dtype):
    data = noise((2, 3, 4, 70, 90), dtype)
    buffer, seen = buffer_of([data])
    expected = tuple((float(data[:, c].min()), float(data[:, c].max())) for c in range(3))
    assert channel_extremes(buffer) == expected
    assert sum(entry[-1] for entry in seen) == data.size


def test_values_that_are_not_finite_are_left_out():
    data = noise((1, 2, 1, 8, 8), "float32")
    data[0, 0, 0, 0, :3] = [np.nan, np.inf, -np.inf]
    data[0, 1] = np.nan
    finite = data[0, 0][np.isfinite(data[0, 0])]
    assert channel_extremes(buffer_of([data])[0]) == ((finite.min(), finite.max()), None)


def test_beyond_the_budget_the_largest_level_that_is_affordable_counts():
    levels = [noise((2, 1, 1, 64 >> i, 64 >> i), "uint8", i) for i in range(4)]
    buffer, seen = buffer_of(levels)
    found = channel_extremes(buffer, budget_bytes=2 * 32 * 32)
    assert found == ((levels[1].min(), levels[1].max()),)
    assert {entry[0] for entry in seen} == {1}


def test_with_too_many_planes_some_of_the_smallest_level_count():
    data = noise((50, 1, 1, 16, 16), "uint8")
    buffer, seen = buffer_of([data])
    channel_extremes(buffer, budget_bytes=10 * 16 * 16)
    times = {entry[3] for entry in seen}
    assert len(times) == 10
    assert {0, 49} <= times


def test_parts_of_a_plane_beyond_the_budget_count_when_asked_for(monkeypatch):
    monkeypatch.setattr(statistics, "BAND_BYTES", 64 * 32)
    data = noise((1, 1, 1, 640, 640), "uint8")
    buffer, seen = buffer_of([data])
    (found,) = channel_extremes(buffer, budget_bytes=100 * 1024, partly=True)
    assert 50 * 1024 <= sum(entry[-1] for entry in seen) <= 100 * 1024
    assert data.min() <= found[0] < 10
    assert 245 < found[1] <= data.max()


def test_a_plane_beyond_the_budget_has_no_statistics():
    assert (
        channel_extremes(buffer_of([noise((1, 1, 1, 64, 64), "uint8")])[0], budget_bytes=100)
        is None
    )


def test_damaged_parts_are_left_out_and_nothing_readable_is_an_error():
    data = noise((1, 1, 1, 64, 64), "uint8")

    def half(level, z, c, t, x, y, width, height):
        if y < 32:
            raise UnreadableFile("damaged")
        return data[0, 0, 0, y : y + height, x : x + width]

    def nothing(*arguments):
        raise UnreadableFile("damaged")

    buffer, _ = buffer_of([data], half)
    statistics_bands = statistics.BAND_BYTES
    try:
        statistics.BAND_BYTES = 64 * 32
        assert channel_extremes(buffer) == ((data[..., 32:, :].min(), data[..., 32:, :].max()),)
    finally:
        statistics.BAND_BYTES = statistics_bands
    with pytest.raises(UnreadableFile):
        channel_extremes(buffer_of([data], nothing)[0])


def test_statistics_are_computed_once_and_remembered(folder, make_catalog, monkeypatch):
    data = noise((3, 40, 50), "uint16")
    tifffile.imwrite(folder / "a.ome.tif", data, metadata={"axes": "CYX"}, photometric="minisblack")
    catalog = make_catalog()
    image_id = catalog.images()[0].id
    expected = [(float(plane.min()), float(plane.max())) for plane in data]
    assert [channel.stats for channel in catalog.image(image_id).channels] == expected
    catalog.close()
    monkeypatch.setattr("imageserver.upkeep.channel_extremes", lambda *a, **k: 1 / 0)
    again = make_catalog()
    assert [channel.stats for channel in again.images()[0].channels] == expected


def test_a_failure_of_one_does_not_stop_the_others(folder, make_catalog, monkeypatch, caplog):
    for name in "ab":
        tifffile.imwrite(folder / f"{name}.tif", noise((20, 20), "uint8"), metadata=None)
    real = statistics.channel_extremes
    calls = []

    def fails_at_first(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("a fault of ours")
        return real(*arguments, **options)

    monkeypatch.setattr("imageserver.upkeep.channel_extremes", fails_at_first)
    with caplog.at_level(logging.ERROR):
        catalog = make_catalog()
        found = [catalog.image(image.id).channels[0].stats for image in catalog.images()]
    assert found.count(None) == 1


@pytest.mark.parametrize(("dtype", "ends"), [("uint16", (0, 4095)), ("int16", (-2048, 2047))])
def test_values_beyond_the_significant_bits_do_not_count(folder, make_catalog, dtype, ends):
    limits = np.iinfo(dtype)
    data = np.linspace(limits.min, limits.max, 60 * 40).astype(dtype).reshape(60, 40)
    tifffile.imwrite(
        folder / "a.ome.tif", data, ome=True, metadata={"axes": "YX", "SignificantBits": 12}
    )
    catalog = make_catalog()
    image_id = catalog.images()[0].id
    assert catalog.image(image_id).channels[0].stats == ends
