"""Makes a worker's first request as quick as its later ones.

What is slow only once (logging in, planning the server's queries, starting threads, everything
that Python and Flask make when they first need it) is gone through before anybody asks.
"""

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection, HTTPException
from itertools import islice
from socket import socket
from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.observe import UNCOUNTED
from app.parts import Parts
from app.web import parts_of
from render.blitz.source import BlitzSession
from render.deadline import Deadline
from render.errors import ServiceError
from render.job import RenderJob
from render.values import (
    ChannelBinding,
    Color,
    Model,
    RenderingDefinition,
    Window,
)
from render.waiting import spawn

log = logging.getLogger(__name__)

#: After so many times and images, things take the time that they always take.
_ROUNDS = 20
IMAGES = 10
_TIMEOUT_S = 60.0
_EXTENSION = "blitzrender.warm_up"
#: What the step in hand may take when the worker ends.
_LAST_STEP_S = 2.0

#: Gives a client's end of a new connection on which the application given answers.
Connect = Callable[[Any], socket]


class _WarmUp:
    """Runs beside requests, until it is through or told to end."""

    def __init__(self, app: Flask, parts: Parts, connect: Connect | None) -> None:
        self._app = app
        self._parts = parts
        self._connect = connect
        self._ended = threading.Event()
        self._through = threading.Event()

    def run(self) -> None:
        try:
            warm_up(self._app, self._parts, self._connect, self._ended)
        finally:
            self._through.set()

    def end(self) -> None:
        """Have it begin nothing more, and wait a moment for what it has begun."""
        self._ended.set()
        self._through.wait(_LAST_STEP_S)


def warm_up_beside(app: Flask, connect: Connect | None = None) -> None:
    """Open the application's parts now, and warm them up in the background.

    `connect` gives connections on which requests come as clients' do.
    """
    running = _WarmUp(app, parts_of(app).get(), connect)
    app.extensions[_EXTENSION] = running
    spawn(running.run)


def end_warm_up(app: Flask) -> None:
    """End what `warm_up_beside` began, so that nothing is in use when the parts are closed."""
    running = app.extensions.get(_EXTENSION)
    if running is not None:
        running.end()


def warm_up(
    app: Flask,
    parts: Parts,
    connect: Connect | None = None,
    ended: threading.Event | None = None,
) -> None:
    """Go through what requests go through, until `ended`.

    What fails is left for requests to tell.
    """
    ended = ended or threading.Event()
    deadline = Deadline.after(parts.settings.request_deadline_s)
    with contextlib.suppress(ServiceError, OSError, HTTPException):
        for _ in range(_ROUNDS):
            if ended.is_set():
                return
            parts.worker.submit(_usual_job(), deadline)
        image_ids = [0]  # no image has it, and asking for it goes to the server and back
        if parts.own_credentials is not None and parts.settings.embedded:
            session = parts.source.session(parts.own_credentials, deadline)
            image_ids = list(islice(_images(session, deadline), IMAGES)) or image_ids
        for number in range(_ROUNDS):
            if ended.is_set():
                return
            _ask(app, connect, _unseen_region(image_ids[number % len(image_ids)], number))


def _unseen_region(image_id: int, number: int) -> str:
    """Give the address of a region that nobody ever drew before, and never read."""
    query: dict[str, str] = {
        "region": f"{number},0,512,512",
        "c": ",".join(f"{c}|{random.random()}:4000$FFFFFF" for c in (1, 2, 3)),
        "m": "c",
        "q": "0.1",
    }
    return f"/webgateway/render_image_region/{image_id}/0/0/?{urlencode(query)}"


def _ask(app: Flask, connect: Connect | None, address: str) -> None:
    def uncounted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return app(environ | {UNCOUNTED: True}, start_response)

    headers = [("X-Request-ID", "warm-up")]
    if connect is None:
        environ = EnvironBuilder(address, headers=headers).get_environ()
        body, status_line, _ = run_wsgi_app(uncounted, environ, buffered=True)
        status, length = int(status_line[:3]), sum(len(part) for part in body)
    else:
        connection = HTTPConnection("127.0.0.1", timeout=_TIMEOUT_S)
        connection.sock = connect(uncounted)
        with contextlib.closing(connection):
            connection.request("GET", address, headers=dict(headers))
            answer = connection.getresponse()
            status, length = answer.status, len(answer.read())
    log.debug("warm-up: %d, %d bytes", status, length)


def _usual_job() -> RenderJob:
    """Give what is asked for most: a tile of three channels, without a picture in it."""
    binding = ChannelBinding(active=True, window=Window(0, 4095), color=Color(255, 255, 255))
    definition = RenderingDefinition(model=Model.RGB, bindings=(binding,) * 3)
    return RenderJob((np.zeros((512, 512), ">u2"),) * 3, "uint16", definition)


def _images(session: BlitzSession, deadline: Deadline) -> Iterator[int]:
    """Give the ids of images, dataset by dataset."""
    for project in session.projects(deadline):
        for dataset in session.datasets(project.id, deadline):
            yield from (image.id for image in session.images(dataset.id, deadline) if image.size_x)
