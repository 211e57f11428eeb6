"""Spans of the whole service: workers of gunicorn send them beside what they answer."""

import time
import urllib.request
from collections import Counter

import pytest

from tests.support import service
from tests.support.collector import running_collector

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def ask(running, path):
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    request = urllib.request.Request(running.url(path), headers=headers)
    started = time.monotonic()
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
    return time.monotonic() - started


def test_workers_send_spans_beside_what_they_answer_and_the_last_ones_when_they_end(tmp_path):
    settings = {"workers": 2, "worker_class": "gevent"}
    with running_collector() as collector:
        settings["traces_endpoint"] = collector.url
        with service.running(service.PROJECT / "samples", tmp_path, **settings) as running:
            image_id = next(iter(running.image_ids(6).values()))
            for side in range(40, 60):
                ask(running, f"/webgateway/render_thumbnail/{image_id}/{side}/")
            # Sent while the service runs, not only when it ends.
            assert collector.wait_for(20)
            collector.fall_silent()
            took_s = [ask(running, "/healthz") for _ in range(200)]
            # Much less than the sender waits for an answer.
            assert max(took_s) < 2.0
            collector.speak()
            ask(running, "/readyz")
        spans = collector.spans()
    roots = Counter(span["name"] for span in spans if span["parent"] == PARENT)
    assert roots["GET thumbnails.thumbnail"] == 20
    assert roots["GET service.readyz"] == 1, roots
    assert set(collector.paths) == {"/v1/traces"}
    served = {span["resource"]["process.pid"] for span in spans}
    assert 1 <= len(served) <= 2 and all(pid != running.master.pid for pid in served)
