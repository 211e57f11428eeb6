"""What can be seen of a request from outside: its id, its steps' times, one log line.

Steps have the same names everywhere: access, info, cache, read, render, encode.
"""

import logging
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, g, has_request_context, request

access_log = logging.getLogger("blitzrender.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAMED_SECRET = re.compile(
    r"""(?ix) \b (bsession | passw(?:or)?d | session(?:id|[_-]?key|[_-]?uuid) | cookie
        | authorization | csrftoken | csrfmiddlewaretoken) (["']? \s* [=:] \s* ["']?)
        (?: (?:bearer|basic) \s+ )? [^\s&;,"']+"""
)
_UUID = re.compile(r"(?<!request_id=)\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")


class Steps:
    """Time by step, and what else is told of one request. Used by one greenlet at a time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.facts: dict[str, object] = {}
        self.started_s = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the body takes to step `name`."""
        begun_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - begun_s)

    def add(self, name: str, seconds: float) -> None:
        """Add `seconds` to step `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def tell(self, **facts: object) -> None:
        """Note facts for the log line: image, level, cache outcome, kind of viewer."""
        self.facts.update(facts)


class RedactingFormatter(logging.Formatter):
    """Cuts session keys, cookies and passwords out of every line, whoever logged them."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without secrets."""
        return redact(super().format(record))


def redact(text: str) -> str:
    """Give `text` without what could open a session."""
    return _UUID.sub("[cut]", _NAMED_SECRET.sub(r"\1\2[cut]", text))


def configure_logging(level: str) -> None:
    """Write this service's log lines to stderr. For the process's entry point only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("blitzrender")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def request_id() -> str:
    """Give the id of the request in hand, or `-` outside one."""
    return g.get("request_id", "-") if has_request_context() else "-"


def steps() -> Steps:
    """Give the steps of the request in hand."""
    return g.steps


def register(app: Flask) -> None:
    """Observe every request of the application."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.steps = Steps()

    @app.after_request
    def end(response: Response) -> Response:
        seen: Steps = g.steps
        response.headers["X-Request-ID"] = g.request_id
        timings = ", ".join(f"{name};dur={s * 1000:.2f}" for name, s in seen.seconds.items())
        if "cache" in seen.facts:
            response.headers["X-Cache"] = str(seen.facts["cache"])
        if timings:
            response.headers["Server-Timing"] = timings
        if access_log.isEnabledFor(logging.INFO):
            access_log.info(_line(seen, response))
        return response


def _line(seen: Steps, response: Response) -> str:
    total_s = time.perf_counter() - seen.started_s
    parts: dict[str, object] = {
        "request_id": g.request_id,
        "method": request.method,
        "route": request.endpoint or "-",
        "status": response.status_code,
        "bytes": response.content_length or 0,
        "total_ms": f"{total_s * 1000:.1f}",
        **{f"{name}_ms": f"{s * 1000:.1f}" for name, s in seen.seconds.items()},
        **seen.facts,
    }
    return " ".join(f"{name}={value}" for name, value in parts.items())
