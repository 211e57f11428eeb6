"""Thumbnails over HTTP: what they are made of, batches, and icons where none can be had."""

import base64
import io
import threading

import numpy as np
import pytest
from PIL import Image

from render import errors
from render.engine.encode import encode
from render.engine.scale import resize
from render.values import Encoding
from tests.app.conftest import FLAT, PYRAMID, STACK, decoded
from tests.app.test_faults import change_session, parts, raising
from tests.app.test_pictures import levels_of
from tests.app.test_routes import assert_is_error


def pixels_of(url: str) -> np.ndarray:
    """Decode the picture of a data URL."""
    head, _, body = url.partition(",")
    assert head.startswith("data:image/") and head.endswith(";base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))


def stored_composition(gateway, image: int, planes: np.ndarray) -> np.ndarray:
    """Compose (c, y, x) under the settings that imgData tells."""
    total = np.zeros((*planes.shape[1:], 3), np.int64)
    for plane, channel in zip(
        planes, gateway.get(f"imgData/{image}/").get_json()["channels"], strict=True
    ):
        if channel["active"]:
            window = channel["window"]
            levels = levels_of(plane, window["start"], window["end"]).astype(float)
            color = np.frombuffer(bytes.fromhex(channel["color"]), np.uint8)
            total += np.trunc(color / 255.0 * levels[..., None]).astype(np.int64)
    return np.minimum(total, 255).astype(np.uint8)


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encode(picture, Encoding("jpeg", 0.85)))))


@pytest.mark.parametrize(("width", "level"), [(100, 2), (175, 2), (176, 1), (350, 1), (700, 0)])
def test_a_thumbnail_is_made_of_the_smallest_level_that_suffices(gateway, width, level):
    image = gateway.ids[PYRAMID]
    picture = stored_composition(gateway, image, gateway.server.pyramid[level])
    expected = as_jpeg(resize(picture, width, width * 600 // 700))
    got = gateway.picture(f"render_thumbnail/{image}/{width}/")
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(
        gateway.picture(f"render_birds_eye_view/{image}/{width}/"), expected
    )
    url = gateway.get(f"get_thumbnail/{image}/{width}/").get_json()
    np.testing.assert_array_equal(pixels_of(url), expected)


def test_the_plane_of_a_thumbnail_is_that_of_z_and_t(gateway):
    image = gateway.ids[STACK]
    picture = stored_composition(gateway, image, gateway.server.stack[1, 4])
    expected = as_jpeg(resize(picture, 61, 47))
    path = f"render_thumbnail/{image}/61/47/?z=4&t=1&c=1|0:9$F00&p=intmax"
    np.testing.assert_array_equal(gateway.picture(path), expected)


def test_thumbnails_have_validators(gateway):
    for path in (
        f"/webgateway/render_thumbnail/{gateway.ids[FLAT]}/30/",
        "/webclient/render_thumbnail/987654/",
    ):
        first = gateway.client.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = gateway.client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]


def test_settings_that_the_image_does_not_have_are_missing(gateway):
    image = gateway.ids[STACK]
    assert_is_error(gateway.get(f"render_thumbnail/{image}/?rdefId=987654"), 404)
    assert_is_error(gateway.get(f"render_thumbnail/{image}/?rdefId=x"), 400)


def test_one_failed_thumbnail_of_a_batch_is_null(make_gateway):
    gateway = make_gateway()
    good, bad = gateway.ids[FLAT], gateway.ids[STACK]
    real = parts(gateway).source
    credentials = parts(gateway).own_credentials

    for kind in (errors.SourceFailed, errors.NotFound, errors.DeadlineExceeded, errors.Overloaded):

        def read_regions(info, *rest, kind=kind):
            if info.image_id == bad:
                raise kind("the reason")
            deadline = rest[-1]
            return real.session(credentials, deadline).read_regions(info, *rest)

        parts(gateway).source = real
        change_session(gateway, read_regions=read_regions)
        answer = gateway.get(f"get_thumbnails/40/?id={good}&id={bad}&id=987654").get_json()
        assert answer[str(bad)] is None and answer["987654"] is None
        assert pixels_of(answer[str(good)]).shape == (16, 40, 3)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.SourceUnavailable, 503),
        (errors.Overloaded, 503),
        (errors.DeadlineExceeded, 504),
        (errors.NotAuthenticated, 401),
        (errors.SourceFailed, None),
    ],
)
def test_what_befalls_a_whole_batch_is_told_once(make_gateway, kind, status):
    gateway = make_gateway()
    change_session(gateway, image_info=raising(kind("the reason")))
    response = gateway.get("get_thumbnails/?id=1&id=2")
    if status is None:
        assert response.get_json() == {"1": None, "2": None}
    else:
        assert_is_error(response, status)


def test_the_thumbnails_of_a_batch_are_made_side_by_side(make_gateway):
    gateway = make_gateway()
    meeting = threading.Barrier(3, timeout=30)

    def image_info(image_id, deadline):
        meeting.wait()
        raise errors.NotFound("it was asked for together with the others")

    change_session(gateway, image_info=image_info)
    answer = gateway.get("get_thumbnails/?id=1&id=2&id=3").get_json()
    assert answer == {"1": None, "2": None, "3": None}
    assert not meeting.broken


def test_a_clock_stands_for_an_image_whose_pyramid_is_being_made(make_gateway):
    gateway = make_gateway()
    change_session(gateway, image_info=raising(errors.SourceNotReady("a pyramid")))
    for path in ("/webgateway/render_thumbnail/1/", "/webclient/render_thumbnail/1/"):
        response = gateway.client.get(path)
        assert (response.status_code, response.content_type) == (200, "image/png")
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers
        assert decoded(response).shape == (96, 96, 3)
    url = gateway.get("get_thumbnails/?id=1&id=2").get_json()["2"]
    assert pixels_of(url).shape == (96, 96, 3)


@pytest.mark.parametrize("kind", [errors.SourceFailed, errors.Forbidden, errors.RenderFailed])
def test_under_webclient_an_icon_stands_for_any_failed_image(make_gateway, kind):
    gateway = make_gateway()
    change_session(gateway, image_info=raising(kind("the reason")))
    icon = gateway.client.get("/webclient/render_thumbnail/size/999/1/")
    assert (icon.status_code, icon.content_type) == (200, "image/png")
    assert decoded(icon).shape == (128, 128, 3)
    url = gateway.client.get("/webclient/get_thumbnail/1/").get_json()
    assert pixels_of(url).shape == (96, 96, 3)


def test_an_unreachable_server_is_told_as_such_under_webclient_too(make_gateway):
    gateway = make_gateway()
    change_session(gateway, image_info=raising(errors.SourceUnavailable("the reason")))
    assert_is_error(gateway.client.get("/webclient/render_thumbnail/1/"), 503)
