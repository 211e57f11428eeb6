"""Makes a worker's first request as quick as its later ones.

What is slow only once (logging in, planning the server's queries, starting threads, everything
that Python and Flask make when they first need it) is gone through before anybody asks.
"""

import contextlib
import logging
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

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


def warm_up_beside(app: Flask) -> None:
    """Open the application's parts now, and warm them up in the background."""
    parts = parts_of(app).get()
    spawn(lambda: warm_up(app, parts))


def warm_up(app: Flask, parts: Parts) -> None:
    """Go through what requests go through. What fails is left for requests to tell."""
    deadline = Deadline.after(parts.settings.request_deadline_s)
    with contextlib.suppress(ServiceError):
        for _ in range(_ROUNDS):
            parts.worker.submit(_usual_job(), deadline)
        image_ids = [0]  # no image has it, and asking for it goes to the server and back
        if parts.own_credentials is not None and parts.settings.embedded:
            session = parts.source.session(parts.own_credentials, deadline)
            image_ids = list(islice(_images(session, deadline), IMAGES)) or image_ids
        for number in range(_ROUNDS):
            _ask(app, image_ids[number % len(image_ids)], number)


def _ask(app: Flask, image_id: int, number: int) -> None:
    """Ask the application for a region that it never drew before, and never read."""
    query: dict[str, str] = {
        "region": f"{number},0,512,512",
        "c": ",".join(f"{c}|{random.random()}:4000$FFFFFF" for c in (1, 2, 3)),
        "m": "c",
        "q": "0.1",
    }
    builder = EnvironBuilder(
        path=f"/webgateway/render_image_region/{image_id}/0/0/",
        query_string=query,
        headers=[("X-Request-ID", "warm-up")],
    )
    environ: dict[str, Any] = builder.get_environ() | {UNCOUNTED: True}
    body, status, _ = run_wsgi_app(app, environ, buffered=True)
    log.debug("warm-up: %s, %d bytes", status, sum(len(part) for part in body))


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
