"""Clients that hang up while their requests wait: the places that they held go to others."""

import socket
import time

import pytest

from benchmarks import storm
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CLIENTS = 12
#: Those who read from the server at that moment go on, and their answers are kept.
READING = 2


@pytest.mark.parametrize("worker_class", ["gevent", "gthread"])
def test_places_in_the_queue_are_free_long_before_the_deadline(worker_class: str):
    settings = {"worker_class": worker_class, "omero_stores_max": READING, "log_level": "info"}
    with storm.staged(PROJECT / "samples", request_deadline_s=60, **settings) as stage:
        running = stage.running
        image_id = running.image_ids(6)["worms.ome.tif"]
        path = f"/webgateway/render_image_region/{image_id}/0/0/?c=1|0:9$FFFFFF&region="
        running.get_json(f"/webgateway/imgData/{image_id}/")
        stage.proxy.delay(3)
        waiting = [_ask(running.port, f"{path}{number},0,64,64") for number in range(CLIENTS)]
        time.sleep(1)
        for connection in waiting:
            connection.close()
        left_at = time.monotonic()
        log = stage.cache_dir / "service.log"
        while (gone := log.read_text().count("status=499")) < CLIENTS - 2 * READING:
            assert time.monotonic() - left_at < 15, gone
            time.sleep(0.1)
        stage.proxy.heal()
        expected = storm.expected_answers(running, [f"{path}0,0,64,64"])
        assert len(expected) == 1


def _ask(port: int, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection
