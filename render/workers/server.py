"""Lets OMERO.server's own RenderingEngine draw: for comparison, and for sites that want it.

The server draws; scaling, mirroring, turning and encoding stay ours, in native threads, and so do
all jobs that bring their own planes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.blitz.source import BlitzSource, Credentials
from render.deadline import Deadline
from render.engine.composite import prepared_settings
from render.errors import Overloaded, RenderFailed
from render.job import Finish, Job, PictureJob
from render.values import ImageInfo, Projection, Region, RenderingDefinition
from render.workers.base import Worker, WorkerOptions
from render.workers.native import make_lock
from render.workers.threads import ThreadsWorker

_RETRY_AFTER_S = 1.0


@dataclass(frozen=True)
class RemoteRender:
    """Names what the server is to draw, for whom, and how the picture is finished here.

    `region` lies inside `level`. With a `projection`, which the server makes of whole planes at
    full size only, they and `z` do not count; its ends are as the server takes them: a mean or
    sum leaves out the last section.
    """

    credentials: Credentials
    info: ImageInfo
    definition: RenderingDefinition
    z: int
    t: int
    level: int
    region: Region
    projection: Projection | None = None
    finish: Finish = field(default_factory=Finish)

    def draw(self, source: BlitzSource, deadline: Deadline) -> NDArray[np.uint8]:
        """Give the picture as the server draws it, (height, width, 4) uint8 of RGBA.

        Raises BadRequest for settings that the engine refuses, before the server is asked.
        """
        info, definition = self.info, self.definition
        stats = [channel.stats for channel in info.channels]
        prepared_settings(definition, info.pixel_type, info.significant_bits, stats)
        session = source.session(self.credentials, deadline)
        if self.projection is not None:
            return session.render_projection(info, definition, self.projection, self.t, deadline)
        return session.render_region(
            info, definition, self.z, self.t, self.level, self.region, deadline
        )

    def run(self) -> bytes:
        """Refuse: without a connection there is nothing to draw from."""
        raise RenderFailed("only a worker that renders at the source can draw without planes")


class ServerWorker(Worker):
    """Has RemoteRender jobs drawn by the server of `options.parts["source"]`, a BlitzSource.

    The source stays open when the worker closes.
    """

    renders_at_source = True

    def __init__(self, options: WorkerOptions) -> None:
        if "source" not in options.parts:
            raise ValueError("the worker 'server' needs a connection, the part 'source'")
        self._source: BlitzSource = options.parts["source"]
        self._threads = ThreadsWorker(options)
        self._limit = options.threads + options.queue_limit
        self._lock = make_lock()
        self._drawing = 0
        self._closed = False

    @property
    def load(self) -> int:
        """Give the number of jobs that run or wait now, on the server or here."""
        return self._drawing + self._threads.load

    def submit(self, job: Job, deadline: Deadline) -> Any:
        """Have the job drawn by the server, if it is one to be drawn there, or run it here."""
        if not isinstance(job, RemoteRender):
            return self._threads.submit(job, deadline)
        deadline.remaining_s("render")
        with self._place():
            drawn = job.draw(self._source, deadline)
            return self._threads.submit(PictureJob(drawn, job.finish), deadline)

    def close(self) -> None:
        """Refuse further jobs and end the threads; what the server draws meanwhile is lost."""
        self._closed = True
        self._threads.close()

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise RenderFailed("the render worker is closed")
            if self._drawing >= self._limit:
                raise Overloaded(
                    f"{self._drawing} pictures are being drawn by OMERO.server already",
                    retry_after_s=_RETRY_AFTER_S,
                )
            self._drawing += 1
        try:
            yield
        finally:
            with self._lock:
                self._drawing -= 1
