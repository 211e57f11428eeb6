"""Every address: what it gives, what it says when something is missing or malformed."""

import json
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.conftest import FLAT, PYRAMID, STACK
from tests.app.route_table import FOR_THE_HOST, IMAGE_ROUTES, JSON, MISSING, OTHER_ROUTES
from tests.app.screened import FIRST_WELL, PLATE, SCREENED
from tests.app.ways import VIA, WHO

ERROR_MEMBERS = {"type", "title", "status", "detail", "message", "request_id"}


def assert_is_error(response, status):
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == JSON
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    assert body["status"] == status
    assert ERROR_MEMBERS <= set(body) <= ERROR_MEMBERS | {"parameter"}
    assert body["message"] == body["detail"]
    assert "Traceback" not in body["detail"]


@pytest.mark.parametrize(("path", "content_type", "malformed"), IMAGE_ROUTES)
def test_images(gateway, path, content_type, malformed):
    path_of = path.format
    image = gateway.ids[STACK]
    response = gateway.client.get(path_of(image))
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == content_type
    if not response.cache_control.public:
        assert "Cookie" in response.vary and "Authorization" in response.vary
    bare, _, query = path_of(image).partition("?")
    unslashed = gateway.client.get(f"{bare.rstrip('/')}?{query}")
    assert (unslashed.status_code, unslashed.data) == (200, response.data)
    assert_is_error(gateway.client.get(path_of(MISSING)), 404)
    assert_is_error(gateway.client.get(path_of("9" * 30)), 404)
    status, wrong = malformed
    assert_is_error(gateway.client.get(f"{bare}?{query}&{wrong}"), status)
    assert_is_error(gateway.client.post(path_of(image)), 405)


def first_roi(gateway):
    """Give the id of the first region of the image that has some, which is that of its shape."""
    return gateway.ids[f"{SCREENED} [one]"] << 20


@pytest.mark.parametrize(("path", "content_type", "wrong"), OTHER_ROUTES)
def test_other_addresses(gateway, path, content_type, wrong):
    response = gateway.client.get(path.format(image=gateway.ids[FLAT], roi=first_roi(gateway)))
    if VIA == "nginx" and path in FOR_THE_HOST:
        assert response.status_code == 404
        return
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == content_type
    if wrong is not None:
        assert_is_error(gateway.client.get(wrong[1]), wrong[0])


def test_every_route_reaches_its_view_and_every_view_is_in_a_table(gateway):
    image = gateway.ids[STACK]
    values = {
        "image_id": image,
        "ctx": "i",
        "axis": "z",
        "position": 0,
        "container_id": image,
        "project_id": 1,
        "dataset_id": 1,
        "share": 5,
        "z": 0,
        "t": 0,
        "c": 0,
        "channel": 0,
        "width": 20,
        "height": 10,
        "x": 3,
        "y": 3,
        "line_width": 2,
        "key": "size",
        "rest": "x",
        "plate_id": PLATE,
        "well_id": FIRST_WELL,
        "field": 0,
        "run_id": 1,
        "file_id": 1,
        "objtype": "Plate",
        "object_id": 1,
        "roi_id": first_roi(gateway),
        "shape_id": first_roi(gateway),
    }
    adapter = gateway.app.url_map.bind("localhost")
    tried = {
        adapter.match(path.format(image, image=image, roi=1).partition("?")[0])[0]
        for path, *_ in IMAGE_ROUTES + OTHER_ROUTES
    }
    for rule in gateway.app.url_map.iter_rules():
        # What is sent, OPTIONS, logging in, regions, tables' bits, jobs and what single viewers ask
        # for have tests of their own.
        others = ("pages.", "static", "shapes.", "login.", "tables.table_obj_id")
        others += ("jobs.", "objects.", "iviewer.", "figure.", "annotations.")
        if "GET" not in rule.methods or rule.endpoint.startswith(others):
            continue
        assert rule.endpoint in tried
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match.group(1)]), rule.rule)
        query = f"tile=0,0,0&c=1|0:9$F00&m=c&image={image}"
        expected = 404 if VIA == "nginx" and path in FOR_THE_HOST else 200
        assert gateway.client.get(f"{path}?{query}").status_code == expected, path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("imgData/987654/", "Image:987654 not found"),
        ("render_image_region/{}/0/0/", "tile or region argument required"),
        ("render_image_region/{}/0/0/?region=1,2", "malformed region argument, region=1,2"),
        ("render_image_region/{}/0/0/?tile=a,b,c", "malformed tile argument, tile=a,b,c"),
        ("render_image_region/{}/0/0/?tile=-2,0,0", "Invalid resolution level -2 < 0"),
        ("render_image_region/{}/0/0/?tile=1,0,0", "Invalid resolution level 1, non pyramid file"),
        ("render_image/{}/?format=bmp", "choose one of jpeg"),
        ("render_image/{}/99/0/", "z=99 does not exist; image"),
    ],
)
def test_messages_say_what_was_asked(gateway, path, message):
    response = gateway.get(path.format(gateway.ids[STACK]))
    assert message in response.get_json()["message"]


