"""Warming up an application before its first request."""

import logging
import threading

from app import create_app
from app.settings import load_settings
from app.warm import end_warm_up, warm_up
from app.web import parts_of
from tests.app.ways import WHO


def test_warming_up_goes_through_the_whole_way_of_a_picture(make_gateway, caplog):
    gateway = make_gateway()
    parts = parts_of(gateway.app).get()
    with caplog.at_level(logging.DEBUG, logger="app.warm"):
        warm_up(gateway.app, parts)
    statuses = [record.args[0] for record in caplog.records if record.name == "app.warm"]
    assert len(statuses) > 10
    # Which images there are is looked up in embedded mode only.
    assert set(statuses) == {200 if WHO == "local" else 404}


def test_a_source_that_is_away_spoils_nothing(tmp_path):
    app = create_app(
        load_settings(env_file=None, images=tmp_path, image_server_port=1, cache_dir=tmp_path)
    )
    warm_up(app, parts_of(app).get())
    assert app.test_client().get("/webgateway/imgData/1/").status_code == 503
    parts_of(app).close()


def test_it_asks_for_nothing_more_once_it_is_told_to_end(make_gateway, monkeypatch):
    gateway = make_gateway()
    ended = threading.Event()
    asked = []

    def ask(_app, _connect, address):
        asked.append(address)
        ended.set()

    monkeypatch.setattr("app.warm._ask", ask)
    warm_up(gateway.app, parts_of(gateway.app).get(), ended=ended)
    assert len(asked) == 1
    end_warm_up(gateway.app)  # None runs beside this one.
