"""The imgData object, field by field, as viewers read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metadata.image_data import (
    ViewerDefaults,
    channel_label,
    image_data,
    look_up,
    pixel_range,
    split_channel_grid,
)
from render.values import ChannelInfo, ContainerRef
from tests.app.samples import DEFINITION, IMAGE, image

PARENT = ContainerRef(31, "Kidney", "of 2024")


def test_a_pyramid_is_told_completely():
    info = image(projects=(PARENT,), datasets=(PARENT, PARENT), nominal_magnification=40.0)
    data = image_data(info, DEFINITION, ViewerDefaults())
    assert data["id"] == 12
    assert data["meta"] == {
        "imageName": "slide.tif", "imageDescription": "", "imageAuthor": "Ada Byron",
        "imageArchived": False, "projectName": "Kidney", "projectId": 31,
        "projectDescription": "of 2024", "datasetName": "Multiple", "datasetId": None,
        "datasetDescription": "", "wellSampleId": "", "wellId": "",
        "imageTimestamp": 1709301600.0, "imageId": 12, "pixelsType": "uint16",
    }  # fmt: skip
    assert data["perms"] == {
        "canAnnotate": False, "canEdit": False, "canDelete": False, "canLink": False,
    }  # fmt: skip
    assert data["tiles"] is True
    assert data["tile_size"] == {"width": 16, "height": 8}
    assert data["levels"] == 3
    assert data["resolutions"]["2"] == {"sizeX": 25, "sizeY": 20}
    assert data["zoomLevelScaling"] == {"0": 1.0, "1": 0.5, "2": 0.25}
    assert data["interpolate"] is True
    assert data["size"] == {"width": 100, "height": 80, "z": 5, "t": 2, "c": 3}
    assert data["pixel_size"] == {"x": 0.25, "y": 0.25, "z": None}
    assert data["init_zoom"] == 0
    assert data["nominalMagnification"] == 40.0
    assert data["pixel_range"] == [0, 65535]
    assert data["channels"][0] == {
        "emissionWave": None, "label": "DAPI", "color": "0000FF", "inverted": False,
        "reverseIntensity": False, "family": "linear", "coefficient": 1.0,
        "window": {"min": 12.0, "max": 4095.0, "start": 80.0, "end": 1900.0}, "active": True,
    }  # fmt: skip
    assert data["channels"][1]["lut"] == "cool.lut"
    assert data["channels"][1]["inverted"] is True
    assert data["channels"][1]["window"] == {
        "min": 0.0,
        "max": 65535.0,
        "start": 0.0,
        "end": 2500.5,
    }
    assert data["channels"][2]["label"] == "530"
    assert data["channels"][2]["active"] is False
    assert data["split_channel"]["c"]["gridx"] == 2
    assert data["rdefs"] == {
        "model": "color", "projection": "normal", "defaultZ": 2, "defaultT": 0, "invertAxis": False,
    }  # fmt: skip


def test_a_single_level_has_no_tiles():
    data = image_data(image(levels=((100, 80),)), DEFINITION, ViewerDefaults(-1, False))
    assert data["tiles"] is False and data["interpolate"] is False and data["init_zoom"] == 0
    assert not {"tile_size", "levels", "resolutions", "zoomLevelScaling"} & set(data)
    assert "nominalMagnification" not in data


def test_a_negative_zoom_level_counts_from_the_end():
    assert image_data(IMAGE, DEFINITION, ViewerDefaults(-1))["init_zoom"] == 2
    assert image_data(IMAGE, DEFINITION, ViewerDefaults(-9))["init_zoom"] == 0


@pytest.mark.parametrize(
    ("pixel_type", "text"),
    [
        ("uint8", "[0, 255]"),
        ("uint32", "[0, 4294967295]"),
        ("int16", "[-32768.0, 32767.0]"),
        ("float", "[-2147483648.0, 2147483647.0]"),
    ],
)
def test_pixel_ranges_are_written_as_omero_web_does(pixel_type, text):
    assert str(pixel_range(pixel_type)) == text


def test_floats_tell_their_true_range_beside():
    data = image_data(
        image(pixel_type="float", channels=(ChannelInfo(stats=(0.5, 2.0)),) * 3),
        DEFINITION,
        ViewerDefaults(),
    )
    assert data["value_range"] == [0.5, 2.0]
    assert "value_range" not in image_data(IMAGE, DEFINITION, ViewerDefaults())


def test_an_acquisition_date_wins_over_the_import():
    assert _timestamp(acquired_at_s=5.0) == 5.0
    assert _timestamp(acquired_at_s=0.0) == 1709301600.0


def _timestamp(**changes):
    return image_data(image(**changes), DEFINITION, ViewerDefaults())["meta"]["imageTimestamp"]


def test_well_samples():
    meta = image_data(image(well_sample_ids=(7,), well_ids=(8,)), DEFINITION, ViewerDefaults())[
        "meta"
    ]
    assert (meta["wellSampleId"], meta["wellId"]) == (7, 8)


@pytest.mark.parametrize(
    ("channel", "label"),
    [
        (ChannelInfo("DAPI", emission_wave=1.0), "DAPI"),
        (ChannelInfo(emission_wave=461.0), "461"),
        (ChannelInfo(emission_wave=461.5), "461.5"),
        (ChannelInfo(emission_wave=float("inf")), "inf"),
        (ChannelInfo(""), "4"),
    ],
)
def test_labels(channel, label):
    assert channel_label(4, channel) == label


@pytest.mark.parametrize(
    ("panes", "columns", "rows"),
    [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (6, 3, 2), (7, 3, 3), (9, 3, 3),
     (10, 4, 3), (12, 4, 3), (13, 4, 4)],
)  # fmt: skip
def test_the_grid_of_split_channels(panes, columns, rows):
    grid = split_channel_grid(panes, 40000, 30000)
    assert (grid["gridx"], grid["gridy"], grid["border"]) == (columns, rows, 2)
    assert grid["width"] == columns * 40000 + 2 * (columns + 1)
    assert grid["height"] == rows * 30000 + 2 * (rows + 1)


def test_parts_are_looked_up_by_dotted_path():
    data = {"size": {"width": 3}, "channels": [{"label": "a"}]}
    assert look_up(data, "size.width") == 3
    assert look_up(data, "channels.0.label") == "a"
    for path in ("x", "size.x", "size.width.x", "channels.1", "channels.label", "channels.²", ""):
        assert look_up(data, path) is None


@given(st.text(max_size=20))
def test_no_path_raises(path):
    look_up({"size": {"width": 3}, "channels": [1]}, path)
