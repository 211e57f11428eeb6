"""NGINX as `flask nginx` configures it, before the whole service or an application in here."""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from app.settings.kinds import PREFIX
from app.web import parts_of
from imageserver.supervisor import free_port
from tests.support import nginx
from tests.support.service import START_TIMEOUT_S, gunicorn

#: Where NGINX finds the pictures that it sends by itself.
PLACE = "/_blitzrender/"


def settings_behind_nginx(settings: Mapping[str, object]) -> dict[str, object]:
    """Give settings with a free port, and with pictures that NGINX sends by itself."""
    port = free_port("127.0.0.1")
    return {"workers": 1, "x_accel_redirect": PLACE, **settings, "port": port}


@contextlib.contextmanager
def service_behind_nginx(app: Flask, settings: Mapping[str, object]) -> Iterator[int]:
    """Run gunicorn with the settings that `app` has, and NGINX; give NGINX's port.

    In embedded mode it starts an image server of its own.
    """
    settings = {**settings, "image_server_port": free_port("127.0.0.1")}
    with tempfile.TemporaryDirectory(prefix="service-") as folder:
        log = Path(folder) / "log"
        with (
            gunicorn("gunicorn.conf.py", "wsgi:app", _environment(settings), log) as process,
            _nginx_before(app) as port,
        ):
            _wait_alive(port, process, log)
            yield port


class _Handler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Leave the log to the application."""


@contextlib.contextmanager
def application_behind_nginx(app: Flask) -> Iterator[int]:
    """Serve an application of this process to NGINX; give NGINX's port."""
    port = parts_of(app).settings.port
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with _nginx_before(app) as port:
            yield port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def _nginx_before(app: Flask) -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="nginx-") as made:
        folder, port = Path(made), free_port("127.0.0.1")
        arguments = ["--listen", f"127.0.0.1:{port}", "--cache-folder", str(folder / "kept")]
        printed = app.test_cli_runner().invoke(args=["nginx", *arguments])
        assert printed.exit_code == 0, printed.output
        with nginx.running(printed.output, folder, port):
            yield port


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Give the settings as variables, in place of those that the tests themselves were given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {
        f"{PREFIX}{name.upper()}": json.dumps(value)
        if isinstance(value, list | tuple | dict)
        else str(value)
        for name, value in settings.items()
        if value is not None
    }


def _wait_alive(port: int, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
