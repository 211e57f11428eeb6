"""What is counted, who may read it, and that the reference tells all of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.operations.metrics import _BUCKETS_S, Metrics, describe_metrics
from app.operations.metrics_folder import MetricsFolder
from tests.app.conftest import FLAT, STACK

PROJECT = Path(__file__).parent.parent.parent.parent
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
FAR = {"REMOTE_ADDR": "192.0.2.7"}


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Give each sample's value by its name and its labels' values."""
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(gateway) -> dict[tuple[str, tuple[str, ...]], float]:
    # Not through NGINX, which gives them to nobody.
    answer = gateway.app.test_client().get("/metrics", environ_base=LOCAL)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert answer.headers["Cache-Control"] == "no-store"
    return samples(answer.get_data(as_text=True))


def test_requests_pictures_steps_calls_and_bytes_are_counted(make_gateway):
    gateway = make_gateway()
    before = scrape(gateway)
    path = f"render_image/{gateway.ids[STACK]}/0/0/?c=1|0:99$FF0000&m=c"
    first = gateway.get(path)
    gateway.get(path)
    gateway.client.head(f"/webgateway/{path}")
    gateway.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert gateway.get("render_image/987654/").status_code == 404
    after = scrape(gateway)

    def grown(name, *labels):
        key = (name, tuple(sorted(labels)))
        return after.get(key, 0) - before.get(key, 0)

    route = "images.render_image"
    assert grown("blitzrender_requests_total", route, "GET", "200") == 2
    assert grown("blitzrender_requests_total", route, "HEAD", "200") == 1
    assert grown("blitzrender_requests_total", route, "GET", "304") == 1
    assert grown("blitzrender_requests_total", route, "GET", "404") == 1
    assert grown("blitzrender_request_seconds_count", route) == 5
    assert grown("blitzrender_pictures_total", "miss") == 1
    assert grown("blitzrender_pictures_total", "hit") == 2
    assert grown("blitzrender_pictures_total", "not-modified") == 1
    assert grown("blitzrender_step_seconds_count", "render") == 1
    assert grown("blitzrender_step_seconds_count", "read") == 1
    # HEAD and 304 send no body.
    assert grown("blitzrender_sent_bytes_total", route) >= 2 * len(first.data)
    assert grown("blitzrender_sent_bytes_total", route) < 3 * len(first.data)
    # Twice found in memory; on disk it was looked for once, before it was drawn.
    assert grown("blitzrender_cache_hits_total", "pictures", "memory") == 2
    assert grown("blitzrender_cache_misses_total", "images", "disk") >= 1
    assert after["blitzrender_memory_cache_bytes", ("pictures",)] >= len(first.data)
    assert ("blitzrender_shared_cache_bytes", ("disk", "images")) in after
    calls = [name for name in after if name[0] == "blitzrender_ice_calls_total"]
    assert sum(after[name] - before.get(name, 0) for name in calls) > 0
    assert after["blitzrender_sessions", ()] >= 1
    assert after["blitzrender_workers", ()] == 1
    assert after["blitzrender_resident_bytes", ()] > 10_000_000


@pytest.mark.without_nginx("a stream ends a moment after NGINX has passed it on")
def test_streams_are_counted_as_far_as_they_were_sent(make_gateway):
    gateway = make_gateway()
    one, other = gateway.ids[STACK], gateway.ids[FLAT]
    path = f"/webgateway/download_as/?image={one}&image={other}&format=png"
    whole = gateway.client.get(path, buffered=True)
    assert "Content-Length" not in whole.headers and whole.status_code == 200
    key = ("blitzrender_sent_bytes_total", ("downloads.download_as",))
    sent = scrape(gateway)[key]
    assert sent == len(whole.data) > 1000
    # A client that leaves early.
    body, _, _ = run_wsgi_app(gateway.app, EnvironBuilder(path).get_environ())
    first = next(iter(body))
    body.close()
    assert scrape(gateway)[key] == sent + len(first) < 2 * sent
    gateway.client.head(path)
    gateway.get("nothing/")
    assert scrape(gateway)[key] < 2 * sent


def test_two_applications_count_apart():
    one, other = Metrics(), Metrics()
    one.count_request("-", "GET", "200", 5, 0.1, {}, "hit", {})
    assert samples(one.text().decode())["blitzrender_pictures_total", ("hit",)] == 1
    assert ("blitzrender_pictures_total", ("hit",)) not in samples(other.text().decode())


def test_counters_follow_what_counts_elsewhere():
    metrics = Metrics()
    for total in (3, 3, 5, 2):
        metrics.advance("blitzrender_cache_hits", "images", "disk", to=total)
    told = samples(metrics.text().decode())
    # 5 to 2: counted anew from nothing.
    assert told["blitzrender_cache_hits_total", ("disk", "images")] == 7


