"""The whole service over a folder with several owners: people log in and see what is theirs."""

import os
from pathlib import Path

import pytest
import requests

from tests.support.lab import DRAFT, IMAGE, NAMES, PASSWORDS, SCREEN, SLIDE, VISIBLE, make_lab
from tests.support.service import Service, gunicorn, running

pytestmark = pytest.mark.slow


def logged_in(service: Service, user: str) -> requests.Session:
    """Log in as QuPath does."""
    client = requests.Session()
    token = client.get(service.url("/api/v0/token/"), timeout=60).json()["data"]
    answer = client.post(
        service.url("/api/v0/login/"),
        data={"username": user, "password": PASSWORDS[user], "server": 1},
        headers={"X-CSRFToken": token, "Referer": service.url("/webclient/")},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["eventContext"]["userName"] == user
    return client


def images_of(service: Service, client: requests.Session) -> dict[str, int]:
    """List all images by name."""

    def listed(path: str) -> list[dict]:
        return client.get(service.url(f"/webgateway/{path}"), timeout=60).json()

    return {
        image["name"]: image["id"]
        for project in listed("proj/list/")
        for dataset in listed(f"proj/{project['id']}/children/")
        for image in listed(f"dataset/{dataset['id']}/children/")
    }


def test_each_user_sees_what_is_theirs_in_every_worker(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    cache_dir = tmp_path / "cache"
    cache_dir.mkdir()
    with running(lab.folder, cache_dir, image_server_users=lab.users, workers=2) as service:
        bob = logged_in(service, "bob")
        ids = images_of(service, bob)
        assert set(ids) == VISIBLE["bob"]
        rights = {}
        for name, image_id in ids.items():
            picture = bob.get(service.url(f"/webgateway/render_image/{image_id}/"), timeout=60)
            assert picture.content[:2] == b"\xff\xd8"
            data = bob.get(service.url(f"/webgateway/imgData/{image_id}/"), timeout=60).json()
            rights[name] = (data["perms"]["canAnnotate"], data["perms"]["canEdit"])
        assert rights[IMAGE] == rights[DRAFT] == (True, True)
        assert rights[SCREEN] == (True, False)
        assert rights[SLIDE] == (False, False)
        carol = logged_in(service, "carol")
        assert set(images_of(service, carol)) == VISIBLE["carol"]
        # Ids count all that is there.
        for image_id in set(range(1, len(NAMES) + 1)) - {ids[SLIDE]}:
            for _ in range(4):
                answer = carol.get(service.url(f"/webgateway/render_image/{image_id}/"), timeout=60)
                assert answer.status_code == 404
        page = requests.get(service.url("/"), headers={"Accept": "text/html"}, timeout=60)
        assert page.url.startswith(service.url("/login/")) and "Password" in page.text


def test_a_wrong_file_ends_the_start_with_one_line(tmp_path: Path, monkeypatch) -> None:
    users = tmp_path / "users.toml"
    users.write_text("[[users]]\nid = 2\n")
    monkeypatch.setenv("BLITZRENDER_IMAGE_SERVER_USERS", str(users))
    log = tmp_path / "log"
    with gunicorn("gunicorn.conf.py", "wsgi:app", dict(os.environ), log) as process:
        assert process.wait(60) != 0
    assert f"{users}: users[1].name: field required" in log.read_text()
    assert "Traceback" not in log.read_text()
