"""`flask cache warm`."""

import re

import pytest

from app.pictures import PictureKey
from app.web import parts_of
from tests.app.conftest import FLAT, PYRAMID


@pytest.fixture
def service(make_gateway):
    gateway = make_gateway()
    [project] = gateway.get("proj/list/").get_json()
    [dataset] = [
        dataset
        for dataset in gateway.get(f"proj/{project['id']}/children/").get_json()
        if gateway.ids[PYRAMID]
        in [image["id"] for image in gateway.get(f"dataset/{dataset['id']}/children/").get_json()]
    ]

    def run(*arguments):
        return gateway.app.test_cli_runner().invoke(args=["cache", "warm", *arguments])

    return gateway, project["id"], dataset["id"], run


def outcome(result):
    found = re.search(r"(\d+) images: (\d+) pictures made, (\d+) were there\n", result.output)
    assert result.exit_code == 0 and found, result.output
    return tuple(map(int, found.groups()))


def test_what_is_warmed_is_what_viewers_ask_for_and_a_second_run_makes_nothing(service):
    gateway, _, dataset, run = service
    images, made, there = outcome(run("--dataset", str(dataset), "--levels", "2", "--jobs", "3"))
    # Each has a thumbnail; two are whole pictures, and the pyramid has tiles.
    assert (images, there) == (3, 0)
    assert made > 3 + 2 + 2
    assert outcome(run("--dataset", str(dataset), "--levels", "2")) == (3, 0, made)
    for path in (
        f"render_thumbnail/{gateway.ids[FLAT]}/",
        f"render_image/{gateway.ids[FLAT]}/",
        f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=2,0,0",
        f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=1,0,0",
    ):
        assert gateway.get(path).headers["X-Cache"] == "hit", path
    full_size = gateway.get(f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=0,0,0")
    assert full_size.headers["X-Cache"] in ("miss", "raw")


def test_a_run_that_was_stopped_goes_on_where_it_was(service):
    gateway, project, _, run = service
    thumbnail = gateway.get(f"render_thumbnail/{gateway.ids[PYRAMID]}/")
    pictures = parts_of(gateway.app).get().pictures
    assert pictures.flush(20)
    etag = thumbnail.headers["ETag"].strip('"')
    assert pictures.holds(PictureKey(gateway.ids[PYRAMID], etag, "thumbnails"))
    images, made, there = outcome(run("--project", str(project), "--levels", "0"))
    assert images > 3
    assert (made, there) == (images - 1, 1)


def test_what_cannot_be_warmed_is_told(service, make_gateway):
    _, _, dataset, run = service
    assert run().exit_code == 2
    missing = run("--dataset", "987654")
    assert missing.exit_code == 1 and "987654" in missing.output
    assert run("--dataset", str(dataset), "--server", "2").exit_code == 2
    small = make_gateway(max_raw_bytes=10)
    failed = small.app.test_cli_runner().invoke(args=["cache", "warm", "--dataset", str(dataset)])
    assert failed.exit_code == 1
    assert "3 images failed" in failed.output and "max_raw_bytes" in failed.output
