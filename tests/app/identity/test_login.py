"""Logging in to Blitzrender itself, by page and by OMERO's JSON API."""

import re
import stat
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from app.identity.own_logins import COOKIE
from app.web import parts_of
from render.blitz.source import BlitzSource
from render.errors import DeadlineExceeded
from tests.app.conftest import FLAT
from tests.app.identity.conftest import PASSWORD, USER, soon

pytestmark = pytest.mark.slow

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def token(gateway):
    return gateway.client.get("/api/v0/token/").get_json()["data"]


def api_login(gateway, user=USER, password=PASSWORD, **more):
    headers = {"X-CSRFToken": token(gateway)} | more.pop("headers", {})
    given = {"username": user, "password": password, "server": "1"} | more
    return gateway.client.post("/api/v0/login/", data=given, headers=headers)


def cookie(gateway):
    found = gateway.client.get_cookie(COOKIE)
    return None if found is None else found.value


def status(gateway):
    return gateway.get(f"imgData/{gateway.ids[FLAT]}/size/").status_code


def form_token(response):
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', response.text)[1]


def test_the_json_api_is_found_from_its_root(make_members):
    gateway = make_members()
    base = gateway.client.get("/api/").get_json()["data"][0]
    assert base == {"version": "0", "url:base": "http://localhost/api/v0/"}
    links = gateway.client.get("/api/v0/").get_json()
    wanted = ["experimenters", "experimentergroups", "projects", "datasets", "images", "screens"]
    wanted += ["plates", "token", "servers", "login"]
    assert all(links[f"url:{name}"].startswith(base["url:base"]) for name in wanted)
    server = gateway.client.get(urlsplit(links["url:servers"]).path).get_json()["data"]
    settings = parts_of(gateway.app).settings
    host, port = settings.omero_host, settings.omero_port
    assert server == [{"id": 1, "host": host, "port": port, "server": "omero"}]


def test_logging_in_by_form_gives_a_cookie_and_says_who_it_is(make_members):
    gateway = make_members()
    assert status(gateway) == 401
    response = api_login(gateway)
    assert response.status_code == 200, response.text
    told = response.get_json()
    assert told["success"] is True
    context = told["eventContext"]
    assert (context["userName"], context["isAdmin"]) == (USER, False)
    assert set(context) == {
        *("sessionId", "sessionUuid", "userId", "userName", "groupId", "groupName", "isAdmin"),
        *("eventId", "eventType", "memberOfGroups", "leaderOfGroups"),
    }
    assert uuid.UUID(context["sessionUuid"]) and context["groupId"] in context["memberOfGroups"]
    set_cookie = next(c for c in response.headers.getlist("Set-Cookie") if COOKIE in c)
    assert "HttpOnly" in set_cookie and "SameSite=Lax" in set_cookie and "Path=/" in set_cookie
    assert "Secure" not in set_cookie and context["sessionUuid"] not in set_cookie
    assert status(gateway) == 200


def test_logging_in_by_json(make_members):
    gateway = make_members()
    given = {"username": USER, "password": PASSWORD, "server": 1}
    headers = {"X-CSRFToken": token(gateway)}
    response = gateway.client.post("/api/v0/login/", json=given, headers=headers)
    assert response.status_code == 200 and status(gateway) == 200


@pytest.mark.without_nginx("says itself that it speaks TLS")
def test_over_tls_the_cookie_stays_there(make_members):
    gateway = make_members()
    headers = {"X-CSRFToken": token(gateway), "Referer": "https://localhost/webclient/"}
    response = gateway.client.post(
        "/api/v0/login/",
        data={"username": USER, "password": PASSWORD},
        headers=headers,
        base_url="https://localhost",
    )
    assert response.status_code == 200, response.text
    cookies = response.headers.getlist("Set-Cookie")
    assert cookies and all("Secure" in text for text in cookies)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"password": "wrong"}, "check your user name and password"),
        ({"user": "nobody"}, "check your user name and password"),
        ({"password": ""}, "Password: This field is required."),
        ({"user": ""}, "Username: This field is required."),
        ({"user": "guest", "password": "guest"}, "Guest account"),
        ({"server": "7"}, "no such server"),
        ({"headers": {"X-CSRFToken": "x" * 32}}, "CSRF Failed"),
    ],
)
def test_a_refusal_is_a_403_with_a_message(make_members, given, message):
    gateway = make_members()
    response = api_login(gateway, **given)
    assert response.status_code == 403 and message in response.get_json()["message"]
    assert cookie(gateway) is None


