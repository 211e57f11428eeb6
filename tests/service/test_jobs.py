"""Long work in the whole service: it survives the service's death, and is nobody else's."""

import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import requests
import tifffile

from tests.app.test_users_file import images_of, logged_in
from tests.support.lab import DRAFT, SLIDE, make_lab
from tests.support.service import Service, running

pytestmark = pytest.mark.slow

LONG, FRAMES = "long.ome.tif", 150
#: Noise, which takes an encoder its time.
PATH = "/webgateway/render_movie/{}/z/0/?c=1|0:255$FFFFFF&m=c&format=webm"


def write_long(folder: Path, name: str = LONG) -> None:
    planes = np.random.default_rng(5).integers(0, 255, (FRAMES, 160, 160), dtype=np.uint8)
    tifffile.imwrite(folder / name, planes, ome=True, metadata={"axes": "ZYX"})


def wait_for(service: Service, address: str, *, percent: int = 0, done: bool = False) -> Any:
    until_s = time.monotonic() + 100
    while True:
        job = service.get_json(address)
        if (job["state"] == "done") if done else (job["percent"] >= percent):
            return job
        assert job["state"] in ("queued", "running"), job
        assert time.monotonic() < until_s, job
        time.sleep(0.05)


def kill(service: Service) -> None:
    """End master, workers and image server as the kernel does, without a word."""
    processes = [service.master, *service.master.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, 20)


def test_jobs_survive_the_death_of_the_service(tmp_path: Path) -> None:
    folder, cache_dir = tmp_path / "images", tmp_path / "cache"
    folder.mkdir()
    cache_dir.mkdir()
    write_long(folder)
    with running(folder, cache_dir, workers=1) as service:
        image_id = service.image_ids()[LONG]
        path = PATH.format(image_id)
        addresses = [service.get_json(f"{path}&fps={fps}&async=true")["url"] for fps in (4, 5)]
        wait_for(service, addresses[0], percent=3)
        assert service.get_json(addresses[1])["state"] == "queued"
        export = service.get_json(f"/webgateway/render_ome_tiff/i/{image_id}/?async=true")["url"]
        warm = requests.post(service.url("/webgateway/jobs/"), {"project": 1}, timeout=60).json()
        kill(service)
    assert len(list((cache_dir / "jobs" / "queue").iterdir())) == 4
    with running(folder, cache_dir, workers=1) as service:
        for address in addresses:
            job = wait_for(service, address, done=True)
            body = requests.get(service.url(job["result"]), timeout=60).content
            with av.open(io.BytesIO(body)) as movie:
                assert sum(1 for _ in movie.decode(video=0)) == FRAMES
        job = wait_for(service, export, done=True)
        body = requests.get(service.url(job["result"]), timeout=60).content
        np.testing.assert_array_equal(
            tifffile.imread(io.BytesIO(body)), tifffile.imread(folder / LONG)
        )
        job = wait_for(service, warm["url"], done=True)
        assert service.get_json(job["result"])["images"] == 1
        thumbnail = requests.get(service.url(f"/webgateway/render_thumbnail/{image_id}/"))
        assert thumbnail.headers["X-Cache"] == "hit"
        # One that is stopped in time leaves what it does to the next start. On a quick machine it
        # is over before that, so some are waiting behind it.
        last = [service.get_json(f"{path}&fps={fps}&async=true")["url"] for fps in (6, 7, 8, 9)]
        wait_for(service, last[0], percent=1)
    left = [entry.name.rpartition("-")[2] for entry in (cache_dir / "jobs" / "queue").iterdir()]
    assert left
    for job_id in left:
        record = (cache_dir / "jobs" / job_id / "job.json").read_text()
        assert '"queued"' in record and '"attempts": 0' in record


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service over a folder of several owners, in threads instead of greenlets."""
    path = tmp_path_factory.mktemp("lab")
    lab = make_lab(path)
    write_long((lab.folder / DRAFT).parent)
    cache_dir = path / "cache"
    cache_dir.mkdir()
    settings = {"image_server_users": lab.users, "workers": 2, "worker_class": "gthread"}
    with running(lab.folder, cache_dir, **settings) as started:
        yield started


def test_rights_are_asked_of_the_server_and_not_of_the_job(service: Service) -> None:
    bob = logged_in(service, "bob")
    ids = images_of(service, bob)
    made = bob.get(service.url(f"/webgateway/render_movie/{ids[DRAFT]}/z/0/"), timeout=60)
    assert made.status_code == 200 and made.headers["Content-Type"] == "video/mp4"
    job = f"/webgateway/jobs/{made.headers['ETag'].strip(chr(34))}/"
    assert bob.get(service.url(f"{job}result/"), timeout=60).content == made.content
    carol = logged_in(service, "carol")
    paths = (f"/webgateway/render_movie/{ids[DRAFT]}/z/0/", job, f"{job}result/")
    for path in paths:
        assert carol.get(service.url(path), timeout=60).status_code == 404
        stranger = requests.get(service.url(path), timeout=60)
        assert stranger.status_code == 401
    # Whoever may see the image shares what was made of it.
    alice = logged_in(service, "alice")
    assert alice.get(service.url(job), timeout=60).json()["state"] == "done"
    own = carol.get(service.url(f"/webgateway/render_movie/{ids[SLIDE]}/z/0/"), timeout=60)
    assert own.status_code == 200
    refused = bob.get(service.url(f"/webgateway/render_movie/{ids[SLIDE]}/z/0/"), timeout=60)
    assert refused.status_code == 403
    result = f"/webgateway/jobs/{own.headers['ETag'].strip(chr(34))}/result/"
    assert bob.get(service.url(result), timeout=60).status_code == 403


def test_a_job_is_ended_by_who_asked_for_it(service: Service) -> None:
    bob, alice = logged_in(service, "bob"), logged_in(service, "alice")
    [image_id] = {
        image_id for name, image_id in images_of(service, bob).items() if name.endswith(LONG)
    }
    path = service.url(f"{PATH.format(image_id)}&async=true")
    url = service.url(bob.get(path, timeout=60).json()["url"])
    assert bob.delete(url, timeout=60).status_code == 403, "without a token"
    headers = {"X-CSRFToken": alice.cookies["csrftoken"]}
    assert alice.delete(url, headers=headers, timeout=60).status_code == 403
    alice.get(path, timeout=60)
    assert alice.delete(url, headers=headers, timeout=60).status_code == 200
    assert bob.get(url, timeout=60).json()["state"] in ("queued", "running")
    headers = {"X-CSRFToken": bob.cookies["csrftoken"]}
    assert bob.post(f"{url}cancel/", headers=headers, timeout=60).status_code == 200
    until_s = time.monotonic() + 60
    while bob.get(url, timeout=60).json()["state"] != "cancelled":
        assert time.monotonic() < until_s
        time.sleep(0.1)
    assert bob.get(f"{url}result/", timeout=60).status_code == 404
