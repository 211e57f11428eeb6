"""Regions of interest that files tell of."""

import base64
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageserver.readers.base import UnreadableFile
from imageserver.readers.objects import RoiMetadata, ShapeMetadata
from imageserver.readers.ome_regions import regions
from imageserver.readers.ome_xml import parse
from imageserver.told import Told
from tests.imageserver.ice.hand_made import make_image
from tests.support.ome import NAMESPACE, image_xml, write_ome_tiff

PLANE = np.arange(30 * 40, dtype=np.uint8).reshape(1, 30, 40)


def shapes_of(*shapes: str) -> list:
    xml = f'<OME xmlns="{NAMESPACE}"><ROI ID="R"><Union>{"".join(shapes)}</Union></ROI></OME>'
    (roi,) = regions(parse(xml), ("R",))
    return list(roi.shapes)


def mask_of(data: bytes, attributes: str = "") -> bytes:
    text = base64.b64encode(data).decode()
    (mask,) = shapes_of(
        f'<Mask X="1" Y="2" Width="5" Height="3"><BinData {attributes}>{text}</BinData></Mask>'
    )
    return mask.values["bytes"]


def test_every_class_of_shapes_has_its_numbers():
    found = shapes_of(
        '<Rectangle X="1.5" Y="-2" Width="3" Height="4"/>',
        '<Ellipse X="1" Y="2" RadiusX="3" RadiusY="4e1"/>',
        '<Point X="1" Y="2"/>',
        '<Line X1="1" Y1="2" X2="3" Y2="4" MarkerEnd="Arrow"/>',
        '<Polyline Points="1,2 3,4" MarkerStart="Arrow"/>',
        '<Polygon Points="1,2 3,4 5,6"/>',
        '<Label X="5" Y="6" Text="nucleus &quot;α&quot;"/>',
    )
    assert [(shape.kind, dict(shape.values)) for shape in found] == [
        ("Rectangle", {"x": 1.5, "y": -2.0, "width": 3.0, "height": 4.0}),
        ("Ellipse", {"x": 1.0, "y": 2.0, "radiusX": 3.0, "radiusY": 40.0}),
        ("Point", {"x": 1.0, "y": 2.0}),
        ("Line", {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "markerEnd": "Arrow"}),
        ("Polyline", {"points": "1,2 3,4", "markerStart": "Arrow"}),
        ("Polygon", {"points": "1,2 3,4 5,6"}),
        ("Label", {"x": 5.0, "y": 6.0, "textValue": 'nucleus "α"'}),
    ]


def test_a_shape_keeps_its_style_and_place():
    (shape,) = shapes_of(
        '<Point X="1" Y="2" TheZ="3" TheT="0" TheC="1" FillColor="-16776961"'
        ' StrokeColor="4278190335" StrokeWidth="2.5" FontSize="12" FontFamily="serif"'
        ' FontStyle="Bold" Locked="true"><Transform A00="1" A10="2" A01="3" A11="4" A02="5"'
        ' A12="6"/></Point>'
    )
    assert dict(shape.values) == {
        "x": 1.0, "y": 2.0, "theZ": 3, "theT": 0, "theC": 1, "fillColor": -16776961,
        "strokeColor": -16776961, "strokeWidth": (2.5, "PIXEL"), "fontSize": (12.0, "POINT"),
        "fontFamily": "serif", "fontStyle": "Bold", "locked": True,
        "transform": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    }  # fmt: skip


def test_shapes_of_older_schemas_are_read():
    found = shapes_of(
        '<Shape ID="S" TheZ="1" Text="old" StrokeWidth="1"><Ellipse Cx="1" Cy="2" Rx="3" Ry="4"/>'
        "</Shape>",
        '<Shape ID="T"><Polyline Points="1,2 3,4" Closed="true"/></Shape>',
    )
    assert found[0].values == {
        "x": 1.0, "y": 2.0, "radiusX": 3.0, "radiusY": 4.0, "theZ": 1, "textValue": "old",
        "strokeWidth": (1.0, "PIXEL"),
    }  # fmt: skip
    assert [shape.kind for shape in found] == ["Ellipse", "Polygon"]