def test_what_is_no_json_object_is_refused(make_members):
    gateway = make_members()
    headers = {"X-CSRFToken": token(gateway)}
    for body in ("{", "[1]", "[" * 9999, "x" * 99999):
        response = gateway.client.post(
            "/api/v0/login/", data=body, headers=headers, content_type="application/json"
        )
        assert response.status_code == 403, body[:9]
    assert gateway.client.get("/api/v0/login/").status_code == 405


@pytest.mark.without_nginx("says itself who is connected")
def test_wrong_passwords_are_looked_at_so_often_only(make_members, tmp_path):
    gateway = make_members(login_attempts=3, cache_dir=tmp_path / "shared")
    for _ in range(3):
        assert api_login(gateway, password="wrong").status_code == 403
    assert api_login(gateway, password="wrong").status_code == 429
    right = api_login(gateway)
    assert right.status_code == 429 and right.headers["Retry-After"] == "300"
    # Other processes know of it, and other people's logins are not touched.
    other = make_members(login_attempts=3, cache_dir=tmp_path / "shared")
    assert api_login(other).status_code == 429
    assert api_login(other, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200


def test_right_passwords_do_not_count(make_members):
    gateway = make_members(login_attempts=2)
    for _ in range(4):
        assert api_login(gateway).status_code == 200


def test_an_outage_is_no_wrong_password(make_members):
    gateway = make_members(omero_port=9, login_attempts=1)
    assert [api_login(gateway).status_code for _ in range(3)] == [503] * 3


def test_a_login_holds_for_all_processes_and_after_a_restart(make_members, tmp_path):
    first = make_members(cache_dir=tmp_path / "shared")
    api_login(first)
    second = make_members(cache_dir=tmp_path / "shared")
    second.client.set_cookie(COOKIE, cookie(first))
    assert status(second) == 200
    first.close()
    assert status(second) == 200


def test_logging_out_ends_cookie_and_omero_session(make_members, tmp_path, omero):
    gateway = make_members(cache_dir=tmp_path / "shared", session_remembered_s=0)
    key = api_login(gateway).get_json()["eventContext"]["sessionUuid"]
    held = cookie(gateway)
    headers = {"X-CSRFToken": token(gateway)}
    assert gateway.client.post("/logout/").status_code == 403
    assert status(gateway) == 200
    response = gateway.client.post("/logout/", headers=headers)
    assert response.get_json() == {"success": True} and cookie(gateway) is None
    gateway.client.set_cookie(COOKIE, held)
    assert status(gateway) == 401
    other = make_members()
    response = other.get("proj/list/", headers={"X-OMERO-Session-Key": key})
    assert response.status_code == 401


def test_a_new_login_takes_the_place_of_the_old_one(make_members):
    gateway = make_members(session_remembered_s=0)
    api_login(gateway)
    old = cookie(gateway)
    api_login(gateway)
    assert cookie(gateway) != old
    gateway.client.set_cookie(COOKIE, old)
    assert status(gateway) == 401


def test_a_new_login_does_not_fail_with_the_end_of_the_old_one(make_members, monkeypatch):
    gateway = make_members()
    api_login(gateway)
    first = cookie(gateway)

    def log_out(self, key, deadline):
        raise DeadlineExceeded("the request ran out of time")

    monkeypatch.setattr(BlitzSource, "log_out", log_out)
    assert api_login(gateway).status_code == 200
    assert cookie(gateway) != first and status(gateway) == 200


def test_a_session_that_omero_ended_is_over(make_members, omero):
    gateway = make_members(image_info_max_age_s=0, session_remembered_s=0)
    key = api_login(gateway).get_json()["eventContext"]["sessionUuid"]
    omero.log_out(key, soon())
    assert status(gateway) == 401


@pytest.mark.parametrize("wrong", ["", "x", "a" * 43, "../../etc/passwd", "a" * 5000])
def test_a_made_up_cookie_is_none(make_members, wrong):
    gateway = make_members()
    assert gateway.get("proj/list/", headers={"Cookie": f"{COOKIE}={wrong}"}).status_code == 401


def test_nobody_else_can_read_what_is_kept_and_no_password_is(make_members, tmp_path):
    gateway = make_members(cache_dir=tmp_path / "kept")
    api_login(gateway)
    held = cookie(gateway)
    gateway.close()
    folder = tmp_path / "kept" / "logins"
    for name in ("sessions", "attempts"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / name / "cache.db").stat().st_mode) == 0o600
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert held.encode() not in content and b"password" not in content


