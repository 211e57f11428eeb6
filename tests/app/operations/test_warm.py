"""Warming up an application before its first request."""

import json
import logging
import subprocess
import sys
import threading

from app import create_app
from app.operations.warm import end_warm_up, warm_up
from app.settings import load_settings
from app.web import parts_of
from tests.app.conftest import PROJECT
from tests.app.ways import WHO


def test_warming_up_goes_through_the_whole_way_of_a_picture(make_gateway, caplog):
    gateway = make_gateway()
    parts = parts_of(gateway.app).get()
    with caplog.at_level(logging.DEBUG, logger="app.operations.warm"):
        warm_up(gateway.app, parts)
    statuses = [record.args[0] for record in caplog.records if record.name == "app.operations.warm"]
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

    monkeypatch.setattr("app.operations.warm._ask", ask)
    warm_up(gateway.app, parts_of(gateway.app).get(), ended=ended)
    assert len(asked) == 1
    end_warm_up(gateway.app)  # None runs beside this one.


_OVER_A_CONNECTION = """
from gevent import monkey

monkey.patch_all()
import json
import os
import socket

from flask import Flask, request
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.operations import warm
from app.operations.gevent_worker import DrainingGeventWorker
from app.observe import UNCOUNTED

seen = []
app = Flask("asked")


@app.get("/picture/")
def picture():
    asked = request.environ
    # The socket is what gunicorn tells, and nobody else.
    seen.append([asked["REMOTE_ADDR"], UNCOUNTED in asked, "gunicorn.socket" in asked])
    return "x" * 100


config = Config()
with socket.create_server(("127.0.0.1", 0)) as listening:
    worker = DrainingGeventWorker(
        0, os.getpid(), [listening], None, 30, config, Logger(config)
    )
    worker.wsgi = None  # whoever comes by the port has another application
    for _ in range(2):
        warm._ask(app, worker.connect, "/picture/?a=1")
print(json.dumps({"seen": seen, "counted": worker.nr}))
"""


def test_a_worker_is_asked_over_connections_that_nobody_counts():
    command = [sys.executable, "-c", _OVER_A_CONNECTION]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"seen": [["127.0.0.1", True, True]] * 2, "counted": 0}
