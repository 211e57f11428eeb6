"""Rendered pictures to be kept: lossless, named, alone or as an archive."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.app.conftest import FLAT, PYRAMID, STACK, decoded


def opened(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB"))


@pytest.mark.parametrize("format_name", ["png", "tif"])
def test_one_picture_is_lossless_and_named(gateway, format_name):
    image_id = gateway.ids[PYRAMID]
    settings = "c=1|100:1500$FF0000,3|0:900$00FF00&m=c"
    response = gateway.get(f"download_as/{image_id}/?format={format_name}&{settings}")
    assert response.headers["Content-Type"] == "application/force-download"
    ending = "" if PYRAMID.endswith(format_name) else f".{format_name}"
    assert f'filename="{PYRAMID}{ending}"' in response.headers["Content-Disposition"]
    expected = gateway.picture(f"render_image/{image_id}/?format=png&{settings}")
    np.testing.assert_array_equal(decoded(response), expected)


def test_without_a_format_one_picture_is_a_jpeg(gateway):
    response = gateway.get(f"download_as/?image={gateway.ids[FLAT]}")
    assert response.data[:2] == b"\xff\xd8"
    assert 'filename="flat.png.jpeg"' in response.headers["Content-Disposition"]


def test_the_webclients_form_takes_plane_and_settings(gateway):
    image_id = gateway.ids[STACK]
    path = f"render_image_download/{image_id}/3/1/?c=2|0:4000$FFFFFF&m=c&format=png"
    response = gateway.client.get(f"/webclient/{path}")
    expected = gateway.picture(f"render_image/{image_id}/3/1/?c=2|0:4000$FFFFFF&m=c&format=png")
    np.testing.assert_array_equal(decoded(response), expected)
    assert "attachment" in response.headers["Content-Disposition"]
    assert gateway.client.get(f"/webclient/7/{path}").status_code == 200


def test_several_pictures_come_as_an_archive(gateway):
    names = (PYRAMID, FLAT, STACK)
    ids = "&".join(f"image={gateway.ids[name]}" for name in names)
    response = gateway.get(f"download_as/?{ids}&format=png&zipname=three of them")
    assert response.status_code == 200
    assert 'filename="three_of_them.zip"' in response.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["pyramid.ome.png", "flat.png", "stack.ome.png"]
        for name, member in zip(names, archive.namelist(), strict=True):
            expected = gateway.picture(f"render_image/{gateway.ids[name]}/?format=png")
            np.testing.assert_array_equal(opened(archive.read(member)), expected)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("download_as/", 400),
        ("download_as/?image=x", 400),
        ("download_as/987654/", 404),
        ("download_as/{flat}/?format=bmp", 400),
        ("download_as/?image={flat}&image=987654", 404),
        ("download_as/?image={flat}&image={stack}&format=bmp", 400),
    ],
)
def test_bad_requests_are_told_before_anything_is_sent(gateway, path, status):
    path = path.format(flat=gateway.ids[FLAT], stack=gateway.ids[STACK])
    response = gateway.get(path)
    assert response.status_code == status and response.get_json()["message"]


def test_an_image_too_large_to_be_drawn_is_refused_before_anything_is_sent(make_gateway):
    gateway = make_gateway(max_output_pixels=5000)
    ids = f"image={gateway.ids[FLAT]}&image={gateway.ids[PYRAMID]}"
    assert gateway.get(f"download_as/?{ids}&format=png").status_code == 413
