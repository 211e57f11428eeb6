"""Parts of images in their own pixel type, and whole ones of all types there and back again."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.app.conftest import PYRAMID, STACK, Gateway
from tests.app.downloads.served import served
from tests.support.ome import NAMESPACE

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def array(gateway: Gateway, path: str) -> np.ndarray:
    response = gateway.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.headers["Content-Length"] == str(len(response.data))
    return np.load(io.BytesIO(response.data))


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("", np.s_[:, :, :, :, :]),
        ("?z=1:3&t=1&c=2", np.s_[1:2, 1:2, 1:4, :, :]),
        ("?c=-1,2|0:9$FF0000&z=0:1", np.s_[:, 1:, :2, :, :]),
        ("?c=2,1&z=0", np.s_[:, ::-1, :1, :, :]),
        ("?region=10,20,30,15&t=0:1", np.s_[:, :, :, 20:35, 10:40]),
        ("?region=40,40,100,100&format=npy", np.s_[:, :, :, 40:, 40:]),
    ],
)
def test_a_part_of_a_stack(gateway, query, part):
    stack = gateway.server.stack.transpose(0, 2, 1, 3, 4)
    found = array(gateway, f"export/{gateway.ids[STACK]}/{query}")
    assert found.dtype == ">u2"
    np.testing.assert_array_equal(found, stack[part])


def test_a_part_of_a_smaller_level(gateway):
    path = f"export/{gateway.ids[PYRAMID]}/?level=1&region=100,50,200,300&c=3"
    expected = gateway.server.pyramid[1][2:3, 50:350, 100:300]
    np.testing.assert_array_equal(array(gateway, path)[0, :, 0], expected)
    response = gateway.get(f"{path}&format=tif")
    with tifffile.TiffFile(io.BytesIO(response.data)) as file:
        np.testing.assert_array_equal(file.series[0].asarray(), expected[0])
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert pixels["Channel"]["Name"] == "RFP"


def test_whole_planes_as_tiff_keep_the_smaller_levels(gateway):
    response = gateway.get(f"export/{gateway.ids[PYRAMID]}/?level=1&format=tif&region=0,0,999,999")
    with tifffile.TiffFile(io.BytesIO(response.data)) as file:
        levels = [level.asarray() for level in file.series[0].levels]
    for found, expected in zip(levels, gateway.server.pyramid[1:], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_headers_tell_what_an_array_is(gateway):
    headers = gateway.get(f"export/{gateway.ids[STACK]}/?c=2&z=0:1").headers
    assert headers["X-Shape"] == "2,1,2,47,61" and headers["X-Channels"] == "2"
    assert headers["X-Pixel-Type"] == "uint16" and headers["X-Byte-Order"] == "big-endian"
    assert headers["Content-Type"] == "application/x-npy"
    assert headers["Content-Disposition"].startswith("attachment; filename=")


def test_an_array_is_resumed(gateway):
    path = f"export/{gateway.ids[STACK]}/?t=1"
    whole = gateway.get(path)
    rest = gateway.get(
        path, headers={"Range": "bytes=1001-9000", "If-Range": whole.headers["ETag"]}
    )
    assert rest.status_code == 206 and rest.data == whole.data[1001:9001]
    for other in ("?t=0", "?t=1&c=1", "?t=1&z=0", "?t=1&format=tif", "?t=1&region=0,0,5,5"):
        etag = gateway.get(f"export/{gateway.ids[STACK]}/{other}").headers["ETag"]
        assert etag != whole.headers["ETag"], other


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("z=5", 400, "z"),
        ("z=3:1", 400, "z"),
        ("z=-1", 400, "z"),
        ("z=0:", 400, "z"),
        ("t=2", 400, "t"),
        ("t=0:x", 400, "t"),
        ("c=0", 400, "c"),
        ("c=3", 400, "c"),
        ("c=1,1", 400, "c"),
        ("c=-1", 400, "c"),
        ("c=1,x", 400, "c"),
        ("level=1", 400, "level"),
        ("level=-1", 400, "level"),
        ("format=png", 400, "format"),
        ("region=1,2,3", 400, "region"),
        ("region=900,900,5,5", 404, None),
        ("region=0,0,0,0", 404, None),
    ],
)
def test_what_the_image_has_not_is_refused(gateway, query, status, parameter):
    response = gateway.get(f"export/{gateway.ids[STACK]}/?{query}")
    assert response.status_code == status
    assert response.get_json().get("parameter") == parameter


@pytest.fixture(scope="module")
def all_types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """A server of images of all pixel types, and one of the files exported from it."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("types", "exported"))
    for name in TYPES:
        _write(here / f"{name}.ome.tif", name)
    with served(here, tmp_path_factory) as first:
        for name, image_id in first.ids.items():
            content = first.get(f"render_ome_tiff/i/{image_id}/").data
            (there / name).write_bytes(content)
        with served(there, tmp_path_factory) as second:
            yield first, second


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPES)
def test_all_pixel_types_come_through_our_own_server_again(all_types, name):
    file = f"{name}.ome.tif"
    expected = _pixels(name).transpose(0, 2, 1, 3, 4)
    for gateway in all_types:
        found = array(gateway, f"export/{gateway.ids[file]}/")
        assert found.dtype == np.dtype(name).newbyteorder(">")
        np.testing.assert_array_equal(found, expected)
    before, after = (
        gateway.get(f"imgData/{gateway.ids[file]}/").get_json() for gateway in all_types
    )
    assert after["size"] == before["size"]
    assert after["pixel_size"] == before["pixel_size"] == {"x": 0.65, "y": 0.65, "z": 2.0}
    assert after["nominalMagnification"] == before["nominalMagnification"] == 40.0
    assert after["meta"]["imageTimestamp"] == before["meta"]["imageTimestamp"] == 1577934245.0
    assert after["meta"]["pixelsType"] == before["meta"]["pixelsType"]
    for channel in ("label", "color", "emissionWave"):
        found = [one[channel] for one in after["channels"]]
        assert found == [one[channel] for one in before["channels"]]
    assert [one["label"] for one in after["channels"]] == ["DAPI", "Alexa µ"]


