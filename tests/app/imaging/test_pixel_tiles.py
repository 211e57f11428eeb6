"""Values of regions at the address of OMERO's pixel buffer microservice, as QuPath reads them."""

import io

import numpy as np
import pytest
import tifffile

from render.engine.plane_tiff import plane_tiff
from tests.app.conftest import PYRAMID, STACK, Gateway


def ask(gateway: Gateway, name: str, place: str, query: str = "", status: int = 200):
    response = gateway.client.get(f"/tile/{gateway.ids[name]}/{place}?{query}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response


def values(response) -> np.ndarray:
    height, width = map(int, response.headers["X-Shape"].split(","))
    return np.frombuffer(response.get_data(), ">u2").reshape(height, width)


def test_values_come_bare_or_as_tiff(gateway):
    expected = gateway.server.stack[1, 2, 1]
    whole = ask(gateway, STACK, "2/1/1")
    assert whole.content_type == "application/octet-stream"
    assert whole.headers["X-Pixel-Type"] == "uint16"
    assert np.array_equal(values(whole), expected)
    part = ask(gateway, STACK, "2/1/1", "x=3&y=5&w=20&h=10&format=tif")
    assert part.content_type == "image/tiff"
    read = tifffile.imread(io.BytesIO(part.get_data()))
    assert read.dtype == np.uint16 and np.array_equal(read, expected[5:15, 3:23])
    held = {"If-None-Match": part.headers["ETag"]}
    path = f"/tile/{gateway.ids[STACK]}/2/1/1?x=3&y=5&w=20&h=10&format=tif"
    assert gateway.client.get(path, headers=held).status_code == 304
    assert gateway.client.get(path.replace("/2/1/1", "/2/0/1"), headers=held).status_code == 200


def test_resolutions_count_from_the_smallest(gateway):
    levels = gateway.server.pyramid
    for resolution, level in enumerate(reversed(levels)):
        found = values(ask(gateway, PYRAMID, "0/2/0", f"x=8&y=4&w=16&h=8&resolution={resolution}"))
        assert np.array_equal(found, level[2, 4:12, 8:24])
    # What reaches beyond the edge is cut.
    height, width = levels[0].shape[1:]
    edge = values(ask(gateway, PYRAMID, "0/0/0", f"x={width - 5}&y={height - 3}&w=64&h=64"))
    assert np.array_equal(edge, levels[0][0, -3:, -5:])


@pytest.mark.parametrize(
    ("place", "query", "status"),
    [
        ("9/0/0", "", 404),
        ("0/9/0", "", 404),
        ("0/0/9", "", 404),
        ("0/0/0", "x=99999", 404),
        ("0/0/0", "x=-1", 400),
        ("0/0/0", "w=ten", 400),
        ("0/0/0", "resolution=9", 400),
        ("0/0/0", "format=gif", 400),
    ],
)
def test_what_is_missing_or_malformed(gateway, place, query, status):
    ask(gateway, STACK, place, query, status)


def test_more_than_the_limit_is_refused(make_gateway):
    gateway = make_gateway(max_output_pixels=100)
    ask(gateway, STACK, "0/0/0", "", 413)
    ask(gateway, STACK, "0/0/0", "w=10&h=10")


def test_it_is_found_by_who_looks_for_it(gateway):
    for path in ("/tile", "/tile/"):
        response = gateway.client.options(path)
        assert response.status_code == 200 and response.get_json()["provider"] == "Blitzrender"


@pytest.mark.parametrize("kind", ["u1", "i1", ">u2", ">i2", ">u4", ">i4", ">f4", ">f8", "<u2"])
def test_planes_of_each_type_are_read_back(kind):
    plane = (np.arange(7 * 5).reshape(7, 5) * 3.5 - 9).astype(kind)
    read = tifffile.imread(io.BytesIO(plane_tiff(plane)))
    assert read.dtype.newbyteorder("=") == plane.dtype.newbyteorder("=")
    assert np.array_equal(read, plane)
    # A view is written as it is seen.
    assert np.array_equal(tifffile.imread(io.BytesIO(plane_tiff(plane[::2, 1:]))), plane[::2, 1:])
