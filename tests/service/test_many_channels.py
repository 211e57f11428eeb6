"""Thirty channels through the whole service: in one long URL, and under a handle."""

import io
import json
import socket
import urllib.error
import urllib.request
from urllib.parse import urlencode

import numpy as np
import pytest
import tifffile
from PIL import Image

from render.engine.composite import compose
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window
from tests.support import service

pytestmark = pytest.mark.slow

CHANNELS = 30
BINDINGS = tuple(
    ChannelBinding(
        active=True,
        window=Window(index * 10, 900 + index * 20),
        color=Color(20 + index, 3 * index, 255 - 7 * index),
        family="polynomial",
        coefficient=0.5 + index / 10,
        reverse_intensity=index % 5 == 4,
    )
    for index in range(CHANNELS)
)


@pytest.fixture(scope="module")
def planes():
    return np.random.default_rng(1).integers(0, 1500, (CHANNELS, 40, 50), np.uint16)


@pytest.fixture(scope="module")
def served(tmp_path_factory, planes):
    folder = tmp_path_factory.mktemp("images")
    options = {"ome": True, "photometric": "minisblack", "metadata": {"axes": "CYX"}}
    tifffile.imwrite(folder / "many.ome.tif", planes, **options)
    # Two workers, so that a handle is not only known to the one that made it.
    with service.running(folder, tmp_path_factory.mktemp("cache"), workers=2) as it:
        yield it


@pytest.fixture(scope="module")
def expected(planes):
    definition = RenderingDefinition(Model.RGB, BINDINGS)
    return compose([plane.astype(">u2") for plane in planes], "uint16", definition)[..., :3]


@pytest.fixture(scope="module")
def address(served):
    return served.url(f"/webgateway/render_image/{served.image_ids()['many.ome.tif']}/0/0/")


def parameters():
    c = ",".join(
        f"{index + 1}|{b.window.start}:{b.window.end}"
        f"${bytes((b.color.red, b.color.green, b.color.blue)).hex()}"
        for index, b in enumerate(BINDINGS)
    )
    maps = [
        {
            "inverted": {"enabled": b.reverse_intensity},
            "quantization": {"family": b.family, "coefficient": b.coefficient},
        }
        for b in BINDINGS
    ]
    return {"c": c, "maps": json.dumps(maps), "m": "c", "format": "png"}


def picture(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())))


def test_one_url_shows_them_all(address, expected):
    np.testing.assert_array_equal(picture(f"{address}?{urlencode(parameters())}"), expected)


@pytest.mark.parametrize("length", [9_000, 60_000])
def test_a_url_may_be_longer_than_8_kilobytes(address, expected, length):
    url = f"{address}?{urlencode(parameters())}"
    url += "&_=" + "x" * (length - len(url))
    np.testing.assert_array_equal(picture(url), expected)


def test_a_url_of_more_than_64_kilobytes_is_refused(served, address):
    # What is behind it would have to be taken in before anybody could tell where it ends.
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(b"GET /" + b"x" * 66_000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 414 ")


def test_a_handle_stands_for_them_in_every_worker(served, address, expected):
    request = urllib.request.Request(
        served.url("/webgateway/settings/"),
        json.dumps(parameters()).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        handle = json.load(answer)["id"]
    for _ in range(8):
        np.testing.assert_array_equal(picture(f"{address}?settings={handle}"), expected)


def test_a_body_that_is_too_long_is_refused(served):
    request = urllib.request.Request(
        served.url("/webgateway/settings/"),
        b"c=" + b"1," * 50_000,
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 413
    assert "max_settings_bytes" in json.load(refused.value)["detail"]
