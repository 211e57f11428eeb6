"""Secrets: a noisy run of the whole service, and a search through all that it wrote."""

import contextlib
import uuid
from pathlib import Path

import pytest
import requests

from tests.support.lab import PASSWORDS, make_lab
from tests.support.service import Service, running

pytestmark = pytest.mark.slow

WRONG = "wr0ng-passw0rd-typed"
IN_NAME = "passw0rd-typed-as-name"
MADE_UP = str(uuid.uuid4())
SERVER_PASSWORD = "of-the-image-server-itself"
METRICS_TOKEN = "t0ken-of-metrics"
ADDRESSES = (
    *("/", "/image/1/", "/readyz", "/webgateway/proj/list/", "/webgateway/imgData/1/"),
    *("/webgateway/render_image/1/", "/webgateway/render_image/1/?c=x|&q=x", "/api/v0/token/"),
    *("/webclient/keepalive_ping/", "/nowhere/", "/webgateway/luts/?callback=a-b", "/login/"),
)


class Noise:
    """Asks in many ways, and keeps all answers but those that have to bring a secret."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.answers: list[str] = []
        self.secrets: set[str] = set()

    def ask(self, client, path, method="GET", **options):
        """Send a request; give the answer."""
        answer = client.request(
            method, self.service.url(path), timeout=60, allow_redirects=False, **options
        )
        given = {name.lower(): value for name, value in answer.headers.items()}
        # These go to the one whose they are.
        given.pop("set-cookie", None)
        body = answer.content.decode("utf-8", "replace")
        self.answers.append(f"{answer.status_code} {given} {body}")
        return answer

    def log_in(self, user, password, **fields):
        """Log in; what a success answers is what the secret is for, so it is not kept."""
        client = requests.Session()
        token = self.ask(client, "/api/v0/token/").json()["data"]
        self.answers.pop()
        answer = self.ask(
            client,
            "/api/v0/login/",
            "POST",
            data={"username": user, "password": password} | fields,
            headers={"X-CSRFToken": token},
        )
        if answer.status_code == 200:
            self.answers.pop()
            self.secrets |= {answer.json()["eventContext"]["sessionUuid"]}
            self.secrets |= {cookie.value for cookie in client.cookies if "csrf" not in cookie.name}
        return client, answer


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("secrets")
    lab, cache_dir = make_lab(path), path / "cache"
    cache_dir.mkdir()
    settings = {
        "image_server_users": lab.users,
        "image_server_password": SERVER_PASSWORD,
        "query_secrets": "true",
        "log_level": "debug",
        "workers": 1,
        "metrics_token": METRICS_TOKEN,
        "login_attempts": 3,
    }
    with running(lab.folder, cache_dir, **settings) as service:
        noise = Noise(service)
        make_noise(noise)
        key = next(secret for secret in noise.secrets if "-" in secret and len(secret) == 36)
        # Ends the session while it is in use.
        lab.change(("[[users]]\nid = 11", "[[users]]\nid = 99"))
        for path_ in ADDRESSES:
            noise.ask(requests, path_, headers={"X-OMERO-Session-Key": key})
        noise.ask(requests, "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
        assert "blitzrender_" in noise.answers[-1]
    noise.log = (cache_dir / "service.log").read_text("utf-8", "replace")
    noise.cache_dir = cache_dir
    return noise


def make_noise(noise: Noise) -> None:
    client, answer = noise.log_in("bob", PASSWORDS["bob"])
    assert answer.status_code == 200
    key = answer.json()["eventContext"]["sessionUuid"]
    for password in (WRONG, WRONG, ""):
        assert noise.log_in("bob", password)[1].status_code == 403
    noise.log_in(IN_NAME, WRONG)
    noise.log_in("alice", PASSWORDS["alice"], server=WRONG)
    for number, path in enumerate(ADDRESSES):
        for headers in (
            {"X-OMERO-Session-Key": key},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"Bearer {MADE_UP}"},
            {"X-OMERO-Session-Key": MADE_UP},
            {"X-OMERO-Session-Key": WRONG},
            {"Cookie": f"sessionid={MADE_UP}; blitzrender_session={WRONG}"},
            {"Accept": "text/html"},
        ):
            noise.ask(requests, path, headers=headers)
        noise.ask(client, path)
        for query in (
            {"bsession": key},
            {"bsession": MADE_UP},
            {"username": "bob", "password": PASSWORDS["bob"]},
            # The server takes its time to refuse a password.
            *([{"username": IN_NAME, "password": WRONG}] if number % 4 == 0 else []),
        ):
            noise.ask(requests, path, params=query, headers={"Accept": "text/html"})
            noise.ask(requests, path, params=query)
    for body in ({"username": WRONG}, {"password": WRONG, "username": "bob"}, [WRONG]):
        noise.ask(client, "/api/v0/login/", "POST", json=body)
        noise.ask(client, "/login/", "POST", data=body if isinstance(body, dict) else None)
    noise.ask(client, "/webgateway/settings/", "POST", data=WRONG)
    with contextlib.suppress(requests.RequestException):
        noise.ask(requests, "/" + "x" * 70000, headers={"X-OMERO-Session-Key": key})


def all_secrets(noise):
    return {
        *noise.secrets,
        *(WRONG, IN_NAME, MADE_UP, SERVER_PASSWORD, METRICS_TOKEN),
        *PASSWORDS.values(),
    }


def test_it_was_noisy(noise):
    assert len(noise.answers) > 150 and len(noise.secrets) >= 2
    assert noise.log.count("route=") > 150
    assert {answer[:3] for answer in noise.answers} >= {"200", "302", "400", "401", "403", "404"}


def test_no_secret_is_in_the_log(noise):
    assert [secret for secret in all_secrets(noise) if secret in noise.log] == []


def test_no_secret_is_in_an_answer(noise):
    answers = "\n".join(noise.answers)
    assert [secret for secret in all_secrets(noise) if secret in answers] == []


def test_no_secret_is_in_the_cache_folder_but_session_keys_among_the_logins(noise):
    files = [path for path in noise.cache_dir.rglob("*") if path.is_file()]
    names = "\n".join(map(str, files))
    content = {path: path.read_bytes() for path in files}
    for secret in all_secrets(noise):
        assert secret not in names
        found = [path for path, held in content.items() if secret.encode() in held]
        kept = noise.cache_dir / "logins" / "sessions"
        assert all(Path(path).is_relative_to(kept) for path in found), (secret, found)
        if found:
            assert uuid.UUID(secret)
