"""Spans of requests and of their steps, sent to a collector by OTLP over HTTP.

A request's span goes on where a `traceparent` tells of one. Steps are noted while they run, which
costs little, and become spans when the answer has ended. What waits to be sent is bounded: when
the collector is slow or away, spans are lost and requests are not held up. `OTEL_…` variables of
the environment (sampler, resource, headers for the collector) mean what OpenTelemetry says.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.observe import UNCOUNTED, Headers, Steps, steps_of
from app.operations.logs import redact

_SERVICE = "blitzrender"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
#: Spans that are packed at a time, which the event loop has to wait for, and how long one waits.
_BATCH, _EVERY_MS = 64, 1000
#: What the collector may take, also at the end of a worker.
_SEND_S = 3.0

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass
class _Noted:
    """A step that began, within which one, and the calls that it made; times as `time_ns`."""

    name: str
    begun_ns: int
    within: "_Noted | None"
    ended_ns: int = 0
    failed: bool = False
    #: When each call ended, what it was for, and whether it failed.
    calls: list[tuple[int, str, bool]] = field(default_factory=list)


class TracedSteps(Steps):
    """Steps that also know when each one was, and within which other."""

    def __init__(self, request_id: str = "-") -> None:
        super().__init__(request_id)
        self.noted: list[_Noted] = []
        #: Calls outside of any step.
        self.other_calls: list[tuple[int, str, bool]] = []
        self._within: _Noted | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the body takes to step `name`, and note when it was."""
        here = _Noted(name, time.time_ns(), self._within)
        self.noted.append(here)
        self._within = here
        try:
            with super().step(name):
                yield
        except BaseException:
            here.failed = True
            raise
        finally:
            here.ended_ns = time.time_ns()
            self._within = here.within

    def count_call(self, step: str, failed: bool) -> None:
        """Count a call to OMERO's services, and note when it ended."""
        super().count_call(step, failed)
        calls = self.other_calls if self._within is None else self._within.calls
        calls.append((time.time_ns(), step, failed))


class Traces:
    """Makes spans of an application's requests, and sends them from each process by itself."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = f"{endpoint.rstrip('/')}/v1/traces"
        self._lock = threading.Lock()
        self._process_id = 0
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def around(self, wsgi_app: WsgiApp) -> Any:
        """Give the application with a span around each request."""

        def traced(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if UNCOUNTED in environ:
                return wsgi_app(environ, start_response)
            span = self._open_tracer().start_span(
                _method(environ), _PROPAGATOR.extract(environ, getter=_ENVIRON), SpanKind.SERVER
            )
            if not span.is_recording():
                return wsgi_app(environ, start_response)
            return _Request(self, span, environ).answered(wsgi_app, start_response)

        return traced

    def close(self) -> None:
        """Send what waits, and end; a later request begins anew."""
        with self._lock:
            provider, self._provider, self._tracer = self._provider, None, None
            if provider is not None and self._process_id == os.getpid():
                provider.shutdown()

    def tell_steps(self, span: Span, steps: TracedSteps) -> None:
        """Make a span below another one of each step."""
        tracer = self._open_tracer()
        spans: dict[int, Span] = {}
        for step in steps.noted:
            above = span if step.within is None else spans[id(step.within)]
            context = set_span_in_context(above)
            made = tracer.start_span(step.name, context, start_time=step.begun_ns)
            spans[id(step)] = made
            _tell_calls(made, step.calls)
            if step.failed:
                made.set_status(Status(StatusCode.ERROR))
            made.end(step.ended_ns or time.time_ns())
        _tell_calls(span, steps.other_calls)

    def _open_tracer(self) -> Tracer:
        tracer = self._tracer
        if tracer is not None and self._process_id == os.getpid():
            return tracer
        # Not before the first request: what sends is a thread, which no fork takes along.
        with self._lock:
            if self._tracer is None or self._process_id != os.getpid():
                self._provider = self._make_provider()
                self._tracer = self._provider.get_tracer(_SERVICE)
                self._process_id = os.getpid()
            return self._tracer

    def _make_provider(self) -> TracerProvider:
        told = OTELResourceDetector().detect()
        own: dict[str, Any] = {SERVICE_NAME: _SERVICE, "process.pid": os.getpid()}
        provider = TracerProvider(resource=Resource.create(own).merge(told), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(self._endpoint, timeout=_SEND_S)
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter, schedule_delay_millis=_EVERY_MS, max_export_batch_size=_BATCH
            )
        )
        return provider


class _Request:
    """One request's span, from its arrival to the end of its answer's body."""

    def __init__(self, traces: Traces, span: Span, environ: dict[str, Any]) -> None:
        self._traces = traces
        self._span = span
        self._environ = environ
        self._steps = steps_of(environ)
        self._status = ""
        self._steps.tell(trace_id=f"{span.get_span_context().trace_id:032x}")

    def answered(self, wsgi_app: WsgiApp, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            self._status = status[:3]
            return start_response(status, headers, exc_info)

        try:
            return _TracedBody(wsgi_app(self._environ, start), self._end)
        except BaseException:
            self._end(failed=True)
            raise

    def _end(self, failed: bool = False) -> None:
        steps, span, method = self._steps, self._span, _method(self._environ)
        span.update_name(f"{method} {steps.route}")
        facts = {name: value for name, value in steps.facts.items() if name != "trace_id"}
        told = {
            "http.request.method": method,
            # The query can hold what opens a session.
            "url.path": redact(self._environ.get("PATH_INFO", "")),
            "url.scheme": self._environ.get("wsgi.url_scheme", "http"),
            "blitzrender.request_id": steps.request_id,
            "blitzrender.route": steps.route,
            **{f"blitzrender.{name}": _plain(value) for name, value in facts.items()},
        }
        if self._status:
            told["http.response.status_code"] = int(self._status)
        span.set_attributes(told)
        if failed or self._status.startswith("5"):
            span.set_status(Status(StatusCode.ERROR))
        if isinstance(steps, TracedSteps):
            self._traces.tell_steps(span, steps)
        span.end()


class _TracedBody:
    """A body that tells of its end, also before its last part."""

    def __init__(self, body: Iterable[bytes], tell: Callable[[bool], None]) -> None:
        self._body = body
        self._tell: Callable[[bool], None] | None = tell
        self._failed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except GeneratorExit:
            raise
        except BaseException:
            self._failed = True
            raise

    def close(self) -> None:
        """End the body."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            tell, self._tell = self._tell, None
            if tell is not None:
                tell(self._failed)


class _EnvironGetter(Getter[Mapping[str, Any]]):
    """Finds a request's headers in its environment."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        value = carrier.get(f"HTTP_{key.upper().replace('-', '_')}")
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        return [name[5:].lower().replace("_", "-") for name in carrier if name.startswith("HTTP_")]


_ENVIRON = _EnvironGetter()
_PROPAGATOR = TraceContextTextMapPropagator()


def _method(environ: Mapping[str, Any]) -> str:
    method = str(environ["REQUEST_METHOD"])
    return method if method in _METHODS else "_OTHER"


def _tell_calls(span: Span, calls: Iterable[tuple[int, str, bool]]) -> None:
    for ended_ns, purpose, failed in calls:
        span.add_event("Ice call", {"for": purpose, "failed": failed}, ended_ns)


def _plain(value: object) -> str | bool | int | float:
    return value if isinstance(value, bool | int | float) else redact(str(value))
