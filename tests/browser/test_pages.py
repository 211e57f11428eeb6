import re

import pytest

from app import create_app
from app.settings import load_settings


@pytest.fixture
def client(tmp_path):
    # The pages themselves ask nothing of an image server, so none needs to be there.
    settings = load_settings(env_file=None, cache_dir=tmp_path, image_server_port=1)
    return create_app(settings).test_client()


PAGES = ["/", "/image/12/", "/image/12"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_lets_nothing_in_from_elsewhere(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.text
    assert not re.search(r"\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("prefix", ["", "/omero"])
def test_a_page_finds_its_parts_behind_a_prefix(client, path, prefix):
    answer = client.get(path, environ_overrides={"SCRIPT_NAME": prefix})
    assert f'data-base="{prefix}"' in answer.text
    parts = re.findall(r'(?:src|href)="([^"]+\.(?:js|css|svg))"', answer.text)
    assert len(parts) >= 3
    for part in parts:
        assert part.startswith(f"{prefix}/assets/")
        found = client.get(part.removeprefix(prefix))
        assert found.status_code == 200
        assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_parts_under_an_old_version_are_not_kept(client):
    answer = client.get("/assets/0123/viewer.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "../settings.py", "..%2fsettings.py", "x" * 999])
def test_there_are_no_other_parts(client, name):
    assert client.get(f"/assets/0123/{name}").status_code == 404


def test_scripts_come_as_scripts(client):
    assert client.get("/assets/0/viewer.js").mimetype == "text/javascript"
    assert client.get("/assets/0/icon.svg").mimetype == "image/svg+xml"