@pytest.mark.parametrize(
    "query",
    [
        "tile=0,99,0,64,64",
        "tile=0,-1,0,64,64",
        "region=61,0,5,5",
        "region=-9,0,9,9",
        "region=0,0,0,9",
    ],
)
def test_areas_outside_are_not_found(gateway, query):
    assert_is_error(gateway.get(f"render_image_region/{gateway.ids[STACK]}/0/0/?{query}"), 404)


def test_budgets_are_told(make_gateway):
    gateway = make_gateway(max_output_pixels=2000, max_raw_bytes=3000)
    image = gateway.ids[STACK]
    for path, status, setting in (
        (f"render_image/{image}/", 413, "max_output_pixels"),
        (f"render_image_region/{image}/0/0/?tile=0,0,0,60,47", 400, "max_output_pixels"),
        (f"render_image_region/{image}/0/0/?region=0,0,60,47", 413, "max_output_pixels"),
        (f"render_image_region/{image}/0/0/?region=0,0,40,40", 413, "max_raw_bytes"),
        (f"render_thumbnail/{image}/100/", 413, "max_output_pixels"),
    ):
        response = gateway.get(path)
        assert_is_error(response, status)
        assert setting in response.get_json()["message"]


def test_a_picture_that_the_client_holds_is_not_sent_again(gateway):
    path = f"render_image/{gateway.ids[STACK]}/1/0/?c=1|0:77$FF0000&m=c"
    first = gateway.get(path)
    etag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    for held in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = gateway.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.headers["X-Cache"] == "not-modified"
    assert gateway.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    assert gateway.get(path.replace("77", "78")).headers["ETag"] != etag
    assert gateway.get(f"{path}&_=123&ia=1").headers["ETag"] == etag


def test_browsers_may_keep_only_what_the_url_tells_completely(gateway):
    image = gateway.ids[STACK]
    maps = '[{"inverted": {"enabled": false}, "quantization": {"family": "linear"}}]'
    # One OMERO user for everybody, as on the way through a router, is a public one.
    whose = "private" if WHO == "local" else "public"
    kept = f"{whose}, max-age=300, must-revalidate"
    asked = "private, no-cache"
    for path, expected in (
        (f"render_image/{image}/0/0/?c=1|0:9$F00&m=c&maps={maps}", kept),
        (f"render_image/{image}/?c=1|0:9$F00&m=c&maps={maps}", asked),
        (f"render_image/{image}/0/0/?c=1|0:9$F00&maps={maps}", asked),
        (f"render_image/{image}/0/0/?c=1|0:9$F00&m=c", asked),
        (f"render_image/{image}/0/0/", asked),
        (f"render_thumbnail/{image}/", asked),
        (f"imgData/{image}/", asked),
    ):
        assert gateway.get(path).headers["Cache-Control"] == expected


def test_the_way_of_a_picture_is_told(make_gateway):
    gateway = make_gateway()
    path = f"render_image/{gateway.ids[STACK]}/0/0/?c=1|0:{{}}$F00&m=c"
    for end, outcome in ((50, "miss"), (50, "hit"), (51, "raw")):
        response = gateway.get(path.format(end))
        assert response.headers["X-Cache"] == outcome
        assert "cache;dur=" in response.headers["Server-Timing"]


def test_without_a_cache_on_disk_pictures_are_made_all_the_same(make_gateway):
    gateway = make_gateway(cache_max_bytes=0, hot_pictures_max_bytes=0, raw_tiles_max_bytes=0)
    path = f"render_image/{gateway.ids[STACK]}/0/0/"
    assert [gateway.get(path).headers["X-Cache"] for _ in range(2)] == ["miss", "miss"]


def test_head_tells_the_same_without_a_body(gateway):
    path = f"/webgateway/render_image/{gateway.ids[STACK]}/0/0/"
    whole, head = gateway.client.get(path), gateway.client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers[name] == whole.headers[name]
    missing = gateway.client.head(f"/webgateway/render_image/{MISSING}/")
    assert (missing.status_code, missing.data) == (404, b"")


def test_options_never_fail(gateway):
    for path in ("/webgateway/imgData/1/", "/webgateway/render_image/1/", "/healthz"):
        response = gateway.client.options(path)
        assert response.status_code == 200
        assert "GET" in response.headers["Allow"]


