"""Cached pictures that NGINX sends by itself: when it is told a file, and which one."""

import stat
from collections.abc import Callable
from functools import partial

import pytest

from app.settings import SettingsError, load_settings
from app.web import parts_of
from tests.app.conftest import PYRAMID, STACK, Gateway

pytestmark = pytest.mark.without_nginx("takes the part of NGINX, and looks at what it is told")

PLACE = "/_blitzrender/"
ON = {"X-Blitzrender-Offload": "on"}
MAP = '{"inverted":{"enabled":false},"quantization":{"family":"linear"}}'
COMPLETE = f"c=1|0:900$FF0000,2|0:900$00FF00,3|0:900$0000FF&m=c&maps=[{MAP},{MAP},{MAP}]"


def large(gateway, query: str = COMPLETE) -> str:
    """Give the path of a picture of some 700 kB."""
    return f"render_image/{gateway.ids[PYRAMID]}/0/0/?format=png&{query}"


def kept(gateway, path: str, **options):
    """Ask twice, waiting for the disk in between; give both answers."""
    first = gateway.get(path, **options)
    assert parts_of(gateway.app).get().pictures.flush(20)
    return first, gateway.get(path, **options)


@pytest.fixture
def make_private(make_gateway, image_server) -> Callable[..., Gateway]:
    """Make gateways that ask the server directly: what is public NGINX keeps by itself."""
    return partial(make_gateway, image_server_port=image_server.port)


def test_a_large_cached_picture_is_left_to_nginx_with_the_same_headers(make_private, tmp_path):
    gateway = make_private(x_accel_redirect=PLACE, cache_dir=tmp_path / "cache")
    first, second = kept(gateway, large(gateway), headers=ON)
    assert "X-Accel-Redirect" not in first.headers and len(first.data) > 100_000
    place = second.headers["X-Accel-Redirect"]
    assert (second.status_code, second.data) == (200, b"") and place.startswith(PLACE)
    file = tmp_path / "cache" / place.removeprefix(PLACE)
    assert file.read_bytes() == first.data
    assert second.headers["X-Cache"] == "hit"
    for name in ("ETag", "Content-Type", "Cache-Control", "Vary"):
        assert second.headers[name] == first.headers[name]
    # The group that owns the folder reads it, and nobody else.
    assert stat.S_IMODE(file.stat().st_mode) & 0o027 == 0
    assert stat.S_IMODE(file.stat().st_mode) & 0o040 == 0o040
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o057 == 0o050
    held = gateway.get(large(gateway), headers=ON | {"If-None-Match": first.headers["ETag"]})
    assert held.status_code == 304 and "X-Accel-Redirect" not in held.headers


def test_whoever_does_not_say_that_it_sends_files_gets_the_bytes(make_private):
    gateway = make_private(x_accel_redirect=PLACE)
    first, second = kept(gateway, large(gateway), headers=ON)
    assert "X-Accel-Redirect" in second.headers
    for headers in ({}, {"X-Blitzrender-Offload": "off"}):
        answer = gateway.get(large(gateway), headers=headers)
        assert answer.data == first.data and "X-Accel-Redirect" not in answer.headers
    plain = make_private()
    for answer in kept(plain, large(plain), headers=ON):
        assert answer.data == first.data and "X-Accel-Redirect" not in answer.headers


def test_small_pictures_and_what_is_no_picture_come_from_here(make_private):
    gateway = make_private(x_accel_redirect=PLACE)
    image = gateway.ids[STACK]
    for path in (
        f"render_image/{image}/0/0/?c=1|0:900$FF0000",
        f"render_thumbnail/{image}/",
        f"get_thumbnail/{image}/",
        f"imgData/{image}/",
    ):
        for answer in kept(gateway, path, headers=ON):
            assert answer.data and "X-Accel-Redirect" not in answer.headers


def test_an_evicted_picture_is_sent_from_memory_or_made_again(make_private):
    gateway = make_private(x_accel_redirect=PLACE, hot_pictures_max_bytes=0)
    first, second = kept(gateway, large(gateway), headers=ON)
    assert "X-Accel-Redirect" in second.headers
    parts_of(gateway.app).get().pictures.clear()
    # So NGINX asks again when the file is gone that it was told.
    again = gateway.get(large(gateway), headers={"X-Blitzrender-Offload": "off"})
    assert again.data == first.data


def test_a_file_that_was_cut_short_is_not_given_out(make_private, tmp_path):
    gateway = make_private(
        x_accel_redirect=PLACE, cache_dir=tmp_path / "cache", hot_pictures_max_bytes=0
    )
    first, second = kept(gateway, large(gateway), headers=ON)
    file = tmp_path / "cache" / second.headers["X-Accel-Redirect"].removeprefix(PLACE)
    file.write_bytes(b"short")
    answer = gateway.get(large(gateway), headers=ON)
    assert "X-Accel-Redirect" not in answer.headers and answer.data == first.data
    file.unlink()
    file.symlink_to("/etc/hostname")
    answer = gateway.get(large(gateway), headers=ON)
    assert "X-Accel-Redirect" not in answer.headers and answer.data == first.data


def test_what_nginx_may_keep_for_everybody_is_sent_to_it(make_gateway, image_server):
    gateway = make_gateway(
        x_accel_redirect=PLACE,
        omero_host="127.0.0.1",
        omero_port=image_server.port,
        omero_transport="tcp",
        omero_user="local",
        omero_password="local",
    )
    _, public = kept(gateway, large(gateway), headers=ON)
    assert public.headers["Cache-Control"].startswith("public") and public.data
    # Under stored settings it is private, and sent as a file.
    _, stored = kept(gateway, large(gateway, ""), headers=ON)
    assert stored.headers["Cache-Control"].startswith("private")
    assert "X-Accel-Redirect" in stored.headers


@pytest.mark.parametrize("value", ["_blitzrender", "/", "/a b/", "/a;b/", "/{}/", "/a//b"])
def test_a_location_that_is_none_stops_the_start(value):
    with pytest.raises(SettingsError, match="x_accel_redirect"):
        load_settings(env_file=None, x_accel_redirect=value)
