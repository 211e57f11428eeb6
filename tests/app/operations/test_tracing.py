"""Spans of requests, as a collector gets them over HTTP, and nothing of them where they are off."""

import subprocess
import sys
from pathlib import Path

import pytest

from app import create_app
from app.operations.traces import end
from app.settings import SettingsError, load_settings
from app.web import parts_of
from render.errors import Overloaded
from tests.app.conftest import FLAT, STACK
from tests.support.collector import running_collector

pytestmark = pytest.mark.without_nginx("spans end a moment after NGINX has passed the answer on")

PROJECT = Path(__file__).parent.parent.parent.parent
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "asked-by-test"}


@pytest.fixture
def collector():
    with running_collector() as collector:
        yield collector


def ask(gateway, path, **headers):
    """Ask and read to the end, as servers do, which close a body that they have sent."""
    return gateway.client.get(path, headers=headers, buffered=True)


def spans_of(collector, gateway) -> list[dict]:
    """Give what has arrived once all was sent."""
    end(gateway.app)
    return collector.spans()


def test_a_request_and_its_steps_are_spans_of_the_trace_that_it_belongs_to(make_gateway, collector):
    gateway = make_gateway(traces_endpoint=collector.url)
    image = gateway.ids[STACK]
    path = f"/webgateway/render_image/{image}/0/0/?c=1|0:99$FF0000&m=c&password=hunter2"
    answer = ask(gateway, path, **SAMPLED)
    assert answer.status_code == 200
    spans = [span for span in spans_of(collector, gateway) if span["trace"] == TRACE]
    [root] = [span for span in spans if span["parent"] == PARENT]
    assert root["name"] == "GET images.render_image" and root["kind"] == "SERVER"
    told = root["attributes"]
    assert told["blitzrender.request_id"] == "asked-by-test"
    assert (told["http.request.method"], told["http.response.status_code"]) == ("GET", 200)
    assert told["url.path"] == f"/webgateway/render_image/{image}/0/0/"
    assert (told["blitzrender.image"], told["blitzrender.cache"]) == (image, "miss")
    assert "hunter2" not in str(spans)
    steps = {span["name"]: span for span in spans if span is not root}
    assert {"access", "info", "cache", "read", "render"} <= set(steps)
    for step in steps.values():
        assert step["parent"] in {span["id"] for span in spans}
        assert root["begun"] <= step["begun"] <= step["ended"] <= root["ended"]
    assert steps["read"]["ended"] <= steps["render"]["begun"]
    assert any(event["name"] == "Ice call" for event in steps["read"]["events"])
    assert root["resource"]["service.name"] == "blitzrender"


def test_what_is_at_hand_fails_or_streams_has_a_span_too(make_gateway, collector, caplog):
    gateway = make_gateway(traces_endpoint=collector.url)
    one, other = gateway.ids[STACK], gateway.ids[FLAT]
    path = f"/webgateway/render_image/{one}/0/0/"
    missing_path, stream_path = "/webgateway/render_image/987654/", "/webgateway/download_as/"
    ask(gateway, f"{path}?c=1|0:98$FF0000&m=c")
    with caplog.at_level("INFO", "blitzrender.access"):
        ask(gateway, f"{path}?c=1|0:98$FF0000&m=c")
    [line] = [record.getMessage() for record in caplog.records]
    ask(gateway, missing_path)
    ask(gateway, f"{stream_path}?image={one}&image={other}&format=png")
    roots: dict[str, list[dict]] = {}
    for span in spans_of(collector, gateway):
        if not span["parent"]:
            roots.setdefault(span["attributes"]["url.path"], []).append(span)
    first, second = roots[path]
    outcomes = [span["attributes"]["blitzrender.cache"] for span in (first, second)]
    assert outcomes == ["miss", "hit"]
    # The log tells which trace a request was in.
    assert f"trace_id={second['trace']}" in line
    [missing] = roots[missing_path]
    assert (missing["attributes"]["http.response.status_code"], missing["status"]) == (404, "UNSET")
    [stream] = roots[stream_path]
    assert stream["name"] == "GET downloads.download_as"


def test_a_fault_is_told(make_gateway, collector, monkeypatch):
    gateway = make_gateway(traces_endpoint=collector.url)

    def refuse(*_):
        raise Overloaded("too many wait")

    monkeypatch.setattr(parts_of(gateway.app).get().worker, "submit", refuse)
    ask(gateway, f"/webgateway/render_image/{gateway.ids[STACK]}/0/0/?c=2|0:97$FF0000&m=c")
    spans = spans_of(collector, gateway)
    [root] = [s for s in spans if s["attributes"].get("http.response.status_code") == 503]
    assert root["status"] == "ERROR"
    [step] = [s for s in spans if s["parent"] == root["id"] and s["status"] == "ERROR"]
    assert step["name"] == "render"


def test_who_asks_decides_whether_a_trace_is_kept(make_gateway, collector):
    gateway = make_gateway(traces_endpoint=collector.url)
    ask(gateway, "/healthz", traceparent=f"00-{TRACE}-{PARENT}-00")
    ask(gateway, "/healthz", traceparent="rubbish")
    spans = [s for s in spans_of(collector, gateway) if s["name"] == "GET service.healthz"]
    assert [span["parent"] for span in spans] == [""]
    assert all(span["trace"] != TRACE for span in spans)


def test_a_collector_that_is_away_fails_nothing(make_gateway, collector):
    collector.stop()
    gateway = make_gateway(traces_endpoint=collector.url)
    for _ in range(3):
        assert ask(gateway, "/healthz").status_code == 200
    end(gateway.app)


def test_nothing_is_imported_while_it_is_off(tmp_path):
    code = (
        "import sys\nfrom app import create_app\nfrom app.settings import load_settings\n"
        "create_app(load_settings(env_file=None, cache_dir=sys.argv[1]))\n"
        # Other packages may look at opentelemetry by themselves, as redis does.
        "found = [name for name in sys.modules if name.startswith('opentelemetry.exporter')]\n"
        "assert not found and 'app.operations.tracing' not in sys.modules, found\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "ftp://collector", "http://"])
def test_a_collectors_address_is_looked_at_before_the_start(address):
    with pytest.raises(SettingsError, match="traces_endpoint"):
        load_settings(env_file=None, traces_endpoint=address)


def test_missing_packages_are_told_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "app.operations.tracing", None)
    settings = load_settings(
        env_file=None, cache_dir=tmp_path, traces_endpoint="http://127.0.0.1:4318"
    )
    with pytest.raises(SettingsError, match=r"requirements-otel\.txt"):
        create_app(settings)
