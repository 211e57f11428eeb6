"""`flask doctor`: each step that can fail, and what it says then."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.doctor import login_of
from app.operations.checkup import Finding, ServerCheck, check_cache_folder
from app.settings import load_settings
from render.blitz.source import BlitzSource, Credentials, Endpoint, Limits
from render.errors import RenderFailed, SourceFailed
from tests.app.conftest import PROJECT, ImageServer
from tests.support.certificates import ANONYMOUS, omero_certificate
from tests.support.glacier2 import RunningRouter, start_glacier2
from tests.support.image_server import RunningImageServer, start_image_server

LOGIN = Credentials.login("local", "local")
ALL_STEPS = ["host name", "port", "router", "login", "image", "raw tile", "rendered tile"]


def check(endpoint: Endpoint, credentials: Credentials | None = LOGIN, **options):
    """Take all steps; give how each one went, by its name."""
    source = BlitzSource(endpoint, Limits(connect_timeout_s=2))
    try:
        findings = list(ServerCheck(source, credentials, "threads", **options).steps())
    finally:
        source.close()
    return {finding.step: finding for finding in findings}


def the_failure(found: dict[str, Finding], step: str) -> Finding:
    """Give the one step that failed; it is `step`, and none after it was tried."""
    outcomes = [finding.outcome for finding in found.values()]
    assert [s for s, f in found.items() if f.outcome == "failed"] == [step], found
    assert set(outcomes[list(found).index(step) + 1 :]) <= {"skipped"}
    assert found[step].advice
    return found[step]


def of(server: ImageServer, transport: str = "tcp") -> Endpoint:
    return Endpoint("127.0.0.1", server.port, transport)


def test_all_is_well(image_server: ImageServer):
    found = check(of(image_server))
    assert list(found) == ALL_STEPS
    assert {finding.outcome for finding in found.values()} == {"ok"}
    assert "JPEG" in found["rendered tile"].text


def test_a_host_that_is_not_known():
    failure = the_failure(check(Endpoint("no-such-host.invalid")), "host name")
    assert "no-such-host.invalid" in failure.text


def test_a_name_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    let_go = threading.Event()

    def hang(*_args, **_options):
        let_go.wait(10)
        return []

    monkeypatch.setattr("app.operations.checkup_network._TIMEOUT_S", 0.05)
    monkeypatch.setattr("app.operations.checkup_network.socket.getaddrinfo", hang)
    assert "took over" in the_failure(check(Endpoint("omero.example")), "host name").text
    let_go.set()


def test_a_port_where_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = check(Endpoint("127.0.0.1", unused.getsockname()[1], "tcp"))
    assert "nobody listens" in the_failure(found, "port").text


def test_something_else_listens():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = check(Endpoint("127.0.0.1", mute.getsockname()[1], "tcp"))
        the_failure(found, "router")


def test_tls_where_there_is_none(image_server: ImageServer):
    failure = the_failure(check(of(image_server, "ssl")), "TLS")
    assert "no TLS" in failure.text and "4064" in failure.advice


@pytest.mark.parametrize(
    ("credentials", "named"),
    [
        (Credentials.login("local", "wr0ng-secret"), "credentials"),
        (Credentials.join("wr0ng-secret"), "credentials"),
    ],
)
def test_a_login_that_is_refused_shows_no_secret(image_server, credentials, named):
    found = check(of(image_server), credentials)
    assert named in the_failure(found, "login").text
    assert "wr0ng" not in str(found)


def test_without_a_user_the_router_is_the_last_step(image_server: ImageServer):
    found = check(of(image_server), None)
    assert found["router"].outcome == "ok"
    assert {found[step].outcome for step in ALL_STEPS[3:]} == {"skipped"}


def test_an_image_that_is_not_there(image_server: ImageServer):
    assert "--image" in the_failure(check(of(image_server), image_id=987654), "image").advice


def test_tiles_that_cannot_be_read_or_rendered(
    image_server: ImageServer, monkeypatch: pytest.MonkeyPatch
):
    def fail_to_render(*_args):
        raise RenderFailed("broken")

    def fail_to_read(*_args):
        raise SourceFailed("cannot read the file")

    monkeypatch.setattr("render.job.RenderJob.run", fail_to_render)
    the_failure(check(of(image_server)), "rendered tile")
    monkeypatch.setattr("render.blitz.source.BlitzSession.read_regions", fail_to_read)
    assert "file" in the_failure(check(of(image_server)), "raw tile").text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningImageServer]:
    with start_image_server(tmp_path_factory.mktemp("images")) as running:
        yield running


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def router(server: RunningImageServer, pem: Path) -> Iterator[RunningRouter]:
    certificate = omero_certificate(pem)
    with start_glacier2(server, transports=("tcp", "ssl"), tls=certificate.properties) as running:
        yield running


def test_certificates_are_looked_at_as_the_settings_demand(router, pem, tmp_path):
    def tls(**options) -> Finding:
        return check(router.endpoint("ssl", **options), None)["TLS"]

    pinned = {"verify": True, "ca_file": str(pem / "server.pem")}
    assert "not verified" in tls().text
    assert tls(host="localhost", check_name=True, **pinned).text.endswith(", verified")
    assert tls(**pinned).outcome == "ok"
    wrong_name = tls(check_name=True, **pinned)
    assert wrong_name.outcome == "failed" and "omero_tls_check_name" in wrong_name.advice
    other = omero_certificate(tmp_path)
    not_trusted = tls(verify=True, ca_file=str(other.pem))
    assert not_trusted.outcome == "failed" and "omero_tls_ca_file" in not_trusted.advice
    missing = tls(verify=True, ca_file=str(tmp_path / "none.pem"))
    assert missing.outcome == "failed" and "none.pem" in missing.text


def test_a_server_without_a_certificate_is_recognized(server: RunningImageServer):
    with start_glacier2(server, transports=("ssl",), tls=ANONYMOUS) as anonymous:
        failure = the_failure(check(anonymous.endpoint("ssl"), None), "TLS")
        assert "omero_tls_anonymous" in failure.advice
        found = check(anonymous.endpoint("ssl", anonymous_ciphers=True), None)
        assert found["TLS"].outcome == found["router"].outcome == "ok"


def test_a_user_who_sees_no_image(router: RunningRouter):
    failure = the_failure(check(router.endpoint("tcp")), "image")
    assert "no image" in failure.text


@pytest.mark.slow
def test_a_router_without_its_server(tmp_path: Path):
    (tmp_path / "images").mkdir()
    with start_image_server(tmp_path / "images") as server, start_glacier2(server) as router:
        server.process.kill()
        server.process.wait()
        failure = the_failure(check(router.endpoint("tcp")), "login")
        assert "does not answer its router" in failure.text


def test_the_public_user_of_a_server_serves_where_nobody_is_everybodys_user():
    def login(server_id: int, **values) -> Credentials | None:
        settings = load_settings(env_file=None, omero_host="omero", **values)
        return login_of(settings, server_id)

    public = {"public_enabled": True, "public_user": "all", "public_password": "x"}
    assert login(1) is None
    assert login(1, **public) == Credentials.login("all", "x")
    assert login(2, **public) is None
    assert login(2, omero_user="u", omero_password="y") == Credentials.login("u", "y")


def test_cache_folders_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def look(folder: Path) -> Finding:
        (finding,) = check_cache_folder(load_settings(env_file=None, cache_dir=folder))
        return finding

    assert look(tmp_path / "new").outcome == "ok"
    (tmp_path / "file").touch()
    assert look(tmp_path / "file" / "below").outcome == "failed"
    monkeypatch.setattr("app.operations.checkup._LEAST_FREE_BYTES", 2**60)
    full = look(tmp_path / "new")
    assert full.outcome == "failed" and "MiB are free" in full.text


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    values = {f"BLITZRENDER_{name.upper()}": value for name, value in environment.items()}
    return subprocess.run(
        [sys.executable, "-m", "flask", "doctor", *arguments],
        cwd=PROJECT,
        env=os.environ | values,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.slow
def test_the_command_in_embedded_mode_and_against_a_server(
    image_server: ImageServer, tmp_path: Path
):
    cache_dir = str(tmp_path / "cache")
    run = doctor(images=str(image_server.folder), cache_dir=cache_dir)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "image server" in run.stdout and "failed" not in run.stdout
    omero = {
        "cache_dir": cache_dir, "omero_host": "127.0.0.1", "omero_port": str(image_server.port),
        "omero_transport": "tcp", "omero_user": "local",
    }  # fmt: skip
    run = doctor(**omero, omero_password="local")
    assert run.returncode == 0, run.stdout + run.stderr
    run = doctor(**omero, omero_password="wr0ng-secret")
    assert run.returncode == 1
    assert "failed   login" in run.stdout and "wr0ng" not in run.stdout + run.stderr


@pytest.mark.slow
def test_wrong_settings_end_the_command_with_one_line(tmp_path: Path):
    run = doctor(images=str(tmp_path / "none"))
    assert run.returncode != 0
    assert "setting images (BLITZRENDER_IMAGES)" in run.stderr
    assert "Traceback" not in run.stderr
