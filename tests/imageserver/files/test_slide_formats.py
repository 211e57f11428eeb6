"""Whole-slide dialects of TIFF, written here in small: levels, names, magnification, sizes."""

import struct

import numpy as np
import pytest
import tifffile

from .conftest import assert_planes, noise


def channels_first(data: np.ndarray) -> np.ndarray:
    """Turn (y, x, samples) into (t, c, z, y, x)."""
    return np.moveaxis(data, -1, 0)[None, :, None]


def test_aperio_svs(folder, open_image):
    full, thumbnail, half, label = (
        noise(shape, "uint8", seed=i)
        for i, shape in enumerate([(96, 128, 3), (24, 32, 3), (48, 64, 3), (20, 20, 3)])
    )
    description = (
        "Aperio Image Library v11\n128x96 [0,0 128x96] (32x32)|AppMag = 40|MPP = 0.2500"
        "|Date = 12/29/09|Time = 09:59:15"
    )
    path = folder / "a.svs"
    with tifffile.TiffWriter(path) as writer:
        tiled = {"tile": (32, 32), "photometric": "rgb", "metadata": None}
        writer.write(full, description=description, **tiled)
        writer.write(thumbnail, photometric="rgb", metadata=None, description="Aperio\nthumb")
        writer.write(half, description="Aperio\n128x96 -> 64x48", **tiled)
        writer.write(
            label, photometric="rgb", metadata=None, subfiletype=1, description="Aperio\nlabel"
        )
    file = open_image(path)
    assert [series.name for series in file.series] == ["Baseline", "Thumbnail", "Label"]
    baseline = file.series[0]
    assert baseline.levels == ((128, 96), (64, 48))
    assert (baseline.nominal_magnification, baseline.physical_size_x) == (40.0, 0.25)
    assert baseline.acquired_at_s == 1262080755.0
    assert_planes(file, np.moveaxis(half, -1, 0)[None, :, None], level=1)
    assert_planes(file, np.moveaxis(label, -1, 0)[None, :, None], series=2)


def test_leica_scn(folder, open_image):
    macro, full, half = (
        noise(shape, "uint8", seed=i)
        for i, shape in enumerate([(24, 32, 3), (96, 128, 3), (48, 64, 3)])
    )
    xml = """<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">
    <collection name="c"><image name="macro"><pixels sizeX="32" sizeY="24">
    <dimension sizeX="32" sizeY="24" r="0" ifd="0"/></pixels></image>
    <image name="slide"><creationDate>2011-10-20T15:07:14.3Z</creationDate>
    <pixels sizeX="128" sizeY="96"><dimension sizeX="128" sizeY="96" r="0" ifd="1"/>
    <dimension sizeX="64" sizeY="48" r="1" ifd="2"/></pixels>
    <view sizeX="64000" sizeY="24000"/><scanSettings><objectiveSettings><objective>20</objective>
    </objectiveSettings></scanSettings></image></collection></scn>"""
    path = folder / "a.scn"
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        options = {"photometric": "rgb", "metadata": None, "tile": (32, 32)}
        writer.write(macro, description=xml, **options)
        writer.write(full, **options)
        writer.write(half, **options)
    file = open_image(path)
    assert [series.name for series in file.series] == ["macro", "slide"]
    slide = file.series[1]
    assert slide.levels == ((128, 96), (64, 48))
    assert (slide.physical_size_x, slide.physical_size_y) == (0.5, 0.25)
    assert slide.nominal_magnification == 20.0
    assert slide.acquired_at_s == pytest.approx(1319123234.3)
    assert file.series[0].nominal_magnification is None
    assert_planes(file, channels_first(full), series=1)
    assert_planes(file, channels_first(half), series=1, level=1)
    assert_planes(file, channels_first(macro))


def test_hamamatsu_ndpi(folder, open_image):
    full, half, macro = (
        noise(shape, "uint8", seed=i)
        for i, shape in enumerate([(96, 128, 3), (48, 64, 3), (20, 36, 3)])
    )
    path = folder / "a.ndpi"
    write_ndpi(path, [(full, 20.0), (half, 10.0), (macro, -1.0)])
    file = open_image(path)
    assert [series.name for series in file.series] == ["Baseline", "Macro"]
    baseline = file.series[0]
    assert baseline.levels == ((128, 96), (64, 48))
    assert baseline.nominal_magnification == 20.0
    assert baseline.physical_size_x == pytest.approx(0.25)
    assert file.series[1].nominal_magnification is None
    assert_planes(file, channels_first(full))
    assert_planes(file, channels_first(half), level=1)
    assert_planes(file, channels_first(macro), series=1)


def write_ndpi(path, pages):
    """Write pages as NDPI does: little-endian, 64-bit offsets whose high parts follow the tags."""
    content = bytearray(b"II*\0" + struct.pack("<Q", 0))
    link = 4
    for data, magnification in pages:
        height, width, _ = data.shape
        bits, pixels = len(content), len(content) + 6
        content += struct.pack("<3H", 8, 8, 8) + data.tobytes()
        resolution = len(content)
        content += struct.pack("<2I", 40000, 1) + b"Hamamatsu\0"
        tags = [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits), (259, 3, 1, 1),
            (262, 3, 1, 2), (271, 2, 10, resolution + 8), (273, 4, 1, pixels), (277, 3, 1, 3),
            (278, 4, 1, height), (279, 4, 1, data.nbytes), (282, 5, 1, resolution),
            (283, 5, 1, resolution), (296, 3, 1, 3), (65420, 4, 1, 1),
            (65421, 11, 1, struct.unpack("<I", struct.pack("<f", magnification))[0]),
        ]  # fmt: skip
        content[link : link + 8] = struct.pack("<Q", len(content))
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(content)
        content += struct.pack("<Q", 0) + b"\0" * 4 * len(tags)
    path.write_bytes(content)
