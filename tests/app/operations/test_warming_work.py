"""Warming up as a job: what it makes, who may ask, and that it leaves its place to others."""

import time

import pytest

from app.jobs.kinds import Kind, Made
from app.jobs.records import Job, State
from app.jobs.runner import JobRunner
from app.jobs.store import JobStore
from app.settings import load_settings
from app.web import parts_of
from tests.app.conftest import FLAT, PYRAMID
from tests.app.downloads.test_export_jobs import dataset_of


def over(gateway, address: str):
    until_s = time.monotonic() + 60
    while (told := gateway.client.get(address).get_json())["state"] in ("queued", "running"):
        assert time.monotonic() < until_s, told
        time.sleep(0.02)
    return told


def test_pictures_are_there_before_anybody_asks(make_gateway, image_server):
    # Directly, also where other tests go through a router, as a public user does.
    gateway = make_gateway(image_server_port=image_server.port)
    dataset = dataset_of(gateway, PYRAMID)
    asked = gateway.client.post("/webgateway/jobs/", data={"dataset": dataset, "levels": 1})
    assert asked.status_code == 202, asked.get_data(as_text=True)
    told = over(gateway, asked.headers["Location"])
    assert (told["state"], told["kind"], told["image"]) == ("done", "warm", None)
    first = gateway.client.get(told["result"])
    result = first.get_json()
    assert (result["images"], result["there"], result["failed"]) == (3, 0, 0)
    for path in (
        f"render_thumbnail/{gateway.ids[FLAT]}/",
        f"render_image/{gateway.ids[FLAT]}/",
        f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=2,0,0",
    ):
        assert gateway.get(path).headers["X-Cache"] == "hit", path
    # Asked for again it looks again, since what is kept may have gone.
    again = gateway.client.post("/webgateway/jobs/", data={"dataset": dataset, "levels": 1})
    told = over(gateway, again.headers["Location"])
    held = {"If-None-Match": first.headers["ETag"]}
    second = gateway.client.get(told["result"], headers=held).get_json()
    assert (second["made"], second["there"]) == (0, result["made"])
    assert gateway.client.post("/webgateway/jobs/", data={"project": 987654}).status_code == 404


@pytest.mark.parametrize(
    ("form", "parameter"),
    [
        ({}, "dataset"),
        ({"dataset": 1, "project": 1}, "dataset"),
        ({"dataset": "x"}, "dataset"),
        ({"dataset": 1, "levels": 21}, "levels"),
        ({"dataset": 1, "kind": "movie"}, "kind"),
    ],
)
def test_what_cannot_be_made_ahead_is_refused(gateway, form, parameter):
    response = gateway.client.post("/webgateway/jobs/", data=form)
    assert response.status_code == 400
    assert response.get_json()["parameter"] == parameter


def test_the_public_user_has_nothing_made_ahead(image_server, make_gateway):
    host = {"omero_host": "127.0.0.1", "omero_port": image_server.port, "omero_transport": "tcp"}
    gateway = make_gateway(**host, omero_user="local", omero_password="local")
    assert gateway.client.post("/webgateway/jobs/", data={"dataset": 1}).status_code == 403


def test_work_that_gives_way_goes_on_after_what_waits(gateway, tmp_path):
    settings = load_settings(env_file=None, cache_dir=tmp_path)
    store = JobStore(settings)
    ended: list[str] = []

    def long(call, job, folder, report):
        until_s = time.monotonic() + 30
        while "quick" not in ended:
            assert time.monotonic() < until_s
            report(0.5)
            time.sleep(0.01)
        return quick(call, job, folder, report)

    def quick(call, job, folder, report):
        (folder / "x").write_bytes(b"1")
        ended.append(job.kind)
        return Made("x", "x", "text/plain")

    kinds = {"long": Kind(long, gives_way=True), "quick": Kind(quick)}
    runner = JobRunner(settings, store, parts_of(gateway.app).get, kinds)
    jobs = {
        kind: Job(digit * 32, kind, 1, None, {}, "fixed", ("1:local",), time.time())
        for kind, digit in (("long", "a"), ("quick", "b"))
    }
    store.submit(jobs["long"], None)
    runner.start()
    try:
        until_s = time.monotonic() + 30
        while (store.get("a" * 32) or jobs["long"]).percent != 50:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        store.submit(jobs["quick"], None)
        while not store.get("a" * 32).state.is_over:
            assert time.monotonic() < until_s + 60
            time.sleep(0.01)
    finally:
        runner.close()
    assert ended == ["quick", "long"]
    found = store.get("a" * 32)
    # To give way is no attempt that failed.
    assert found.state is State.DONE and found.attempts == 1
