"""The service as a set of processes: start, stop, faults, and a loop that never blocks."""

import json
import os
import signal
import statistics
import subprocess
import threading
import time
import urllib.error
import urllib.request

import psutil
import pytest
from PIL import Image

from imageserver.supervisor import free_port
from tests.support import service
from tests.support.service import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    # No raw pixels in memory: every picture that is not cached comes over Ice.
    settings = {"workers": 1, "raw_tiles_max_bytes": 0}
    cache_dir = tmp_path_factory.mktemp("cache")
    with service.running(PROJECT / "samples", cache_dir, **settings) as it:
        yield it


def test_every_sample_has_a_thumbnail(samples):
    ids = samples.image_ids(6)
    assert len(ids) == 6
    for image_id in ids.values():
        path = f"/webgateway/render_thumbnail/{image_id}/"
        with urllib.request.urlopen(samples.url(path), timeout=30) as answer:
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.read(2) == b"\xff\xd8"


def test_a_batch_has_the_same_thumbnails_as_are_given_alone(samples):
    ids = [*samples.image_ids(6).values(), 987654]
    query = "&".join(f"id={image_id}" for image_id in ids)
    batch = samples.get_json(f"/webgateway/get_thumbnails/?{query}")
    assert batch.pop("987654") is None and len(batch) == 6
    for image_id, url in batch.items():
        assert samples.get_json(f"/webgateway/get_thumbnail/{image_id}/") == url


def test_a_tile_as_large_as_the_image_is_given_whole(samples):
    image_id = samples.image_ids(6)["lung-histology-rgb.ome.tif"]
    path = f"/webgateway/render_image_region/{image_id}/0/0/"
    with urllib.request.urlopen(samples.url(f"{path}?tile=0,0,0,1600,1200"), timeout=30) as answer:
        assert Image.open(answer).size == (1600, 1200)


def test_a_killed_image_server_gives_503_and_is_back_within_five_seconds(samples):
    image_id = samples.image_ids(6)["speckles.ome.tif"]
    statuses = []
    back = threading.Event()

    def ask_on():
        start = 1
        while not back.is_set() and start < 2000:
            start += 1
            status, body = _status(
                samples, f"/webgateway/render_image/{image_id}/0/0/?c=1|{start}:4000$FFFFFF"
            )
            statuses.append((status, body))
            if status != 200:
                time.sleep(0.02)

    asking = [threading.Thread(target=ask_on) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        time.sleep(0.3)
        first = samples.image_server()
        assert first is not None
        first.kill()
        killed_at = time.monotonic()
        while True:
            path = f"/webgateway/render_image/{image_id}/0/0/?c=1|0:{time.monotonic()}$FFFFFF"
            second = samples.image_server()
            if second is not None and second.pid != first.pid and _status(samples, path)[0] == 200:
                break
            assert time.monotonic() - killed_at < 5
            time.sleep(0.05)
    finally:
        back.set()
        for thread in asking:
            thread.join()
    refused = [(status, body) for status, body in statuses if status != 200]
    assert refused, "nothing noticed that the image server was gone"
    assert {status for status, _ in refused} == {503}, refused[0]
    for _, body in refused:
        assert json.loads(body)["status"] == 503


def test_streaming_tiles_do_not_hold_up_another_request(samples):
    image_id = samples.image_ids(6)["lung-histology-rgb.ome.tif"]

    def tile(start):
        colors = f"1|{start}:255$FF0000,2|0:255$00FF00,3|0:255$0000FF"
        path = f"/webgateway/render_image_region/{image_id}/0/0/"
        return f"{path}?tile=0,0,0,1024,1024&c={colors}"

    for start in range(8):
        _status(samples, tile(f"0.{start}"))
    tile_s = statistics.median(_timed(samples, tile(f"1.{i}")) for i in range(10))
    idle_s = statistics.median(_timed(samples, "/healthz") for _ in range(50))
    stop = threading.Event()
    counts = []

    def stream(number):
        count = 0
        while not stop.is_set():
            status, _ = _status(samples, tile(f"{number}.{count:06}"))
            assert status == 200
            count += 1
        counts.append(count)

    streams = [threading.Thread(target=stream, args=(10 + i,)) for i in range(4)]
    for thread in streams:
        thread.start()
    time.sleep(0.5)
    busy_s = statistics.median(_timed(samples, "/healthz") for _ in range(100))
    stop.set()
    for thread in streams:
        thread.join()
    assert len(counts) == 4 and min(counts) > 0
    assert busy_s - idle_s < tile_s


def test_ctrl_c_leaves_no_process_behind(tmp_path):
    environment = os.environ | {
        "BLITZRENDER_PORT": str(free_port("127.0.0.1")),
        "BLITZRENDER_CACHE_DIR": str(tmp_path / "cache"),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROJECT / "script" / "server"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    family = _family_when_serving(process, int(environment["BLITZRENDER_PORT"]), tmp_path / "log")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


def test_a_killed_master_takes_the_image_server_along(tmp_path):
    environment = os.environ | {
        "BLITZRENDER_PORT": str(free_port("127.0.0.1")),
        "BLITZRENDER_CACHE_DIR": str(tmp_path / "cache"),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROJECT / "script" / "server"], env=environment, stdout=log, stderr=log
        )
    family = _family_when_serving(process, int(environment["BLITZRENDER_PORT"]), tmp_path / "log")
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive


def _family_when_serving(process, port, log):
    """Give all processes of a service that has just answered, the first one included."""
    until = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
    first = psutil.Process(process.pid)
    family = [first, *first.children(recursive=True)]
    assert any("imageserver" in member.cmdline() for member in family)
    return family


def _timed(running, path):
    started = time.perf_counter()
    assert _status(running, path)[0] == 200
    return time.perf_counter() - started


def _status(running, path):
    try:
        with urllib.request.urlopen(running.url(path), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
