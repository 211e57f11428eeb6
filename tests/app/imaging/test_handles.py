"""Rendering settings under a handle: sent once, named in URLs."""

import json
import time

import numpy as np
import pytest

from app.web import parts_of
from tests.app.conftest import PYRAMID, STACK

SETTINGS = {
    "c": "1|0:3000$FF0000,2|50:2500$00FF00",
    "maps": '[{"inverted":{"enabled":true}},{}]',
    "m": "c",
    "format": "png",
    "gamma": "1.5",
}


def post(gateway, **options):
    return gateway.client.post("/webgateway/settings/", **options)


def handle(gateway, values=SETTINGS):
    response = post(gateway, json=values)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()["id"]


@pytest.fixture
def stack(gateway):
    return f"render_image/{gateway.ids[STACK]}/1/1/"


def etag(gateway, path, query):
    response = gateway.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.headers["ETag"]


def test_it_stands_for_the_parameters(gateway, stack):
    query = {"settings": handle(gateway)}
    assert etag(gateway, stack, query) == etag(gateway, stack, SETTINGS)
    assert gateway.get(stack, query_string=query).content_type == "image/png"
    shown = gateway.get(stack, query_string=query)
    assert (
        shown.headers["Cache-Control"]
        == gateway.get(stack, query_string=SETTINGS).headers["Cache-Control"]
    )


def test_it_goes_with_tiles_and_the_strict_forms(gateway):
    image_id, query = gateway.ids[PYRAMID], {"settings": handle(gateway)}
    for path in (
        f"render_image_region/{image_id}/0/0/?tile=1,0,0",
        f"render_image_region_rdef/{image_id}/0/0/?tile=1,0,0",
        f"render_image_rdef/{image_id}/0/0/?x=1",
    ):
        with_handle = gateway.picture(f"{path}&settings={query['settings']}")
        text = "&".join(f"{name}={value}" for name, value in SETTINGS.items())
        np.testing.assert_array_equal(with_handle, gateway.picture(f"{path}&{text}"))


def test_parameters_of_the_url_win(gateway, stack):
    query = {"settings": handle(gateway), "m": "g", "gamma": ""}
    expected = {**SETTINGS, "m": "g", "gamma": ""}
    assert etag(gateway, stack, query) == etag(gateway, stack, expected)


def test_equal_settings_have_one_handle(gateway):
    one = handle(gateway)
    assert handle(gateway, dict(reversed(SETTINGS.items()))) == one
    assert handle(gateway, {**SETTINGS, "maps": json.loads(SETTINGS["maps"])}) == one
    assert handle(gateway, {**SETTINGS, "gamma": 1.5, "auto": None, "p": ""}) == one
    assert post(gateway, data=SETTINGS).get_json()["id"] == one
    assert handle(gateway, {**SETTINGS, "m": "g"}) != one
    assert handle(gateway, {"c": ""}) != handle(gateway, {})


def test_it_is_short_and_not_cached_by_anybody(gateway):
    response = post(gateway, json=SETTINGS)
    assert len(response.get_json()["id"]) <= 20
    assert response.headers["Cache-Control"] == "no-store"


def test_all_processes_know_it(make_gateway, image_server, tmp_path):
    one = make_gateway(cache_dir=tmp_path / "shared")
    other = make_gateway(cache_dir=tmp_path / "shared")
    path = f"render_image/{other.ids[STACK]}/"
    assert other.get(path, query_string={"settings": handle(one)}).status_code == 200


@pytest.mark.parametrize("name", ["abcdefghabcdefgh", "x", "../../etc/passwd", "A" * 500])
def test_an_unknown_one_is_not_found(gateway, stack, name):
    response = gateway.get(stack, query_string={"settings": name})
    assert response.status_code == 404
    assert response.get_json()["parameter"] == "settings"
    assert "\n" not in response.get_json()["detail"]


def test_one_that_has_expired_is_not_found(make_gateway):
    gateway = make_gateway(settings_timeout_s=0.001)
    query = {"settings": handle(gateway)}
    time.sleep(1.1)
    response = gateway.get(f"render_image/{gateway.ids[STACK]}/", query_string=query)
    assert response.status_code == 404


def test_the_number_kept_is_bounded(make_gateway):
    gateway = make_gateway(settings_max_entries=5)
    known = [handle(gateway, {"c": str(number)}) for number in range(1, 12)]
    parts_of(gateway.app).close()
    path = f"render_image/{gateway.ids[STACK]}/"
    answers = [gateway.get(path, query_string={"settings": name}).status_code for name in known]
    assert answers[-1] == 200
    assert answers.count(200) <= 5


def test_the_body_is_bounded(make_gateway):
    gateway = make_gateway(max_settings_bytes=100)
    response = post(gateway, json={"c": "1" * 200})
    assert response.status_code == 413
    assert "max_settings_bytes" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"auto": "9:5"}, "auto"),
        ({"gamma": "x"}, "gamma"),
        ({"gamma": True}, "gamma"),
        ({"q": "high"}, "q"),
        ({"format": "gif"}, "format"),
        ({"axis": "y"}, "axis"),
        ({"flip": "x"}, "flip"),
        ({"rot": 45}, "rot"),
        ({"maps": "{}"}, "maps"),
        ({"maps": "[" * 3000}, "maps"),
        ({"c": ["1"]}, "c"),
        ({"format": "npy", "gamma": 2}, "gamma"),
        ({"password": "x"}, "password"),
        ({"tile": "0,0,0"}, "tile"),
    ],
)
def test_what_a_url_could_not_say_is_refused(gateway, values, parameter):
    response = post(gateway, json=values)
    assert response.status_code == 400, response.get_data(as_text=True)
    assert response.get_json()["parameter"] == parameter


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"[1]", "application/json"),
        (b"{", "application/json"),
        (b"[" * 20000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"c=\xff", "application/x-www-form-urlencoded"),
        (b"c=1&" * 500, "application/x-www-form-urlencoded"),
        (b"c=1", "text/plain"),
        (b"c=1", ""),
    ],
)
def test_what_cannot_be_read_is_refused(gateway, body, content_type):
    response = post(gateway, data=body, content_type=content_type)
    assert response.status_code == 400
    assert "\n" not in response.get_json()["detail"]


def test_other_methods_are_refused(gateway):
    assert gateway.get("settings/").status_code == 405
