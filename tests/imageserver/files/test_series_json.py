"""What the index remembers of files comes back as it was."""

import json
from dataclasses import replace

import numpy as np

from imageserver.readers.base import ChannelMetadata, SeriesMetadata
from imageserver.series_json import series_from_json, series_to_json

CHANNELS = (ChannelMetadata("a", (1, 2, 3, 255)), ChannelMetadata(lut="cool.lut"))
ONE = SeriesMetadata(
    "one", "uint16", 64, 32, 3, 2, 1, ((64, 32), (32, 16)), 64, 32, CHANNELS,
    description="ä", significant_bits=12, physical_size_x=0.5, has_rois=True,
)  # fmt: skip


def test_series_come_back_and_those_alike_are_told_once():
    series = [replace(ONE, name=f"A/1/{number}") for number in range(1000)]
    series[500] = replace(ONE, name="A/1/500", size_z=4)
    text = series_to_json(series)
    assert series_from_json(text) == tuple(series)
    assert len(json.loads(text)["kinds"]) == 2
    assert len(text) < 30 * len(series)


def test_numbers_of_numpy_are_numbers():
    odd = replace(ONE, size_z=np.int64(3), physical_size_x=np.float32(0.5))
    assert series_from_json(series_to_json([odd])) == (ONE,)
    assert series_from_json(series_to_json([])) == ()