@pytest.mark.parametrize(
    "shape",
    [
        '<Rectangle X="1" Y="2" Width="3"/>',
        '<Rectangle X="nan" Y="2" Width="3" Height="4"/>',
        '<Point X="x" Y="2"/>',
        '<Cube X="1" Y="2"/>',
        '<Shape ID="S"/>',
    ],
)
def test_what_is_no_shape_is_left_out(shape):
    assert [found.kind for found in shapes_of(shape, '<Point X="1" Y="1"/>')] == ["Point"]


def test_masks_are_read_with_and_without_compression():
    data = bytes([0b10101010, 0b01010100])
    assert mask_of(data) == data
    assert mask_of(zlib.compress(data), 'Compression="zlib"') == data


def test_a_mask_never_grows_beyond_its_size():
    assert mask_of(zlib.compress(bytes(50_000_000)), 'Compression="zlib"') == bytes(2)
    assert mask_of(b"x" * 1000) == b"xx"
    assert mask_of(b"no zlib", 'Compression="zlib"') == b""


@pytest.mark.parametrize("side", ["1e6", "1e300"])
def test_a_mask_of_absurd_size_has_no_bits(side):
    (mask,) = shapes_of(
        f'<Mask X="1" Y="2" Width="{side}" Height="{side}">'
        '<BinData Compression="zlib">eJw=</BinData></Mask>'
    )
    assert mask.values["bytes"] == b""


def test_regions_belong_to_the_images_that_refer_to_them(folder: Path, make_catalog):
    xml = (
        image_xml(0, PLANE, "one", '<ROIRef ID="ROI:1"/>')
        + image_xml(1, PLANE, "two", '<ROIRef ID="ROI:0"/><ROIRef ID="ROI:1"/>', first_ifd=1)
        + image_xml(2, PLANE, "three", "", first_ifd=2)
        + '<ROI ID="ROI:0" Name="a"><Union><Point X="1" Y="1"/></Union></ROI>'
        + '<ROI ID="ROI:1" Name="b"><Description>two points</Description><Union>'
        + '<Point X="2" Y="2"/><Point X="3" Y="3"/></Union></ROI>'
        + '<ROI ID="ROI:2"><Union><Point X="4" Y="4"/></Union></ROI>'
    )
    write_ome_tiff(folder / "a.ome.tif", [PLANE, PLANE, PLANE], xml)
    catalog = make_catalog()
    images = {image.name.partition("[")[2]: image for image in catalog.images()}
    names = {
        name: [(roi.name, roi.description, len(roi.shapes)) for roi in catalog.rois(image)]
        for name, image in images.items()
    }
    assert names == {
        "one]": [("b", "two points", 2)],
        "two]": [("a", None, 1), ("b", "two points", 2)],
        "three]": [],
    }


class Files:
    """Stands for files: counts the questions, and fails while it is told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.broken = False

    def ask(self, image: Any, question: Callable) -> Any:
        self.asked.append(image.id)
        if self.broken:
            raise UnreadableFile("it is gone")
        return question(self, 0)

    def rois(self, series: int) -> tuple[RoiMetadata, ...]:
        return (RoiMetadata((ShapeMetadata("Point", {}),)),)


def test_regions_are_read_once_and_the_oldest_are_forgotten():
    files = Files()
    known = Told(files.ask, max_shapes=4)
    first, second, third = (make_image(i, str(i), has_rois=True) for i in (1, 2, 3))
    for image in (first, second, first, third, first, second):
        assert len(known.rois(image)) == 1
    assert files.asked == [1, 2, 3, 2]
    assert known.rois(make_image(4, "4")) == ()
    assert files.asked == [1, 2, 3, 2]


def test_a_file_that_cannot_be_read_has_no_regions_until_it_can():
    files = Files()
    files.broken = True
    known = Told(files.ask)
    image = make_image(1, "1", has_rois=True)
    assert known.rois(image) == ()
    files.broken = False
    assert len(known.rois(image)) == 1
