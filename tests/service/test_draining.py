"""How a worker ends: at once where nothing runs, and not before what runs has been answered."""

import http.client
import os
import signal
import time

import pytest

from tests.support import service
from tests.support.service import PROJECT

pytestmark = pytest.mark.slow


def test_idle_connections_do_not_hold_up_the_end_and_running_requests_are_answered(tmp_path):
    settings = {"workers": 1, "keepalive_s": 60}
    with service.running(PROJECT / "samples", tmp_path, **settings) as running:
        worker = next(
            child for child in running.master.children() if "imageserver" not in child.cmdline()
        )
        image_id = running.image_ids(6)["worms.ome.tif"]
        idle, busy = (http.client.HTTPConnection("127.0.0.1", running.port) for _ in range(2))
        idle.request("GET", "/healthz")
        assert idle.getresponse().read()
        busy.connect()
        busy.request("GET", f"/webgateway/render_image/{image_id}/0/0/?c=1|0:777$FFFFFF")
        started = time.monotonic()
        os.kill(running.master.pid, signal.SIGTERM)
        answer = busy.getresponse()
        assert (answer.status, answer.read(2)) == (200, b"\xff\xd8")
        answer.read()
        worker.wait(30)
        took_s = time.monotonic() - started
        # Far below the graceful timeout of 15 s, also on a busy machine.
        assert took_s < 8
        assert idle.sock.recv(1) == b""
