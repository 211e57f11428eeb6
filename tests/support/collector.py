"""A collector of OpenTelemetry's spans: takes in OTLP over HTTP as real ones do."""

import contextlib
import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


class Collector:
    """A running collector."""

    def __init__(self) -> None:
        self._received: list[ExportTraceServiceRequest] = []
        self._lock = threading.Lock()
        self._answers = threading.Event()
        self._answers.set()
        self.paths: list[str] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector._take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address that services are told."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[dict[str, Any]]:
        """Give all spans that have come so far as plain values, ids in hexadecimal digits."""
        with self._lock:
            received = list(self._received)
        return [
            _plain(span, resource)
            for message in received
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, count: int, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Give the spans once there are so many, or when the time is over."""
        until = time.monotonic() + timeout_s
        while len(found := self.spans()) < count and time.monotonic() < until:
            time.sleep(0.05)
        return found

    def fall_silent(self) -> None:
        """Take in what comes, but answer nothing until `speak`."""
        self._answers.clear()

    def speak(self) -> None:
        """Answer again, and what has been waiting for it too."""
        self._answers.set()

    def stop(self) -> None:
        """Close the port."""
        self.speak()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        message = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.paths.append(request.path)
            self._received.append(message)
        self._answers.wait(60)
        answer = ExportTraceServiceResponse().SerializeToString()
        with contextlib.suppress(OSError):
            request.send_response(200)
            request.send_header("Content-Type", "application/x-protobuf")
            request.send_header("Content-Length", str(len(answer)))
            request.end_headers()
            request.wfile.write(answer)


@contextlib.contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector on a free port while the block lasts."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.stop()


def _plain(span: Span, resource: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        "begun": span.start_time_unix_nano,
        "ended": span.end_time_unix_nano,
        "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
        "attributes": _values(span.attributes),
        "events": [
            {"name": event.name, "attributes": _values(event.attributes)} for event in span.events
        ],
        "resource": _values(resource.resource.attributes),
    }


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
