"""Settings: HTTP, worker processes and rendering."""

from typing import Literal

from pydantic import BaseModel

from app.settings.kinds import CORES, Count, CountOrNone, Port, Seconds, in_group

setting = in_group("server")


class ServerSettings(BaseModel):
    """HTTP, worker processes and rendering."""

    host: str = setting("127.0.0.1", "Address on which HTTP is answered.")
    port: Port = setting(4080, "TCP port on which HTTP is answered.")
    workers: Count = setting(
        CORES, "Worker processes of the HTTP server.", "one for each processor core"
    )
    worker_class: Literal["gevent", "gthread", "sync"] = setting(
        "gevent", "How a worker process serves many connections at a time."
    )
    worker_connections: Count = setting(
        1000, "Connections that one worker process keeps open at a time."
    )
    gthread_threads: Count = setting(16, "Threads of a worker process of the class gthread.")
    keepalive_s: Count = setting(
        15, "How long an idle HTTP connection is kept open, and what a request's head may take."
    )
    client_timeout_s: CountOrNone = setting(
        60,
        "How long a client may take in nothing of an answer, or take to send 64 KiB of what it "
        "asks, before it is cut off; 0 = any time.",
    )
    max_requests: CountOrNone = setting(
        0,
        "Requests after which a worker process makes room for a new one, give or take; 0 = never.",
    )
    render_worker: str = setting(
        "threads",
        "Where rendering runs: in `threads` of the worker process, in `processes` of their own, "
        "`inline` in the request, on OMERO.server (`server`, see docs/rendering.md), or in a "
        "worker that another package installs, by its name.",
    )
    render_threads: Count = setting(
        CORES, "Rendering threads per worker process.", "one for each processor core"
    )
    queue_limit: Count = setting(
        256,
        "Pictures that may wait for a rendering thread, per process; one more is answered 503.",
    )
    request_deadline_s: Seconds = setting(
        30.0, "How long a request may take before it is answered 504."
    )
