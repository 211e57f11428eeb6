"""OME-XML against the schema of the Open Microscopy Environment, which a package brings along."""

from importlib.resources import files

import pytest
from lxml import etree
from ome_types import from_xml

from render.engine.ome_xml import NAMESPACE, OmeImage, write_ome_xml
from render.values import ChannelInfo, Color

HARD_NAME = 'a "µ" & <b>\n\x00\ud800 🔬'
PLAIN = OmeImage(
    "cells", "", None, "uint16", None, 100, 80, 5, 2, (None, None, None), (ChannelInfo(),), (None,)
)
FULL = OmeImage(
    name=HARD_NAME,
    description="line one\nline <two>",
    acquired_at_s=1_000_000_000.5,
    pixel_type="float",
    significant_bits=32,
    size_x=100,
    size_y=80,
    size_z=5,
    size_t=2,
    physical_sizes=(0.25, 0.5, 2.0),
    channels=(ChannelInfo("DAPI", emission_wave=461.5, excitation_wave=405.0), ChannelInfo("µ")),
    colors=(Color(0, 0, 255, 255), Color(255, 128, 0, 0)),
    nominal_magnification=20.0,
)
ODD = OmeImage(
    "", "", 1e18, "bit", 0, 1, 1, 1, 1, (0.0, float("inf"), float("nan")),
    (ChannelInfo("", emission_wave=-1.0),), (None,), nominal_magnification=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(files("ome_types") / "ome-2016-06.xsd")))


@pytest.mark.parametrize("image", [PLAIN, FULL, ODD], ids=["plain", "full", "odd"])
def test_the_schema_is_kept(schema, image):
    written = write_ome_xml(image, "us")
    schema.assertValid(etree.fromstring(written))
    assert written.isascii()


def test_a_wrong_document_would_be_found(schema):
    broken = write_ome_xml(FULL, "us").replace(b'Type="float"', b'Type="float16"')
    assert not schema.validate(etree.fromstring(broken))


def test_others_read_what_was_told():
    found = from_xml(write_ome_xml(FULL, "us").decode())
    (image,) = found.images
    pixels = image.pixels
    assert image.name == 'a "µ" & <b>\n\ufffd\ufffd 🔬'
    assert image.description == FULL.description
    assert image.acquisition_date.isoformat() == "2001-09-09T01:46:40.500000"
    assert (pixels.size_x, pixels.size_y, pixels.size_z) == (100, 80, 5)
    assert (pixels.size_c, pixels.size_t, pixels.type.value) == (2, 2, "float")
    assert (pixels.physical_size_x, pixels.physical_size_y, pixels.physical_size_z) == (
        0.25,
        0.5,
        2.0,
    )
    assert pixels.physical_size_x_unit.value == "µm"
    assert [channel.name for channel in pixels.channels] == ["DAPI", "µ"]
    assert [channel.color.as_rgb_tuple(alpha=True) for channel in pixels.channels] == [
        (0, 0, 255, 1.0),
        (255, 128, 0, 0.0),
    ]
    assert pixels.channels[0].emission_wavelength == 461.5
    assert pixels.channels[0].excitation_wavelength == 405.0
    assert pixels.tiff_data_blocks[0].plane_count == 20
    assert found.instruments[0].objectives[0].nominal_magnification == 20.0


def test_what_is_not_known_or_makes_no_sense_is_not_told():
    root = etree.fromstring(write_ome_xml(ODD, "us"))
    pixels = root.find(f".//{{{NAMESPACE}}}Pixels")
    assert not {"PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "SignificantBits"} & set(
        pixels.attrib
    )
    assert root.find(f".//{{{NAMESPACE}}}AcquisitionDate") is None
    assert root.find(f".//{{{NAMESPACE}}}Instrument") is None
