"""Reloading, replacing and killing worker processes while clients ask on."""

import contextlib
import os
import signal
import time
import urllib.request
from collections.abc import Callable

import psutil
import pytest

from tests.support import service
from tests.support.asking import Asking, Heard
from tests.support.service import PROJECT, Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WORKERS, CLIENTS = 2, 4
WORKER_CLASSES = ("gevent", "gthread")


class Clients:
    """Clients that ask for pictures nobody made before, and count what they hear."""

    def __init__(self, running: Service) -> None:
        self._image_id = running.image_ids(6)["worms.ome.tif"]
        self.answered = 0
        #: When, and what was heard instead of a picture.
        self.failed: list[tuple[float, str]] = []
        self.going_on = Asking(running.port, CLIENTS, self._path_of, self._count).going_on

    def _path_of(self, client: int, count: int) -> str:
        path = f"/webgateway/render_image_region/{self._image_id}/0/0/?region=0,0,64,64"
        return f"{path}&c=1|{client}.{count:06}:4000$FFFFFF"

    def _count(self, heard: Heard) -> None:
        if heard.status == 200 and heard.body.startswith(b"\xff\xd8"):
            self.answered += 1
        else:
            at_s = heard.at_s + heard.took_s
            self.failed.append((at_s, f"{heard.status} {heard.body[:200]!r}"))


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_a_reload_and_a_killed_worker_under_load(tmp_path, worker_class):
    config = tmp_path / "blitzrender.toml"
    config.write_text('x_frame_options = "DENY"\n')
    settings = {"workers": WORKERS, "worker_class": worker_class, "config": config}
    with service.running(PROJECT / "samples", tmp_path, **settings) as running:
        log = tmp_path / "service.log"
        family = [running.master, *running.master.children(recursive=True)]
        asking = Clients(running)
        with asking.going_on():
            _after_some_more(asking)
            before = _workers(running)
            assert _frames(running) == "DENY"
            config.write_text('x_frame_options = "SAMEORIGIN"\n')
            running.master.send_signal(signal.SIGHUP)
            _wait_until(lambda: not before & _workers(running), 40)
            _wait_until(lambda: len(_workers(running)) == WORKERS, 20)
            _after_some_more(asking)
            assert asking.failed == []
            assert _frames(running) == "SAMEORIGIN"

            # A wrong value is told, and the old one stays.
            config.write_text('x_frame_options = "no"\n')
            before = _workers(running)
            running.master.send_signal(signal.SIGHUP)
            _wait_until(lambda: not before & _workers(running), 40)
            _wait_until(lambda: len(_workers(running)) == WORKERS, 20)
            _after_some_more(asking)
            assert asking.failed == []
            assert _frames(running) == "SAMEORIGIN"
            told = [line for line in log.read_text().splitlines() if "x_frame_options" in line]
            assert len(told) == 1 and "the settings stay as they were" in told[0]

            family += running.master.children(recursive=True)
            victim = min(_workers(running))
            os.kill(victim, signal.SIGKILL)
            killed_at = time.monotonic()
            _wait_until(lambda: victim not in _workers(running), 20)
            _wait_until(lambda: len(_workers(running)) == WORKERS, 20)
            _after_some_more(asking)
        # No more than what the killed one had in hand: each client has one request at a time.
        assert len(asking.failed) <= CLIENTS, asking.failed
        assert all(at - killed_at < 5 for at, _ in asking.failed), asking.failed
        assert len(_workers(running)) == WORKERS
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_workers_are_replaced_after_so_many_requests_and_nobody_notices(tmp_path, worker_class):
    settings = {"workers": WORKERS, "worker_class": worker_class, "max_requests": 150}
    with service.running(PROJECT / "samples", tmp_path, **settings) as running:
        first = _workers(running)
        seen = set(first)
        asking = Clients(running)
        with asking.going_on():
            until = time.monotonic() + 60
            while len(seen - first) < WORKERS + 1:
                assert time.monotonic() < until, (seen, asking.answered)
                time.sleep(0.05)
                seen |= _workers(running)
            _after_some_more(asking)
        assert asking.failed == []
        assert asking.answered > 100


def _frames(running: Service) -> str | None:
    """Give what a setting has the service say."""
    with urllib.request.urlopen(running.url("/healthz"), timeout=30) as answer:
        return answer.headers["X-Frame-Options"]


def _workers(running: Service) -> set[int]:
    """Give the ids of the worker processes that are alive."""
    found = set()
    for child in running.master.children():
        with contextlib.suppress(psutil.Error):
            if "imageserver" not in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found


def _after_some_more(asking: Clients) -> None:
    """Wait until the clients have had some more answers."""
    enough = asking.answered + 60
    _wait_until(lambda: asking.answered >= enough or len(asking.failed) > CLIENTS, 60)


def _wait_until(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
