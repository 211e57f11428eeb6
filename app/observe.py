"""What can be seen of a request from outside: its id, its steps' times, one log line, metrics.

Steps have the same names everywhere: access, info, cache, read, render.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from flask import Flask, has_request_context, request

from app.operations.logs import log_fields
from app.operations.metrics import Metrics

access_log = logging.getLogger("blitzrender.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: In the environment of requests that nobody outside asked, and that no metric shall hold.
UNCOUNTED = "blitzrender.uncounted"
_ENVIRON_NAME = "blitzrender.steps"
_METRICS = "blitzrender.metrics"

Headers = list[tuple[str, str]]
#: Takes a request's environment and its answer's headers, and adds to these.
CompleteHeaders = Callable[[dict[str, Any], Headers], None]


class Steps:
    """Time by step, and what else is told of one request. Used by one greenlet at a time."""

    def __init__(self, request_id: str = "-") -> None:
        self.request_id = request_id
        self.route = "-"
        self.seconds: dict[str, float] = {}
        self.facts: dict[str, object] = {}
        #: Number of calls to OMERO's services, by what they were for and whether they failed.
        self.calls: dict[tuple[str, bool], int] = {}
        self.started_s = time.perf_counter()

    def step(self, name: str) -> AbstractContextManager[None]:
        """Give what adds the time that its body takes to step `name`."""
        return _Step(self.seconds, name)

    def tell(self, **facts: object) -> None:
        """Note facts for the log line: image, level, cache outcome, kind of viewer."""
        self.facts.update(facts)

    def count_call(self, step: str, failed: bool) -> None:
        """Count a call to OMERO's services."""
        self.calls[step, failed] = self.calls.get((step, failed), 0) + 1


class _Step:
    """Takes the time of one step: every request has several, so it has to be quick."""

    __slots__ = ("_begun_s", "_name", "_seconds")

    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds = seconds
        self._name = name

    def __enter__(self) -> None:
        self._begun_s = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        seconds = time.perf_counter() - self._begun_s
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + seconds


def request_id() -> str:
    """Give the id of the request in hand, or `-` outside one."""
    return steps().request_id if has_request_context() else "-"


def steps() -> Steps:
    """Give the steps of the request in hand."""
    return request.environ[_ENVIRON_NAME]


def steps_of(environ: Mapping[str, Any]) -> Steps:
    """Give the steps of the request with this environment."""
    return environ[_ENVIRON_NAME]


def metrics_of(app: Flask) -> Metrics:
    """Give the metrics of an application."""
    return app.extensions[_METRICS]


def register(
    app: Flask, complete_headers: CompleteHeaders, make_steps: Callable[[str], Steps] = Steps
) -> Metrics:
    """Observe every request of the application and give what counts them.

    `complete_headers` adds to each answer's headers; `make_steps` makes a request's steps of its
    id.
    """
    metrics = app.extensions[_METRICS] = Metrics()

    @app.url_value_preprocessor
    def note_route(endpoint: str | None, values: dict[str, Any] | None) -> None:
        steps().route = endpoint or "-"

    observer = _Observer(app.wsgi_app, complete_headers, metrics, make_steps)
    app.wsgi_app = observer  # type: ignore[method-assign]
    return metrics


class _Observer:
    """Stands around the application: what it adds costs each request microseconds only."""

    def __init__(
        self,
        wsgi_app: Any,
        complete_headers: CompleteHeaders,
        metrics: Metrics,
        make_steps: Callable[[str], Steps],
    ) -> None:
        self._wsgi_app = wsgi_app
        self._complete_headers = complete_headers
        self._metrics = metrics
        self._make_steps = make_steps

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        # No secret, and not asking the system for randomness saves a call for each request.
        own = f"{random.getrandbits(64):016x}"
        seen = self._make_steps(given if _REQUEST_ID.fullmatch(given) else own)
        environ[_ENVIRON_NAME] = seen

        is_stream = False

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            nonlocal is_stream
            self._complete_headers(environ, headers)
            headers += _headers_of(seen)
            total_s = time.perf_counter() - seen.started_s
            length = next((value for name, value in headers if name == "Content-Length"), "-")
            if access_log.isEnabledFor(logging.INFO):
                _log(seen, environ["REQUEST_METHOD"], status[:3], length, total_s)
            if UNCOUNTED not in environ:
                self._count(seen, environ["REQUEST_METHOD"], status[:3], length, total_s)
                is_stream = length == "-" and status.startswith("2")
            return start_response(status, headers, exc_info)

        body = self._wsgi_app(environ, start)
        if not is_stream:
            return body
        return _CountedBody(body, lambda length: self._metrics.count_sent(seen.route, length))

    def _count(self, seen: Steps, method: str, status: str, length: str, total_s: float) -> None:
        outcome = seen.facts.get("cache")
        self._metrics.count_request(
            seen.route,
            method,
            status,
            int(length) if length != "-" and method != "HEAD" else 0,
            total_s,
            seen.seconds,
            None if outcome is None else str(outcome),
            seen.calls,
        )


class _CountedBody:
    """A body of which nobody knew the length before; tells it when it ends, also before its end."""

    def __init__(self, body: Iterable[bytes], tell: Callable[[int], None]) -> None:
        self._body = body
        self._tell = tell
        self._length = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._body:
            self._length += len(part)
            yield part

    def close(self) -> None:
        """End the body."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._tell(self._length)


def _headers_of(seen: Steps) -> Headers:
    headers = [("X-Request-ID", seen.request_id)]
    if "cache" in seen.facts:
        headers.append(("X-Cache", str(seen.facts["cache"])))
    if seen.seconds:
        timings = [f"{name};dur={s * 1000:.2f}" for name, s in seen.seconds.items()]
        headers.append(("Server-Timing", ", ".join(timings)))
    return headers


def _log(seen: Steps, method: str, status: str, length: str, total_s: float) -> None:
    fields: dict[str, object] = {
        "request_id": seen.request_id,
        "method": method,
        "route": seen.route,
        "status": int(status),
        "bytes": int(length) if length != "-" else None,
        "total_ms": round(total_s * 1000, 1),
        **{f"{name}_ms": round(s * 1000, 1) for name, s in seen.seconds.items()},
    }
    if seen.calls:
        fields["ice_calls"] = sum(seen.calls.values())
    log_fields(access_log, fields | seen.facts)