def _pixels(name: str) -> np.ndarray:
    """Give (t, z, c, y, x) with the ends of the type in it."""
    dtype = np.dtype(name)
    ends = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = np.random.default_rng(4).integers(0, 100, (2, 3, 2, 21, 37)).astype(dtype)
    values[0, 0, 0, 0, :2] = ends.min, ends.max
    return values


def _write(path: Path, name: str) -> None:
    values = _pixels(name)
    kind = {"float32": "float", "float64": "double"}.get(name, name)
    xml = f"""<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}">
<Instrument ID="Instrument:0"><Objective ID="Objective:0" NominalMagnification="40"/></Instrument>
<Image ID="Image:0" Name="{path.name}"><AcquisitionDate>2020-01-02T03:04:05</AcquisitionDate>
<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0"/>
<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="{kind}" SizeX="37" SizeY="21" SizeZ="3"
 SizeC="2" SizeT="2" PhysicalSizeX="0.65" PhysicalSizeY="0.65" PhysicalSizeZ="2">
<Channel ID="Channel:0:0" SamplesPerPixel="1" Name="DAPI" Color="16711935"
 EmissionWavelength="461"/>
<Channel ID="Channel:0:1" SamplesPerPixel="1" Name="Alexa &#181;" Color="-8388353"/>
<TiffData IFD="0" PlaneCount="12"/></Pixels></Image></OME>"""
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(values.reshape(-1, 21, 37)):
            writer.write(
                plane,
                description=xml.encode("ascii", "xmlcharrefreplace") if number == 0 else None,
                metadata=None,
                contiguous=False,
                photometric="minisblack",
            )
