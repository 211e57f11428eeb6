"""Hosts tell each other through a real Redis what changed, and make up for what they missed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.changes.change_relay import ChangeRelay
from app.changes.freshness import Freshness
from app.host_lock import HostLock
from tests.app.apart import server_apart
from tests.app.conftest import FLAT, ImageServer
from tests.support.servers import start_redis

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def image_server(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageServer]:
    with server_apart(image_server, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[int, subprocess.Popen]]:
    with start_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


class Host:
    """One process of a host: what it remembers goes by `freshness`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.freshness = Freshness(folder / "freshness")
        url = f"redis://127.0.0.1:{port}/0"
        self.relay = ChangeRelay(url, self.freshness, HostLock(folder / "relay.lock"))
        before = self.generation(0)
        self.relay.start()
        # The first thing that it does when it listens is to outdate what it may have missed.
        self.wait_for(0, before)

    def generation(self, image_id: int) -> tuple[int, int]:
        return self.freshness.generation(image_id)

    def wait_for(self, image_id: int, before: tuple[int, int]) -> None:
        until = time.monotonic() + PATIENCE_S
        while self.generation(image_id) == before:
            assert time.monotonic() < until, f"nothing was heard of image {image_id}"
            time.sleep(0.01)

    def close(self) -> None:
        self.relay.close()
        self.freshness.close()


@pytest.fixture
def make_host(redis_server, tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    hosts = []

    def make(name: str) -> Host:
        hosts.append(Host(tmp_path / name, redis_server[0]))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


def test_what_one_host_changes_all_hear(make_host):
    here, there = make_host("here"), make_host("there")
    before = {image_id: there.generation(image_id) for image_id in (5, 6, 7)}
    here.relay.touch([5, 7])
    there.wait_for(5, before[5])
    there.wait_for(7, before[7])
    assert there.generation(6) == before[6]
    here.relay.touch_all()
    there.wait_for(6, before[6])


def test_here_it_counts_at_once(make_host):
    here = make_host("here")
    before = here.generation(5)
    here.relay.touch(iter([5]))
    assert here.generation(5) != before


def test_what_was_missed_while_redis_was_away_is_made_up_for(make_host, redis_server, caplog):
    here, there = make_host("here"), make_host("there")
    _, process = redis_server
    before = there.generation(9)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        here.relay.touch([9])
        assert time.monotonic() - started_s < PATIENCE_S / 2
        assert here.generation(9) != before
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert "Redis does not pass on" in caplog.text
    # The next change of any image takes along what is owed.
    here.relay.touch([10])
    there.wait_for(9, before)


def test_something_unreadable_outdates_everything(make_host, redis_server):
    import redis

    there = make_host("there")
    client = redis.Redis(port=redis_server[0])
    for text in ("{", '["x"]', "7"):
        before = there.generation(3)
        client.publish("blitzrender:changed", text)
        there.wait_for(3, before)
    client.close()


def test_settings_saved_on_one_host_are_seen_on_the_other(make_gateway, redis_server):
    url = f"redis://127.0.0.1:{redis_server[0]}/1"
    hosts = [make_gateway(image_info_max_age_s=1000, cache_redis_url=url) for _ in range(2)]
    here, there = hosts
    image = here.ids[FLAT]
    path = f"render_thumbnail/{image}/"
    for start in (10, 20, 30):
        settings = f"c=1|{start}:200$00FF00&m=c"
        assert here.client.post(f"/webgateway/saveImgRDef/{image}/?{settings}").data == b"true"
        etag = here.get(path).headers["ETag"]
        until = time.monotonic() + PATIENCE_S
        while there.get(path).headers["ETag"] != etag:
            assert time.monotonic() < until
            time.sleep(0.01)
