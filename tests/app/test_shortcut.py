"""Pictures that are at hand are answered before routing, and just as in the long way."""

from app import web
from tests.app.conftest import PYRAMID

#: What tells of one request alone.
OWN = {"X-Request-ID", "Server-Timing", "X-Cache", "Date"}


def test_the_answer_is_that_of_the_long_way(make_gateway, monkeypatch):
    gateway = make_gateway(image_info_max_age_s=600)
    path = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?region=1,2,30,40&c=1|7:1500$F00"
    long_way = gateway.get(path)
    assert long_way.headers["X-Cache"] == "miss"
    # From here on nothing that Flask routes could answer.
    monkeypatch.setattr(web, "current_call", None)
    monkeypatch.setitem(gateway.app.view_functions, "images.render_image_region", None)
    short_way = gateway.get(path)
    assert short_way.status_code == 200 and short_way.data == long_way.data
    assert short_way.headers["X-Cache"] == "hit"
    assert {name: value for name, value in short_way.headers.items() if name not in OWN} == {
        name: value for name, value in long_way.headers.items() if name not in OWN
    }


def test_it_is_logged_and_counted_under_its_route(make_gateway, caplog):
    gateway = make_gateway(image_info_max_age_s=600)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|8:1500$FF0000&m=c"
    with caplog.at_level("INFO", logger="blitzrender.access"):
        for _ in range(3):
            assert gateway.get(path).status_code == 200
    told = [record.fields for record in caplog.records if record.name == "blitzrender.access"]
    assert [fields["cache"] for fields in told] == ["miss", "hit", "hit"]
    assert {fields["route"] for fields in told} == {"images.render_image"}
    counted = gateway.client.get("/metrics").get_data(as_text=True)
    assert 'route="images.render_image"' in counted


def test_limits_are_counted_for_each_of_them(make_gateway):
    gateway = make_gateway(image_info_max_age_s=600, address_requests_per_s=0.01, requests_burst=20)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|9:1500$FF0000&m=c"
    statuses = [gateway.get(path).status_code for _ in range(25)]
    assert statuses[0] == 200 and statuses[-1] == 429