class TestThePage:
    def test_a_browser_is_led_to_it_and_back(self, make_members):
        gateway = make_members()
        response = gateway.client.get("/image/1/?c=1|0:9&bsession=abc", headers=BROWSER)
        assert response.status_code == 302
        target = urlsplit(response.headers["Location"])
        assert target.path == "/login/" and "abc" not in target.query
        wanted = parse_qs(target.query)["url"][0]
        assert wanted.startswith("/image/1/?c=1")
        page = gateway.client.get(response.headers["Location"])
        assert page.status_code == 200 and "no-store" in page.headers["Cache-Control"]
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        given = {
            "csrfmiddlewaretoken": form_token(page),
            "username": USER,
            "password": PASSWORD,
            "url": wanted,
        }
        response = gateway.client.post("/login/", data=given)
        assert (response.status_code, response.headers["Location"]) == (302, wanted)
        assert gateway.client.get("/image/1/", headers=BROWSER).status_code == 200
        index = gateway.client.get("/", headers=BROWSER)
        assert "Log out" in index.text and "data-ping" in index.text
        given = {"csrfmiddlewaretoken": form_token(index)}
        response = gateway.client.post("/logout/", data=given, headers=BROWSER)
        assert response.headers["Location"] == "/login/"
        assert gateway.client.get("/", headers=BROWSER).status_code == 302

    def test_a_wrong_password_is_told_on_it(self, make_members):
        gateway = make_members()
        page = gateway.client.get("/login/?url=/image/1/")
        given = {"csrfmiddlewaretoken": form_token(page), "username": USER, "password": "wrong"}
        response = gateway.client.post("/login/?url=/image/1/", data=given)
        assert response.status_code == 403 and "check your user name" in response.text
        assert "wrong" not in response.text and 'value="/image/1/"' in response.text

    @pytest.mark.parametrize(
        "url",
        ["//evil.example.com/", "https://evil.example.com", "/\\evil", "javascript:x", "/\t/e"],
    )
    def test_it_leads_to_no_other_site(self, make_members, url):
        gateway = make_members()
        page = gateway.client.get("/login/", query_string={"url": url})
        assert "evil" not in page.text and "javascript:" not in page.text
        given = {"csrfmiddlewaretoken": form_token(page), "username": USER, "password": PASSWORD}
        response = gateway.client.post("/login/", data=given | {"url": url})
        assert response.headers["Location"] == "/"

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            (BROWSER | {"X-Requested-With": "XMLHttpRequest"}, 403),
            (BROWSER | {"Sec-Fetch-Dest": "empty"}, 401),
            (BROWSER | {"Sec-Fetch-Dest": "image"}, 403),
            (BROWSER | {"Sec-Fetch-Dest": "document"}, 302),
            (BROWSER | {"X-OMERO-Session-Key": str(uuid.uuid4())}, 401),
            ({"Accept": "application/json"}, 401),
            ({"Accept": "image/webp,*/*"}, 403),
            ({}, 401),
        ],
    )
    def test_only_pages_are_led_there(self, make_members, headers, expected):
        gateway = make_members()
        response = gateway.get(f"render_image/{gateway.ids[FLAT]}/0/0/", headers=headers)
        assert response.status_code == expected

    def test_beside_omero_web_its_page_is_the_one(self, make_members):
        sessions = {"session_engine": "signed_cookies", "session_secret_key": "x"}
        response = make_members(**sessions).client.get("/", headers=BROWSER)
        assert response.headers["Location"] == "/webclient/login/?url=%2F"
        other = make_members(login_url="https://omero.example.org/login?x=1", **sessions)
        location = other.client.get("/", headers=BROWSER).headers["Location"]
        assert location == "https://omero.example.org/login?x=1&url=%2F"


def test_keeping_alive_says_whether_there_is_a_session(make_members):
    gateway = make_members()
    assert gateway.client.get("/webclient/keepalive_ping/").text == "Connection Failed"
    api_login(gateway)
    assert gateway.client.get("/webclient/keepalive_ping/").text == "OK"


def test_where_nobody_logs_in_there_is_nothing_to_log_in_to(gateway, make_members):
    sessions = {"session_engine": "signed_cookies", "session_secret_key": "x"}
    for one in (gateway, make_members(own_login=False), make_members(**sessions)):
        assert one.client.get("/login/").status_code == 404
        assert api_login(one).status_code == 404
    assert gateway.client.get("/", headers=BROWSER).status_code == 200
    index = gateway.client.get("/")
    assert "Log out" not in index.text and "data-ping" not in index.text
    assert "Set-Cookie" not in index.headers
