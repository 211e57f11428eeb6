"""Label images of OME-Zarr become regions with masks."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from imageserver.readers import zarr_labels
from imageserver.readers.objects import AnnotationMetadata
from tests.imageserver.files.conftest import noise
from tests.imageserver.files.test_zarr_reader import write_ome_zarr
from tests.support.ome import NAMESPACE

SHAPE = (2, 3, 40, 60)
LABELS = np.zeros(SHAPE, np.uint16)
LABELS[0, 1, 5:9, 10:17] = 7
LABELS[0, 2, 0, 0] = 7
LABELS[1, 0, 30:40, 50:60] = 300
LABELS[1, 0, 35, 55] = 0
LABELS[1, 0, 39, 0] = 300


def write_labels(path: Path, name: str, labels: np.ndarray, axes: str, **attributes) -> None:
    """Write a label image below an image that is there."""
    write_ome_zarr(
        path / "labels" / name, [labels], axes, "0.4", chunks=(1,) * (labels.ndim - 2) + (16, 16)
    )
    group = zarr.open_group(path / "labels", mode="a", zarr_format=2)
    group.attrs["labels"] = [*group.attrs.get("labels", []), name]
    zarr.open_group(path / "labels" / name, mode="a", zarr_format=2).attrs.update(attributes)


@pytest.fixture
def image(folder: Path) -> Path:
    path = folder / "a.zarr"
    write_ome_zarr(path, [noise(SHAPE, "uint8")], "tzyx", "0.4")
    return path


def drawn(file, shape) -> np.ndarray:
    """Draw the bits of a mask where they belong."""
    x, y, width, height = (int(shape.values[key]) for key in ("x", "y", "width", "height"))
    bits = np.unpackbits(np.frombuffer(file.mask(0, shape), np.uint8), count=width * height)
    plane = np.zeros(SHAPE[2:], np.uint8)
    plane[y : y + height, x : x + width] = bits.reshape(height, width)
    return plane


@pytest.mark.parametrize("band_pixels", [1, 1 << 20])
def test_each_label_is_a_region_with_a_mask_for_each_plane(
    image, open_image, monkeypatch, band_pixels
):
    monkeypatch.setattr(zarr_labels, "_BAND_PIXELS", band_pixels)
    colors = [{"label-value": 7, "rgba": [255, 0, 0, 128]}, {"label-value": 8, "rgba": "red"}]
    write_labels(image, "nuclei", LABELS, "tzyx", **{"image-label": {"colors": colors}})
    file = open_image(image)
    assert file.series[0].has_rois
    seven, big = file.rois(0)
    assert (seven.name, big.name) == ("nuclei 7", "nuclei 300")
    assert [dict(shape.values) for shape in seven.shapes] == [
        {"x": 10.0, "y": 5.0, "width": 7.0, "height": 4.0, "theZ": 1, "theT": 0,
         "fillColor": -16777088},
        {"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0, "theZ": 2, "theT": 0,
         "fillColor": -16777088},
    ]  # fmt: skip
    for roi, value in ((seven, 7), (big, 300)):
        for shape in roi.shapes:
            plane = LABELS[shape.values["theT"], shape.values["theZ"]]
            np.testing.assert_array_equal(drawn(file, shape), plane == value)


def test_labels_with_one_plane_stand_for_all(image, open_image):
    write_labels(image, "flat", LABELS[1, 0], "yx")
    ((roi),) = open_image(image).rois(0)
    (shape,) = roi.shapes
    assert "theZ" not in shape.values and "theT" not in shape.values


def test_labels_of_several_images_and_their_order(image, open_image):
    write_labels(image, "b", LABELS[1, 0], "yx")
    write_labels(image, "a", LABELS[0, 1].astype(np.int8), "yx")
    assert [roi.name for roi in open_image(image).rois(0)] == ["b 300", "a 7"]


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (np.ones((20, 60), np.uint8), "yx"),
        (np.ones((2, 40, 60), np.uint8), "zyx"),
        (np.ones((2, 40, 60), np.uint8), "cyx"),
        (np.ones((40, 60), np.float32), "yx"),
    ],
)
def test_labels_that_do_not_fit_are_left_out_alone(image, open_image, labels, axes):
    write_labels(image, "wrong", labels, axes)
    write_labels(image, "right", LABELS[1, 0], "yx")
    assert [roi.name for roi in open_image(image).rois(0)] == ["right 300"]


def test_malformed_labels_are_left_out(image, open_image):
    write_labels(image, "right", LABELS[1, 0], "yx")
    group = zarr.open_group(image / "labels", mode="a", zarr_format=2)
    group.attrs["labels"] = ["missing", 5, "../../a.zarr", "right"]
    assert [roi.name for roi in open_image(image).rois(0)][-1] == "right 300"
    group.attrs["labels"] = "no list"
    file = open_image(image)
    assert not file.series[0].has_rois and file.rois(0) == ()


def test_there_is_a_most_of_labels_and_of_pixels(image, open_image, monkeypatch):
    write_labels(image, "many", np.arange(2400, dtype=np.uint16).reshape(40, 60), "yx")
    monkeypatch.setattr(zarr_labels, "MAX_MASKS", 10)
    assert len(open_image(image).rois(0)) == 10
    monkeypatch.setattr(zarr_labels, "MAX_PIXELS", 2399)
    assert open_image(image).rois(0) == ()


def test_regions_and_annotations_of_the_xml_come_before_labels(folder, open_image):
    path = folder / "converted.zarr"
    zarr.open_group(path, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    write_ome_zarr(path / "0", [noise((40, 60), "uint8")], "yx", "0.4")
    write_ome_zarr(path / "1", [noise((10, 12), "uint8")], "yx", "0.4")
    write_labels(path / "0", "cells", LABELS[1, 0], "yx")
    (path / "OME").mkdir()
    (path / "OME" / "METADATA.ome.xml").write_text(
        f'<OME xmlns="{NAMESPACE}"><Image ID="Image:0"><Pixels SizeX="60" SizeY="40"/>'
        '<ROIRef ID="R"/></Image><Image ID="Image:1"><Pixels SizeX="12" SizeY="10"/>'
        '<AnnotationRef ID="T"/></Image><ROI ID="R" Name="drawn"><Union><Point X="1" Y="2"/>'
        '</Union></ROI><StructuredAnnotations><TagAnnotation ID="T"><Value>good</Value>'
        "</TagAnnotation></StructuredAnnotations></OME>"
    )
    file = open_image(path)
    assert [(series.has_rois, series.annotated) for series in file.series] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert [roi.name for roi in file.rois(0)] == ["drawn", "cells 300"]
    assert file.rois(1) == ()
    assert file.annotations() == (AnnotationMetadata("TagAnnotation", "good", images=(1,)),)
