"""An application with settings of its own, asked in this process or, as VIA says, behind NGINX."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import Client

from app import create_app
from app.settings import load_settings
from app.web import parts_of
from tests.app.behind_nginx import (
    application_behind_nginx,
    service_behind_nginx,
    settings_behind_nginx,
)
from tests.app.ways import VIA
from tests.support.over_http import client_of


@dataclass(frozen=True)
class Serving:
    """A client of an application, and a way to more of them, each with cookies of its own.

    `app` is the application itself, except where a whole service answers: there it is one with
    the same settings, good for what is known from settings alone, such as its addresses.
    """

    app: Flask
    client: Client
    connect: Callable[[], Client]
    close: Callable[[], None]


def serve(*, way: str = VIA, whole: bool = True, **settings: Any) -> Serving:
    """Make an application and reach it on the way that these tests take.

    Behind NGINX the whole service runs; if not `whole`, gunicorn and its processes are left out,
    so that a test can look into the application or have many of them.
    """
    if way == "nginx":
        settings = settings_behind_nginx(settings)
    app = create_app(load_settings(env_file=None, **settings))
    if way != "nginx":
        return Serving(app, app.test_client(), app.test_client, parts_of(app).close)
    with contextlib.ExitStack() as stack:
        stack.callback(parts_of(app).close)
        behind = service_behind_nginx(app, settings) if whole else application_behind_nginx(app)
        port = stack.enter_context(behind)
        return Serving(app, client_of(port), lambda: client_of(port), stack.pop_all().close)