def test_durations_lie_in_the_buckets_that_prometheus_would_put_them_in():
    metrics, registry = Metrics(), CollectorRegistry()
    plain = Histogram("plain", "", registry=registry, buckets=_BUCKETS_S)
    for seconds in (0, 0.001, 0.0010001, 0.0025, 0.3, 30, 30.1, 1e6):
        metrics.count_request("-", "GET", "200", 0, seconds, {}, None, {})
        plain.observe(seconds)
    ours = samples(metrics.text().decode())
    theirs = samples(generate_latest(registry).decode())
    for end in ("count", "sum"):
        name = f"blitzrender_request_seconds_{end}"
        assert ours[name, ("-",)] == pytest.approx(theirs[f"plain_{end}", ()])
    buckets = {k[1][0]: v for k, v in theirs.items() if k[0] == "plain_bucket"}
    assert len(buckets) == len(_BUCKETS_S) + 1
    for bound, count in buckets.items():
        labels = tuple(sorted(("-", bound)))
        assert ours["blitzrender_request_seconds_bucket", labels] == count


def test_only_known_methods_are_told_apart():
    metrics = Metrics()
    for method in ("GET", "BREW", "X" * 99):
        metrics.count_request("-", method, "405", 0, 0.1, {}, None, {})
    told = samples(metrics.text().decode())
    assert told["blitzrender_requests_total", tuple(sorted(("-", "other", "405")))] == 2


@pytest.mark.without_nginx("says itself who is connected, and NGINX gives them to nobody")
@pytest.mark.parametrize(
    ("environ", "headers", "status"),
    [
        (LOCAL, {}, 200),
        ({"REMOTE_ADDR": "::1"}, {}, 200),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, {}, 200),
        (FAR, {}, 403),
        # Through a proxy on this host: the client's address counts.
        (LOCAL, {"X-Forwarded-For": "192.0.2.7"}, 403),
        (LOCAL, {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}, 403),
        (LOCAL, {"X-Real-IP": "192.0.2.7"}, 403),
        (LOCAL, {"X-Forwarded-For": "unknown"}, 403),
        (FAR, {"X-Forwarded-For": "127.0.0.1"}, 403),
        (FAR, {"Authorization": "Bearer s3cret"}, 200),
        (FAR, {"Authorization": "Bearer s3cre"}, 403),
        (FAR, {"Authorization": "Bearer "}, 403),
        (FAR, {"Authorization": "s3cret"}, 403),
    ],
)
def test_who_may_read_them(make_gateway, environ, headers, status):
    gateway = make_gateway(metrics_token="s3cret")
    answer = gateway.client.get("/metrics", environ_base=environ, headers=headers)
    assert answer.status_code == status


@pytest.mark.without_nginx("says itself who is connected, and NGINX gives them to nobody")
def test_without_a_token_none_opens_them_and_networks_are_a_setting(make_gateway):
    gateway = make_gateway(metrics_allowed=("192.0.2.0/24",))
    for value in ("Bearer ", "Bearer None", ""):
        headers = {"Authorization": value}
        answer = gateway.client.get("/metrics", environ_base=LOCAL, headers=headers)
        assert answer.status_code == 403
    assert gateway.client.get("/metrics", environ_base=FAR).status_code == 200


def test_the_reference_tells_every_metric():
    text = (PROJECT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(blitzrender_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", text, re.M)
    told = {
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in rows
    }
    assert told == {(name, kind, labels, say) for name, kind, say, labels in describe_metrics()}
    series = {f"{name}{end}" for name, *_ in told for end in ("", "_bucket", "_sum", "_count")}
    for name in re.findall(r"blitzrender_\w+", text):
        assert name in series, name


SERVICE = """
import os, sys
from pathlib import Path
from app.operations.metrics import Metrics
from app.operations.metrics_folder import MetricsFolder

def work(number):
    process = os.fork()
    if process == 0:
        metrics = Metrics()
        for _ in range(number):
            metrics.count_request("-", "GET", "200", 7, 0.3, {"read": 0.2}, "hit", {})
        metrics.set("blitzrender_sessions", to=number)
        os.write(1, metrics.text() + b"# end of scrape\\n")
        os._exit(0)
    os.waitpid(process, 0)
    return process

Path(sys.argv[1], "lock").write_text(str(os.getpid()))
folder = MetricsFolder(Path(sys.argv[1]).parent, sys.argv[1])
workers = [work(1), work(2)]
for worker in workers:
    folder.forget(worker)
work(4)
"""


@pytest.mark.slow
def test_processes_add_up_and_what_an_ended_one_counted_stays(tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, str(folder)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    _, both, third, rest = (samples(text) for text in done.stdout.split("# end of scrape\n"))
    assert rest == {}
    assert both["blitzrender_pictures_total", ("hit",)] == 3
    assert both["blitzrender_sessions", ()] == 3
    assert both["blitzrender_step_seconds_count", ("read",)] == 3
    assert third["blitzrender_pictures_total", ("hit",)] == 7
    assert third["blitzrender_sessions", ()] == 4


def test_folders_of_dead_services_go_and_those_of_living_ones_stay(tmp_path):
    process = os.fork()
    if process == 0:
        MetricsFolder(tmp_path)
        os._exit(0)
    os.waitpid(process, 0)
    [dead] = tmp_path.iterdir()
    living = MetricsFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [living.path]
    # A configuration that is read again goes on with its folder, but not with somebody else's.
    assert MetricsFolder(tmp_path, str(living.path)).path == living.path
    other = MetricsFolder(tmp_path, str(dead))
    assert other.path not in (living.path, dead) and living.path.is_dir()
    living.remove()
    other.remove()
    assert list(tmp_path.iterdir()) == []
