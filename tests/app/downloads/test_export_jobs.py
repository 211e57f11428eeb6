"""Exports as jobs: the very bytes that are streamed, kept, for whoever may see the images."""

import io
import time
import zipfile
from dataclasses import replace

import pytest

from app.jobs.records import State
from app.web import parts_of
from tests.app.conftest import FLAT, PYRAMID, STACK


def job_of(gateway, path: str):
    """Ask for an export as a job and give what is told of it once it is over."""
    response = gateway.get(path)
    assert response.status_code == 202, response.get_data(as_text=True)
    address = response.headers["Location"]
    assert response.get_json()["url"] == address
    until_s = time.monotonic() + 60
    while True:
        told = gateway.client.get(address).get_json()
        if told["state"] not in ("queued", "running"):
            return told
        assert time.monotonic() < until_s, told
        time.sleep(0.02)


def dataset_of(gateway, name: str) -> int:
    [project] = gateway.get("proj/list/").get_json()
    for dataset in gateway.get(f"proj/{project['id']}/children/").get_json():
        listed = gateway.get(f"dataset/{dataset['id']}/children/").get_json()
        if gateway.ids[name] in [image["id"] for image in listed]:
            return dataset["id"]
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("render_ome_tiff/i/{}/", PYRAMID),
        ("export/{}/?region=5,6,30,20&z=1:2&c=2", STACK),
        ("export/{}/?t=1&format=tif", STACK),
    ],
)
def test_a_job_makes_the_very_file_that_is_streamed(gateway, path, name):
    path = path.format(gateway.ids[name])
    streamed = gateway.get(path)
    told = job_of(gateway, f"{path}{'&' if '?' in path else '?'}async=true")
    assert (told["state"], told["percent"], told["kind"]) == ("done", 100, "export")
    assert (told["image"], told["size"]) == (gateway.ids[name], len(streamed.data))
    result = gateway.client.get(told["result"])
    assert result.data == streamed.data
    for header in ("ETag", "Content-Type", "Content-Disposition"):
        assert result.headers[header] == streamed.headers[header]
    rest = gateway.client.get(told["result"], headers={"Range": "bytes=100-"})
    assert rest.status_code == 206 and rest.data == streamed.data[100:]
    # Asked for again, it is there.
    assert gateway.get(f"{path}{'&' if '?' in path else '?'}async=true").data == streamed.data


def test_an_archive_by_a_job_can_be_resumed(gateway):
    dataset = dataset_of(gateway, PYRAMID)
    path = f"render_ome_tiff/d/{dataset}/"
    streamed = gateway.get(path)
    told = job_of(gateway, f"{path}?async=true")
    result = gateway.client.get(told["result"])
    assert result.headers["Content-Disposition"] == streamed.headers["Content-Disposition"]
    with (
        zipfile.ZipFile(io.BytesIO(result.data)) as made,
        zipfile.ZipFile(io.BytesIO(streamed.data)) as expected,
    ):
        assert made.testzip() is None and len(made.namelist()) == 3
        assert {n: made.read(n) for n in made.namelist()} == {
            n: expected.read(n) for n in expected.namelist()
        }
    rest = gateway.client.get(told["result"], headers={"Range": "bytes=1000-1999"})
    assert rest.status_code == 206 and rest.data == result.data[1000:2000]
    some = f"{path}?selection={gateway.ids[PYRAMID]},{gateway.ids[FLAT]}&async=true"
    assert job_of(gateway, some)["id"] != told["id"]


def test_what_results_may_not_hold_is_streamed_only(make_gateway):
    gateway = make_gateway(jobs_kept_max_bytes=1000)
    path = f"export/{gateway.ids[STACK]}/"
    refused = gateway.get(f"{path}?async=true")
    assert refused.status_code == 413 and "jobs_kept_max_bytes" in refused.get_json()["message"]
    assert gateway.get(path).status_code == 200


def test_what_has_changed_since_is_not_passed_off_as_what_was_asked_for(make_gateway):
    gateway = make_gateway()
    jobs = parts_of(gateway.app).get().jobs
    path = f"export/{gateway.ids[STACK]}/?c=1"
    store = jobs._store
    known = store.get(job_of(gateway, f"{path}&async=true")["id"])
    other = replace(known, id="f" * 32, state=State.QUEUED, result=None, ended_s=None)
    store.submit(other, None)
    jobs._runner.wake()
    until_s = time.monotonic() + 60
    while not (found := store.get(other.id)).state.is_over:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    assert found.state is State.FAILED and "changed" in found.error
