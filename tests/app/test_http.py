"""What HTTP adds around answers: validators, ranges, caching, and headers for other origins."""

import pytest
from flask import Flask

from app import create_app
from app.cross_origin import CrossOrigin
from app.http import cache_control, file_response
from app.settings import SettingsError, load_settings
from tests.app.conftest import FLAT, PYRAMID, STACK
from tests.app.ways import VIA

MAP = '{"inverted": {"enabled": false}, "quantization": {"family": "linear"}}'
COMPLETE = f"c=1|0:255$FF0000,2|0:255$00FF00,3|0:255$0000FF&m=c&maps=[{MAP},{MAP},{MAP}]"
ORIGIN = "https://figure.example.org"
BODY = bytes(range(100))


@pytest.fixture(scope="module")
def files():
    """An application that gives out one file of 100 bytes."""
    app = Flask(__name__)

    @app.get("/file")
    def file():
        def read(start, stop):
            yield BODY[start : (start + stop) // 2]
            yield BODY[(start + stop) // 2 : stop]

        return file_response(read, len(BODY), "one", "application/x-thing")

    return app.test_client()


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 100),
        ("bytes=-5", 95, 100),
        ("bytes=50-999", 50, 100),
    ],
)
def test_a_range_gives_that_part(files, wanted, start, stop):
    answer = files.get("/file", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (206, BODY[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/100"
    assert answer.headers["Content-Length"] == str(stop - start)
    head = files.head("/file", headers={"Range": wanted})
    assert (head.status_code, head.data) == (206, b"")
    assert head.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=0-1", "bytes=x", ""])
def test_what_is_no_single_range_of_bytes_gives_the_whole(files, wanted):
    answer = files.get("/file", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (200, BODY)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == "100"


def test_a_range_outside_is_told_with_the_length(files, gateway):
    answer = files.get("/file", headers={"Range": "bytes=100-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */100"
    page = gateway.client.get("/").get_data(as_text=True)
    asset = "/assets/" + page.split("/assets/")[1].split('"')[0]
    answer = gateway.client.get(asset, headers={"Range": "bytes=999999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"].startswith("bytes */")
    if VIA == "nginx":
        return  # It keeps such files and refuses by itself.
    assert answer.get_json()["status"] == 416
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("validator", "status"),
    [('"one"', 206), ('"two"', 200), ('W/"one"', 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)],
)
def test_if_range_gives_a_part_of_the_same_file_only(files, validator, status):
    answer = files.get("/file", headers={"Range": "bytes=0-9", "If-Range": validator})
    assert answer.status_code == status


@pytest.mark.parametrize(("tags", "status"), [('"one"', 304), ('"x", W/"one"', 304), ("*", 304)])
def test_a_file_that_the_client_holds_is_not_sent_again(files, tags, status):
    answer = files.get("/file", headers={"If-None-Match": tags, "Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (status, b"")
    assert answer.headers["ETag"] == '"one"'


def test_assets_are_served_in_parts_and_nothing_beside_them(gateway):
    page = gateway.client.get("/").get_data(as_text=True)
    asset = "/assets/" + page.split("/assets/")[1].split('"')[0]
    whole = gateway.client.get(asset)
    assert whole.status_code == 200 and "immutable" in whole.headers["Cache-Control"]
    part = gateway.client.get(asset, headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.data) == (206, whole.data[5:15])
    folder = asset.rpartition("/")[0]
    for name in ("nothing.css", "../http.py", "%2e%2e/http.py", "..%2fhttp.py", "/etc/passwd"):
        assert gateway.client.get(f"{folder}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("complete", "public", "expected"),
    [
        (True, True, "public, max-age=60, must-revalidate"),
        (True, False, "private, max-age=60, must-revalidate"),
        (False, True, "private, no-cache"),
        (False, False, "private, no-cache"),
    ],
)
def test_who_may_keep_a_picture(complete, public, expected):
    assert cache_control(complete, 60, public) == expected


def test_pictures_for_the_public_user_are_public_and_those_of_stored_settings_are_not(
    make_gateway, image_server
):
    gateway = make_gateway(
        omero_host="127.0.0.1",
        omero_port=image_server.port,
        omero_transport="tcp",
        omero_user="local",
        omero_password="local",
    )
    tile = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=0,0,0"
    told = gateway.get(f"{tile}&{COMPLETE}")
    assert told.headers["Cache-Control"].startswith("public, max-age=")
    assert "Vary" not in told.headers
    again = gateway.get(f"{tile}&{COMPLETE}", headers={"If-None-Match": told.headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (
        304,
        told.headers["Cache-Control"],
    )
    for path in (tile, f"imgData/{gateway.ids[PYRAMID]}/", "luts/"):
        answer = gateway.get(path)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in answer.vary
    missing = gateway.get(f"render_image_region/987654/0/0/?tile=0,0,0&{COMPLETE}")
    assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-store")


def test_head_answers_as_get_does_without_the_body(gateway):
    image = gateway.ids[STACK]
    for path in (
        f"render_image/{image}/0/0/?c=1|0:44$FF0000&m=c",
        f"imgData/{image}/",
        f"histogram_json/{image}/channel/0/",
        f"render_image/{image}/?q=x",
    ):
        full = gateway.get(path)
        head = gateway.client.head(f"/webgateway/{path}")
        assert (head.status_code, head.data) == (full.status_code, b"")
        for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
            assert head.headers.get(name) == full.headers.get(name), (path, name)


@pytest.mark.parametrize(
    "path",
    [
        "luts/",
        "proj/list/",
        "imgData/{}/",
        "get_thumbnail/{}/",
        "histogram_json/{}/channel/0/",
        "get_thumbnails/?id={}",
    ],
)
def test_json_is_wrapped_for_a_callback_and_errors_are_not(gateway, path):
    path = path.format(gateway.ids[FLAT])
    sign = "&" if "?" in path else "?"
    plain = gateway.get(path)
    wrapped = gateway.get(f"{path}{sign}callback=jQuery1111_$5&_=17")
    assert wrapped.content_type == "application/javascript"
    assert wrapped.get_data(as_text=True) == f"jQuery1111_$5({plain.get_data(as_text=True)})"
    assert wrapped.headers["X-Content-Type-Options"] == "nosniff"
    assert wrapped.headers["ETag"] != plain.headers["ETag"]
    for name in ("1a", "a.b", "alert(1)", "", "a%0a"):
        refused = gateway.get(f"{path}{sign}callback={name}")
        assert (refused.status_code, refused.get_json()["message"]) == (400, "Invalid callback")
    failed = gateway.get("imgData/987654/?callback=f")
    assert (failed.status_code, failed.content_type) == (404, "application/json")


def test_gzip_by_a_proxy_makes_the_validator_weak_and_it_still_counts(gateway):
    path = f"imgData/{gateway.ids[FLAT]}/"
    etag = gateway.get(path).headers["ETag"]
    assert gateway.get(path, headers={"If-None-Match": f"W/{etag}"}).status_code == 304


def test_named_origins_may_read_with_credentials_and_strangers_nothing(make_gateway):
    gateway = make_gateway(cors_allowed_origins=(ORIGIN, "http://localhost:8000"))
    path = f"imgData/{gateway.ids[FLAT]}/"
    let_in = gateway.get(path, headers={"Origin": ORIGIN})
    assert let_in.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert let_in.headers["Access-Control-Allow-Credentials"] == "true"
    assert "ETag" in let_in.headers["Access-Control-Expose-Headers"]
    for origin in ("https://evil.example.org", f"{ORIGIN}.evil.org", "null", ""):
        stranger = gateway.get(path, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in stranger.headers
        assert "Origin" in stranger.vary
    # Errors too: a page must be able to tell what went wrong.
    failed = gateway.get("imgData/987654/", headers={"Origin": ORIGIN})
    assert failed.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_all_others_may_read_without_credentials():
    mixed = CrossOrigin(("*", ORIGIN))
    others = dict(mixed.headers({"HTTP_ORIGIN": "https://a.example", "REQUEST_METHOD": "GET"}))
    assert others["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in others
    named = dict(mixed.headers({"HTTP_ORIGIN": ORIGIN, "REQUEST_METHOD": "GET"}))
    assert named["Access-Control-Allow-Origin"] == ORIGIN
    assert mixed.varies and not CrossOrigin(("*",)).varies and not CrossOrigin(()).varies


def test_a_preflight_needs_no_login_and_touches_nothing(tmp_path):
    # No source is listening: whoever asked it would fail.
    settings = load_settings(
        env_file=None, cache_dir=tmp_path, image_server_port=1, cors_allowed_origins=(ORIGIN,)
    )
    client = create_app(settings).test_client()
    wish = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-csrftoken",
    }
    answer = client.options("/webgateway/settings/", headers=wish)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "content-type" in allowed and "x-csrftoken" in allowed
    assert {"POST", "OPTIONS"} <= set(answer.allow) and "GET" not in answer.allow
    stranger = client.options("/webgateway/settings/", headers=wish | {"Origin": "https://x.y"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


@pytest.mark.parametrize(
    "path",
    [
        "/omero_ms_image_region/",
        "/omero_ms_image_region",
        "/webgateway/render_image_region/1/0/0/",
        "/webgateway/",
        "/",
    ],
)
def test_options_tells_who_is_here_without_a_login(gateway, path):
    answer = gateway.client.options(path)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    told = answer.get_json()
    assert {"flip", "mask-color", "png-tiles"} <= set(told["features"])
    assert {"provider", "version"} <= set(told)
    assert all(
        type(told["options"][name]) is int
        for name in ("maxTileLength", "maxPlaneWidth", "maxPlaneHeight", "maxActiveChannels")
    )
    assert "OPTIONS" in answer.allow


def test_options_for_what_is_not_here_promises_nothing(gateway):
    # Clients take any answer for a service that is there, as QuPath does at /tile.
    for path in ("/nothing", "/webgateway/nothing/"):
        assert gateway.client.options(path).status_code == 404


@pytest.mark.parametrize(
    ("value", "header", "policy"),
    [
        ("SAMEORIGIN", "SAMEORIGIN", "frame-ancestors 'self'"),
        ("DENY", "DENY", "frame-ancestors 'none'"),
        ("any", None, None),
    ],
)
def test_frames_are_a_setting(make_gateway, value, header, policy):
    answer = make_gateway(x_frame_options=value).client.get("/")
    assert answer.headers.get("X-Frame-Options") == header
    found = [part.strip() for part in answer.headers["Content-Security-Policy"].split(";")]
    assert [part for part in found if part.startswith("frame")] == ([policy] if policy else [])


@pytest.mark.parametrize("value", ["figure.example.org", "https://a.org/path", "https://a.org b"])
def test_origins_that_are_none_stop_the_start(value):
    with pytest.raises(SettingsError, match="cors_allowed_origins"):
        load_settings(env_file=None, cors_allowed_origins=(value,))
