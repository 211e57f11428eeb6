"""README and docs: each way to start the service, with the commands as they are written."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from imageserver.supervisor import free_port
from tests.support import pages
from tests.support.image_server import (
    PASSWORD,
    PROJECT,
    USER,
    RunningImageServer,
    read_ports,
    start_image_server,
)
from tests.support.lab import PASSWORDS, make_lab
from tests.support.omero_web import config_xml
from tests.support.processes import missing, stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CONFIG = "/opt/omero/web/omero-web/etc/grid/config.xml"
STARTS = [block for block in pages.blocks("") if "script/server" in block.text]
START_TIMEOUT_S = 90.0


def start_with(text: str, *, without: str = "\0") -> list[pages.Block]:
    """Give the different blocks that start the service and hold a text; there has to be one."""
    found = {b.text: b for b in STARTS if text in b.text and without not in b.text}
    assert found, text
    return list(found.values())


BESIDE = start_with("BLITZRENDER_OMERO_WEB_CONFIG=")
USERS = start_with("BLITZRENDER_IMAGE_SERVER_USERS=")
PUBLIC = start_with("BLITZRENDER_OMERO_USER=")
INSTEAD = start_with("BLITZRENDER_OMERO_HOST=", without="BLITZRENDER_OMERO_USER=")
FOLDER = start_with("script/server /data/images", without="USERS=")


def named(block: pages.Block) -> str:
    return f"{block.page}-{block.commands[-1].split()[0].partition('=')[0]}"


@pytest.fixture(scope="module")
def omero() -> Iterator[RunningImageServer]:
    """Give what stands in for OMERO.server, with TLS as OMERO's own."""
    with start_image_server(PROJECT / "samples", transports=("tcp", "ssl")) as server:
        yield server


@contextlib.contextmanager
def started(
    block: pages.Block, folder: Path, places: Mapping[str, str], at: Path = PROJECT, **settings
) -> Iterator[str]:
    """Run the commands of a block while the `with` block lasts; give the service's address.

    `settings` are those that the test adds, beside port and folders of its own.
    """
    port = free_port("127.0.0.1")
    settings = {"port": port, "workers": 1, "cache_dir": folder / "cache", **settings}
    variables = {f"BLITZRENDER_{name.upper()}": str(value) for name, value in settings.items()}
    log = folder / "service.log"
    text = pages.script(block.text, {"BLITZRENDER_PORT=4081": f"BLITZRENDER_PORT={port}", **places})
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", text], cwd=at, env=os.environ | variables, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while not _answers(address):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield address
    finally:
        stop(process)
    said = log.read_text()
    assert not re.search("Traceback|FATAL|SIGABRT", said), said


