"""The whole service over a folder with several owners, logged in as one of the users."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.lab import DRAFT, IMAGE, NAMES, PASSWORDS, SCREEN, SLIDE, VISIBLE, make_lab
from tests.support.service import gunicorn, running

pytestmark = pytest.mark.slow


def test_it_shows_what_its_user_may_read(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    cache_dir = tmp_path / "cache"
    cache_dir.mkdir()
    settings = {
        "image_server_users": lab.users,
        "image_server_user": "bob",
        "image_server_password": PASSWORDS["bob"],
        "workers": 1,
    }
    with running(lab.folder, cache_dir, **settings) as service:
        ids = service.image_ids(len(VISIBLE["bob"]))
        assert set(ids) == VISIBLE["bob"]
        rights = {}
        for name, image_id in ids.items():
            with urllib.request.urlopen(
                service.url(f"/webgateway/render_image/{image_id}/")
            ) as got:
                assert got.read(2) == b"\xff\xd8"
            perms = service.get_json(f"/webgateway/imgData/{image_id}/")["perms"]
            rights[name] = (perms["canAnnotate"], perms["canEdit"])
        assert rights[IMAGE] == rights[DRAFT] == (True, True)
        assert rights[SCREEN] == (True, False)
        assert rights[SLIDE] == (False, False)
        # Ids count all that is there, so these are those of images that bob may not see.
        for hidden in set(range(1, len(NAMES) + 1)) - set(ids.values()):
            with pytest.raises(urllib.error.HTTPError) as refused:
                service.get_json(f"/webgateway/imgData/{hidden}/")
            assert refused.value.code == 404


def test_a_wrong_file_ends_the_start_with_one_line(tmp_path: Path, monkeypatch) -> None:
    users = tmp_path / "users.toml"
    users.write_text("[[users]]\nid = 2\n")
    monkeypatch.setenv("BLITZRENDER_IMAGE_SERVER_USERS", str(users))
    log = tmp_path / "log"
    with gunicorn("gunicorn.conf.py", "wsgi:app", dict(os.environ), log) as process:
        assert process.wait(60) != 0
    assert f"{users}: users[1].name: field required" in log.read_text()
    assert "Traceback" not in log.read_text()
