"""Pictures are answered before Flask routes, and just as in the long way."""

import gc
import weakref

import pytest

from app.routes import images
from render.errors import Overloaded
from tests.app.conftest import PYRAMID

#: What tells of one request alone.
OWN = {"X-Request-ID", "Server-Timing", "X-Cache", "Date"}


ADDRESSES = {
    "images.render_image_region": "render_image_region/{}/0/0/?region=1,2,30,40&c=1|7:1500$F00",
    "thumbnails.thumbnail": "render_thumbnail/{}/33/",
    "thumbnails.webclient_thumbnail": "../webclient/render_thumbnail/{}/",
}


def own_headers_cut(response):
    return {name: value for name, value in response.headers.items() if name not in OWN}


@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_the_answer_is_that_of_the_long_way(make_gateway, monkeypatch, endpoint):
    gateway = make_gateway(image_info_max_age_s=600)
    path = ADDRESSES[endpoint].format(gateway.ids[PYRAMID]).removeprefix("../")
    ask = gateway.client.get if path.startswith("webclient") else gateway.get
    path = f"/{path}" if path.startswith("webclient") else path
    long_way = ask(path)
    assert long_way.headers["X-Cache"] == "miss"
    held = {"If-None-Match": long_way.headers["ETag"]}
    monkeypatch.setattr(gateway.app.wsgi_app._wsgi_app, "_is_open", False)
    unchanged = ask(path, headers=held)
    assert unchanged.status_code == 304
    monkeypatch.undo()
    # From here on nothing that Flask routes could answer.
    monkeypatch.setitem(gateway.app.view_functions, endpoint, None)
    short_way = ask(path)
    assert short_way.status_code == 200 and short_way.data == long_way.data
    assert short_way.headers["X-Cache"] == "hit"
    assert own_headers_cut(short_way) == own_headers_cut(long_way)
    again = ask(path, headers=held)
    assert again.status_code == 304 and again.data == b""
    assert again.headers["X-Cache"] == "not-modified"
    assert own_headers_cut(again) == own_headers_cut(unchanged)
    # Another validator than that of the picture.
    assert ask(path, headers={"If-None-Match": '"other"'}).status_code == 200


#: Pictures, with and without a warning, and what fails: here, in the pipeline, at the source.
DRAWN = (
    "webgateway/render_image/{}/?c=1|11:1500$FF0000&m=c",
    "webgateway/render_image/{}/0/0?maps=[]",
    "webgateway/render_image_region/{}/0/0/?tile=0,0,0,64,64&c=1|12:1500$FF0000&m=g&format=png",
    "webclient/7/render_image_region/{}/0/0/?region=5,6,70,80",
    "webgateway/render_image_rdef/{}/?c=1|13:1500$FF0000&m=c",
    "webgateway/render_split_channel/{}/0/0/",
    "webgateway/render_row_plot/{}/0/0/7/",
    "webgateway/render_birds_eye_view/{}/40/",
    "webclient/render_thumbnail/99999999/",
    "figure/render_scaled_region/{}/0/0/?region=1,2,300,400",
    "webgateway/render_image/99999999/",
    "webgateway/render_image_region/{}/0/0/",
    "webgateway/render_image_rdef/{}/",
    "webgateway/render_image/{}/0/55/?q=0.5",
    "webgateway/render_image/{}/?settings=aaaaaaaaaaaaaaaa",
    "webgateway/render_image/x/",
    "webgateway/render_nothing/{}/",
)


def test_what_is_drawn_or_refused_is_that_of_the_long_way(make_gateway, monkeypatch):
    long_way, short_way = (make_gateway(image_info_max_age_s=600) for _ in range(2))
    monkeypatch.setattr(long_way.app.wsgi_app._wsgi_app, "_is_open", False)
    routed = []
    dispatch = short_way.app.dispatch_request

    def noted(*given):
        routed.append(path)
        return dispatch(*given)

    monkeypatch.setattr(short_way.app, "dispatch_request", noted)
    for path in DRAWN:
        expected, answer = (
            gateway.client.get("/" + path.format(gateway.ids[PYRAMID]))
            for gateway in (long_way, short_way)
        )
        assert answer.status_code == expected.status_code, path
        assert own_headers_cut(answer) == own_headers_cut(expected), path
        assert answer.headers.get("X-Cache") == expected.headers.get("X-Cache"), path
        if expected.status_code == 200:
            assert answer.data == expected.data, path
            assert path not in routed
        else:
            assert cut_id(answer.json) == cut_id(expected.json), path


def cut_id(body):
    return {name: value for name, value in body.items() if name != "request_id"}


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Overloaded("too many", retry_after_s=7), 503, "overloaded"),
        (KeyError("secret"), 500, "internal-error"),
    ],
)
def test_what_failed_is_not_tried_again_only_to_be_told(
    make_gateway, monkeypatch, error, status, kind
):
    gateway = make_gateway()
    tried = []

    def fail(*_):
        tried.append(1)
        raise error

    monkeypatch.setattr(images, "render_picture", fail)
    answer = gateway.get(f"render_image/{gateway.ids[PYRAMID]}/")
    assert answer.status_code == status and answer.json["type"] == kind
    assert "secret" not in answer.get_data(as_text=True)
    assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)
    assert len(tried) == 1


def test_what_failed_lets_go_of_its_planes_at_once(make_gateway, monkeypatch):
    gateway = make_gateway()
    left = []

    class Planes:
        pass

    def fail(*_):
        planes = Planes()
        left.append(weakref.ref(planes))
        raise Overloaded("too many")

    monkeypatch.setattr(images, "render_picture", fail)
    gc.disable()
    try:
        answer = gateway.get(f"render_image/{gateway.ids[PYRAMID]}/")
        assert answer.status_code == 503
        assert [planes() for planes in left] == [None]
    finally:
        gc.enable()


def test_it_is_logged_and_counted_under_its_route(make_gateway, caplog):
    gateway = make_gateway(image_info_max_age_s=600)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|8:1500$FF0000&m=c"
    with caplog.at_level("INFO", logger="blitzrender.access"):
        for _ in range(3):
            assert gateway.get(path).status_code == 200
    told = [record.fields for record in caplog.records if record.name == "blitzrender.access"]
    assert [fields["cache"] for fields in told] == ["miss", "hit", "hit"]
    assert all(fields["image"] and fields["level"] == 0 for fields in told)
    assert {fields["route"] for fields in told} == {"images.render_image"}
    counted = gateway.app.test_client().get("/metrics").get_data(as_text=True)
    assert 'route="images.render_image"' in counted


def test_limits_are_counted_for_each_of_them(make_gateway):
    gateway = make_gateway(image_info_max_age_s=600, address_requests_per_s=0.01, requests_burst=20)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|9:1500$FF0000&m=c"
    statuses = [gateway.get(path).status_code for _ in range(25)]
    assert statuses[0] == 200 and statuses[-1] == 429
