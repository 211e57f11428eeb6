"""Metrics of a running service: all workers together, through a reload, and cleaned up after."""

import re
import signal
import time
import urllib.request
from collections.abc import Callable

import pytest

from tests.support import service
from tests.support.service import PROJECT

pytestmark = pytest.mark.slow


def test_all_workers_count_together_through_a_reload(tmp_path):
    with service.running(PROJECT / "samples", tmp_path, workers=2) as running:
        # Each on a connection of its own, so that both workers get some.
        for _ in range(40):
            running.get_json("/webgateway/luts/")
        _wait_until(lambda: _gauge(running, "blitzrender_workers") == 2)
        _wait_until(lambda: _counted(running) == 40)
        running.master.send_signal(signal.SIGHUP)
        old = {child.pid for child in running.master.children()} - {running.image_server().pid}
        _wait_until(lambda: not {child.pid for child in running.master.children()} & old)
        running.get_json("/webgateway/luts/")
        _wait_until(lambda: _counted(running) == 41)
        _wait_until(lambda: _gauge(running, "blitzrender_workers") == 2)
        assert len(list((tmp_path / "metrics").iterdir())) == 1
    assert list((tmp_path / "metrics").iterdir()) == []


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def _gauge(running: service.Service, name: str) -> float:
    found = re.search(rf"^{name} (.*)$", _scrape(running), re.M)
    return float(found.group(1)) if found else 0.0


def _counted(running: service.Service) -> float:
    pattern = r'^blitzrender_requests_total\{.*route="metadata.luts".*\} (.*)$'
    return sum(float(value) for value in re.findall(pattern, _scrape(running), re.M))


def _scrape(running: service.Service) -> str:
    with urllib.request.urlopen(running.url("/metrics"), timeout=30) as answer:
        return answer.read().decode()