def test_jsonp(gateway):
    path = f"imgData/{gateway.ids[STACK]}/"
    plain = gateway.get(path)
    wrapped = gateway.get(f"{path}?callback=jQuery3620_1&_=5")
    assert wrapped.content_type == "application/javascript"
    assert wrapped.get_data(as_text=True) == f"jQuery3620_1({plain.get_data(as_text=True)})"
    assert gateway.get(path, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_image_data(gateway):
    image = gateway.ids[PYRAMID]
    data = gateway.get(f"imgData/{image}/").get_json()
    assert data["size"] == {"width": 700, "height": 600, "z": 1, "t": 1, "c": 3}
    assert data["levels"] == 3 and data["tiles"] is True
    assert data["resolutions"]["1"] == {"sizeX": 350, "sizeY": 300}
    assert [channel["label"] for channel in data["channels"]] == ["DAPI", "GFP", "RFP"]
    assert data["meta"]["imageName"] == PYRAMID
    assert gateway.get(f"imgData/{image}/channels.1.label/").get_json() == "GFP"
    assert gateway.get(f"imgData/{image}/nothing.there/").data == b"null"
    defaults = gateway.get(f"imgData/{image}/?getDefaults=true").get_json()
    assert defaults["rdefs"] == data["rdefs"]


def test_measured_extents_are_told_once_the_server_has_them(make_gateway):
    gateway = make_gateway(image_info_max_age_s=0)
    path = f"imgData/{gateway.ids[PYRAMID]}/channels.0.window.max/"
    until = time.monotonic() + 20
    while (told := gateway.get(path).get_json()) == 65535 and time.monotonic() < until:
        time.sleep(0.1)
    assert told == gateway.server.pyramid[0][0].max()


@pytest.mark.without_nginx("says itself what the address begins with")
def test_the_service_works_below_a_prefix(gateway):
    response = gateway.client.get(
        "/webgateway/dataset/1/children/", base_url="http://localhost/omero"
    )
    assert response.get_json()[0]["thumb_url"].startswith("/omero/webgateway/")


def test_applications_share_nothing(make_gateway):
    one, other = make_gateway(jpeg_quality=0.1), make_gateway(jpeg_quality=1.0)
    path = f"render_image/{one.ids[STACK]}/"
    small, large = one.get(path), other.get(path)
    assert len(small.data) < len(large.data)
    assert small.headers["ETag"] != large.headers["ETag"]
    assert other.get(path).headers["X-Cache"] == "hit"
    assert one.app.extensions["blitzrender"] is not other.app.extensions["blitzrender"]
    assert (
        one.app.extensions["blitzrender"].get().source
        is not other.app.extensions["blitzrender"].get().source
    )


names = st.sampled_from(
    [
        "c",
        "maps",
        "m",
        "p",
        "q",
        "format",
        "flip",
        "rot",
        "tile",
        "region",
        "z",
        "t",
        "ia",
        "bins",
        "theZ",
        "theT",
        "callback",
        "rdefId",
        "getDefaults",
        "tiled",
        "rgb",
        "id",
        "inclusive",
        "x",
    ]
)
plausible = st.sampled_from(
    [
        "1|0:9$F00,-2",
        "1|nan:inf",
        "2|1e308:-1e308$fire.lut",
        "-1",
        "0",
        "9" * 25,
        "1e9",
        "intmax|3:1",
        "intsum|-5:99",
        "0,0,0,64,64",
        "0,0,0,99999999,99999999",
        "-5,-5,10,10",
        "png",
        "g",
        "c",
        "hv",
        "90",
        '[{"inverted":{"enabled":true}}]',
        "[{}",
        "true",
        "a",
        "1|0:1$80",
    ]
)
rubbish = plausible | st.text(max_size=20) | st.from_regex(r"[-+0-9.,:|$]{0,20}", fullmatch=True)
paths = st.sampled_from(
    [
        "render_image/{}/",
        "render_image/{}/0/0/",
        "render_image_region/{}/1/1/",
        "render_thumbnail/{}/",
        "render_image_region_rdef/{}/0/0/",
        "histogram_json/{}/channel/0/",
        "imgData/{}/",
        "luts/",
        "get_thumbnails/",
        "get_thumbnail/{}/40/",
        "dataset/1/children/",
        "render_thumbnail/{}/0/7/",
        "histogram_json/{}/channel/9/",
        "render_image/{}/99999999999999999/0/",
    ]
)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=paths, query=st.dictionaries(names, rubbish, max_size=5))
def test_rubbish_never_gives_500(gateway, path, query):
    response = gateway.get(path.format(gateway.ids[STACK]), query_string=query)
    assert response.status_code in (200, 400, 404, 413), (path, query, response.data)
    if response.status_code != 200:
        assert_is_error(response, response.status_code)
    elif response.content_type == JSON:
        json.loads(response.data, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


@settings(max_examples=60, deadline=None)
@given(path=st.text(max_size=30))
def test_rubbish_in_the_path_is_not_found(gateway, path):
    response = gateway.get(path.replace("?", "").replace("#", ""))
    # NGINX itself refuses what is no address at all.
    assert response.status_code in ((200, 404, 405, 400) if VIA == "nginx" else (200, 404, 405))
