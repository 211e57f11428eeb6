"""/healthz and /readyz: what they touch, and what they say when a part fails."""

import shutil

import pytest

from app.web import parts_of
from tests.app.conftest import asked_by_the_host, start_image_server, stop


def test_a_ready_service_says_so_for_each_part(gateway):
    answer = asked_by_the_host(gateway)
    told = answer.get_json()
    assert (answer.status_code, told["status"]) == (200, "ok")
    assert set(told["parts"]) == {"source", "cache", "workers"}
    assert all(part["ok"] and part["ms"] >= 0 for part in told["parts"].values())
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.slow
def test_it_says_which_part_fails(make_gateway, image_server, tmp_path):
    process, port = start_image_server(image_server.folder, tmp_path / "index")
    gateway = make_gateway(image_server_port=port, ready_timeout_s=3.0)
    assert asked_by_the_host(gateway).status_code == 200
    stop(process)
    answer = asked_by_the_host(gateway)
    told = answer.get_json()
    assert (answer.status_code, told["status"]) == (503, "failing")
    assert {name for name, part in told["parts"].items() if not part["ok"]} == {"source"}
    assert told["parts"]["source"]["detail"]
    assert told["parts"]["source"]["circuit"] == "closed"
    for _ in range(2):  # three failures in a row open it
        told = asked_by_the_host(gateway).get_json()
    assert told["parts"]["source"]["circuit"] == "open"
    assert answer.headers["Retry-After"]
    # The process itself is well.
    assert gateway.client.get("/healthz").status_code == 200


def test_workers_that_are_gone_and_a_cache_that_is_gone_are_told(make_gateway, tmp_path):
    gateway = make_gateway(cache_dir=tmp_path / "cache")
    parts = parts_of(gateway.app).get()
    parts.worker.close()
    parts.pictures.close()
    shutil.rmtree(tmp_path / "cache" / "pictures")
    told = asked_by_the_host(gateway).get_json()["parts"]
    assert told["source"]["ok"] and not told["workers"]["ok"] and not told["cache"]["ok"]


def test_without_a_disk_cache_there_is_nothing_to_fail(make_gateway):
    assert asked_by_the_host(make_gateway(cache_max_bytes=0)).status_code == 200