def _answers(address: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{address}/readyz", timeout=10).ok
    return False


def first_image(address: str, session: requests.Session | None = None) -> int:
    """Give the id of an image, through projects and datasets."""
    asking = session or requests
    found = [asking.get(f"{address}/webgateway/proj/list/", timeout=30).json()]
    for kind in ("proj", "dataset"):
        address_of = f"{address}/webgateway/{kind}/{found[-1][0]['id']}/children/"
        found.append(asking.get(address_of, timeout=30).json())
    return found[-1][0]["id"]


def log_in(address: str, user: str, password: str) -> tuple[requests.Session, str]:
    """Log in as OMERO's clients do; give who is logged in, and the session's key."""
    session = requests.Session()
    token = session.get(f"{address}/api/v0/token/", timeout=30).json()["data"]
    answer = session.post(
        f"{address}/api/v0/login/",
        data={"username": user, "password": password, "server": 1},
        headers={"X-CSRFToken": token},
        timeout=30,
    )
    assert answer.json()["success"], answer.text
    return session, answer.json()["eventContext"]["sessionUuid"]


@pytest.fixture
def may_clone(monkeypatch) -> dict[str, str]:
    """Give what makes a clone of this project where it is; whoever owns it."""
    if not (PROJECT / ".git").exists():
        missing("the project is no clone")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    # Its set-up finds done what is done here.
    link = f"ln -s {PROJECT}/.venv .venv\nscript/"
    return {"<this repository>": str(PROJECT), "script/": link}


def test_a_clone_is_set_up(tmp_path, may_clone):
    [block] = [block for block in pages.blocks("", ["docs/guide.md"]) if "git clone" in block.text]
    pages.run(block.text, tmp_path, may_clone)
    assert (tmp_path / "blitzrender" / "script" / "setup").is_file()


def test_a_clone_shows_the_samples(tmp_path, may_clone):
    [block] = start_with("git clone")
    with started(block, tmp_path, may_clone, at=tmp_path) as address:
        picture = requests.get(f"{address}/webgateway/render_thumbnail/{first_image(address)}/")
        assert picture.ok and picture.headers["Content-Type"] == "image/jpeg"
        assert "Blitzrender" in requests.get(address).text


@pytest.mark.parametrize("block", FOLDER, ids=named)
def test_a_local_folder(block, tmp_path):
    with started(block, tmp_path, {"/data/images": str(PROJECT / "samples")}) as address:
        assert requests.get(f"{address}/image/{first_image(address)}/").ok


@pytest.mark.parametrize("block", BESIDE, ids=named)
def test_beside_omero_web(block, tmp_path, omero):
    config = tmp_path / "config.xml"
    config.write_text(
        config_xml(
            {
                "omero.web.server_list": json.dumps([["127.0.0.1", omero.ports["ssl"], "omero"]]),
                "omero.web.secret_key": "k<&>ey",
                "omero.web.session_engine": "django.contrib.sessions.backends.signed_cookies",
                "omero.web.public.enabled": "true",
                "omero.web.public.url_filter": "^/webgateway/",
                "omero.web.public.user": USER,
                "omero.web.public.password": PASSWORD,
            }
        )
    )
    with started(block, tmp_path, {CONFIG: str(config)}) as address:
        assert requests.get(f"{address}/webgateway/imgData/{first_image(address)}/").ok
        browser = {"Accept": "text/html"}
        answer = requests.get(f"{address}/", headers=browser, allow_redirects=False)
        assert answer.headers["Location"].startswith("/webclient/login/")
    if "flask doctor" in block.text:
        assert "rendered tile" in (tmp_path / "service.log").read_text()


@pytest.mark.parametrize("block", INSTEAD, ids=named)
def test_instead_of_omero_web(block, tmp_path, omero):
    places = {"omero.example.org": "127.0.0.1"}
    with started(block, tmp_path, places, omero_port=omero.ports["ssl"]) as address:
        assert requests.get(f"{address}/webgateway/imgData/1/").status_code == 401
        session, key = log_in(address, USER, PASSWORD)
        image = first_image(address, session)
        [by_key] = pages.blocks("", ["docs/identity.md"])
        places = {"http://127.0.0.1:4080": address, "/12/": f"/{image}/"}
        for line in by_key.commands:
            text = f"{line} -s -S --fail -o answer"
            pages.run(text, tmp_path, places, environment={"KEY": key})
            answer = (tmp_path / "answer").read_bytes()
            assert answer.startswith(b"\xff\xd8") or json.loads(answer)["id"] == image


@pytest.mark.parametrize("block", PUBLIC, ids=named)
def test_for_the_public(block, tmp_path, omero):
    places = {"omero.example.org": "127.0.0.1", "=public": f"={USER}", "=secret": f"={PASSWORD}"}
    with started(block, tmp_path, places, omero_port=omero.ports["ssl"]) as address:
        answer = requests.get(f"{address}/webgateway/render_thumbnail/{first_image(address)}/")
        assert answer.ok and answer.headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("block", USERS, ids=named)
def test_a_folder_with_owners(block, tmp_path):
    lab = make_lab(tmp_path)
    places = {"/etc/blitzrender/users.toml": str(lab.users), "/data/images": str(lab.folder)}
    with started(block, tmp_path, places) as address:
        assert requests.get(f"{address}/webgateway/proj/list/").status_code == 401
        alice, _ = log_in(address, "alice", PASSWORDS["alice"])
        names = {
            project["name"] for project in alice.get(f"{address}/webgateway/proj/list/").json()
        }
        assert "alice-screens" in names and "carol-slides" not in names


def test_the_image_server_alone(tmp_path):
    lab = make_lab(tmp_path)
    [block] = [b for b in pages.blocks("", ["docs/users.md"]) if "python -m imageserver" in b.text]
    places = {
        "/etc/blitzrender/users.toml": str(lab.users),
        "/data/images": str(lab.folder),
        ".venv/bin/python -m imageserver": "exec .venv/bin/python -m imageserver --port 0 "
        f"--cache-dir {tmp_path / 'cache'}",
    }
    process = subprocess.Popen(
        ["bash", "-c", pages.script(block.text, places)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert set(read_ports(process)) == {"tcp"}
    finally:
        stop(process)
