"""Pictures that are at hand are answered before routing, and just as in the long way."""

import pytest

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


def test_it_is_logged_and_counted_under_its_route(make_gateway, caplog):
    gateway = make_gateway(image_info_max_age_s=600)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|8:1500$FF0000&m=c"
    with caplog.at_level("INFO", logger="blitzrender.access"):
        for _ in range(3):
            assert gateway.get(path).status_code == 200
    told = [record.fields for record in caplog.records if record.name == "blitzrender.access"]
    assert [fields["cache"] for fields in told] == ["miss", "hit", "hit"]
    assert {fields["route"] for fields in told} == {"images.render_image"}
    counted = gateway.app.test_client().get("/metrics").get_data(as_text=True)
    assert 'route="images.render_image"' in counted


def test_limits_are_counted_for_each_of_them(make_gateway):
    gateway = make_gateway(image_info_max_age_s=600, address_requests_per_s=0.01, requests_burst=20)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|9:1500$FF0000&m=c"
    statuses = [gateway.get(path).status_code for _ in range(25)]
    assert statuses[0] == 200 and statuses[-1] == 429
