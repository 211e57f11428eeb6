"""Who asks, told by a header, the URL, or the public user: on real sessions of a real server."""

import uuid

import pytest

from app.csrf import COOKIE, HEADER
from app.settings import SettingsError
from app.web import parts_of
from tests.app.conftest import FLAT, asked_by_the_host
from tests.app.identity.conftest import PASSWORD, USER, soon

KEY = "X-OMERO-Session-Key"


def path_of(gateway):
    return f"imgData/{gateway.ids[FLAT]}/size/"


def status(gateway, path=None, query=None, **headers):
    response = gateway.get(path or path_of(gateway), query_string=query, headers=headers)
    return response.status_code


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", None])
def test_a_session_key_in_a_header_logs_in(make_members, session_key, scheme):
    gateway = make_members()
    headers = {KEY: session_key} if scheme is None else {"Authorization": scheme + session_key}
    assert status(gateway, **headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {KEY: str(uuid.uuid4())},
        {"Authorization": f"Bearer {uuid.uuid4()}"},
        # Would be a user with an equal password.
        {KEY: USER},
        {"Authorization": f"Bearer {USER}"},
        {"Authorization": "Basic bG9jYWw6bG9jYWw="},
        {"Cookie": f"sessionid={'a' * 32}"},
    ],
)
def test_without_a_live_session_nothing_is_shown(make_members, headers):
    gateway = make_members()
    response = gateway.get(path_of(gateway), headers=headers)
    assert response.status_code == 401
    assert response.get_json()["type"] == "not-authenticated"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "no-store" in response.headers["Cache-Control"]
    for path in ("luts/", "proj/list/", f"render_thumbnail/{gateway.ids[FLAT]}/"):
        assert status(gateway, path, **headers) == 401


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Requested-With": "XMLHttpRequest"}, 403),
        ({"Accept": "image/avif,image/webp,image/png,image/*;q=0.8,*/*;q=0.5"}, 403),
        ({"Sec-Fetch-Dest": "image", "Accept": "*/*"}, 403),
        ({"Accept": "application/json"}, 401),
        ({"Accept": "*/*"}, 401),
    ],
)
def test_pictures_and_scripts_hear_403(make_members, headers, expected):
    assert status(make_members(), **headers) == expected


def test_a_key_that_fails_is_not_made_up_for_by_the_public_user(make_members):
    gateway = make_members(
        public_enabled=True, public_user=USER, public_password=PASSWORD, public_url_filter="."
    )
    assert status(gateway) == 200
    assert status(gateway, **{KEY: str(uuid.uuid4())}) == 401


def test_our_leaving_ends_no_session(make_members, session_key, omero):
    gateway = make_members()
    assert status(gateway, **{KEY: session_key}) == 200
    gateway.close()
    assert status(make_members(), **{KEY: session_key}) == 200


def test_a_session_that_is_logged_out_stays_out(make_members, omero):
    gateway = make_members(image_info_max_age_s=0)
    key = omero.log_in(USER, PASSWORD, soon()).key
    assert status(gateway, **{KEY: key}) == 200
    omero.log_out(key, soon())
    assert status(gateway, **{KEY: key}) == 401
    omero.log_out(key, soon())


def test_secrets_in_the_url_are_ignored_unless_asked_for(make_members, session_key):
    key, login = {"bsession": session_key}, {"username": USER, "password": PASSWORD}
    gateway = make_members()
    assert status(gateway, query=key) == status(gateway, query=login) == 401
    gateway = make_members(query_secrets=True)
    assert status(gateway, query=key) == status(gateway, query=login) == 200
    assert status(gateway, query=login | {"password": "wrong"}) == 401
    assert status(gateway, query={"bsession": "x"}) == 401


def test_passwords_in_the_url_cannot_be_tried_without_end(make_members):
    gateway = make_members(query_secrets=True, login_attempts=2)
    statuses = [status(gateway, query={"username": USER, "password": f"{n}"}) for n in range(4)]
    assert statuses == [401, 401, 429, 429]


def test_being_ready_needs_no_login(make_members, omero_port):
    assert asked_by_the_host(make_members()).status_code == 200
    dead, alive = ("127.0.0.1", 9, "dead"), ("127.0.0.1", omero_port, "alive")
    one = make_members(omero_host=None, omero_servers=[dead, alive])
    assert asked_by_the_host(one).status_code == 200
    none = make_members(omero_host=None, omero_servers=[dead])
    assert asked_by_the_host(none).status_code == 503


class TestPublicUser:
    @pytest.fixture
    def public(self, make_members):
        return make_members(
            public_enabled=True,
            public_user=USER,
            public_password=PASSWORD,
            public_url_filter="/(imgData|render_thumbnail|settings)/",
        )

    def test_it_sees_what_the_filter_opens(self, public):
        assert status(public) == 200
        assert status(public, f"render_thumbnail/{public.ids[FLAT]}/") == 200
        assert status(public, f"render_image/{public.ids[FLAT]}/") == 401
        assert status(public, "luts/", query={"x": "/imgData/"}) == 401

    def test_it_reads_only(self, public):
        public.client.set_cookie(COOKIE, "a" * 32)
        headers = {HEADER: "a" * 32}
        response = public.client.post("/webgateway/settings/", json={"c": ""}, headers=headers)
        assert response.status_code == 401

    def test_a_missing_image_is_forbidden_as_logging_in_may_help(self, public, session_key):
        assert status(public, "imgData/987654/") == 403
        assert status(public, "imgData/987654/", **{KEY: session_key}) == 404

    def test_a_member_is_asked_for_as_such(self, public, session_key):
        response = public.get(f"render_image/{public.ids[FLAT]}/", headers={KEY: session_key})
        assert response.status_code == 200


def test_a_public_user_with_a_wrong_password_sees_nothing(make_members):
    gateway = make_members(
        public_enabled=True, public_user=USER, public_password="no", public_url_filter="."
    )
    assert status(gateway) == 401


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "needs public_user"),
        ({"public_user": "p", "public_password": "x", "public_url_filter": "("}, "expression"),
        ({"public_users": '{"1": "x"}'}, "JSON object"),
        ({"public_users": "["}, "JSON object"),
    ],
)
def test_public_settings_that_cannot_be_are_told_at_the_start(make_members, settings, sentence):
    with pytest.raises(SettingsError, match=sentence):
        make_members(public_enabled=True, **settings)


class TestSeveralServers:
    @pytest.fixture
    def several(self, make_members, omero_port):
        return make_members(
            omero_host=None,
            omero_servers=[("127.0.0.1", 9, "dead"), ("127.0.0.1", omero_port, "alive")],
            public_enabled=True,
            public_url_filter="imgData",
            public_users=f'{{"2": ["{USER}", "{PASSWORD}"]}}',
        )

    def test_the_url_says_which(self, several, session_key):
        for server in ("2", "alive"):
            assert status(several, query={"server": server}, **{KEY: session_key}) == 200
        assert status(several, query={"server": "1"}, **{KEY: session_key}) == 503
        for wrong in ("3", "0", "other", "9" * 30):
            assert status(several, query={"server": wrong}, **{KEY: session_key}) == 400
        assert status(several, **{KEY: session_key}) == 400

    def test_each_has_its_own_public_user(self, several):
        assert status(several, query={"server": "2"}) == 200
        assert status(several, query={"server": "1"}) == 401

    def test_what_is_remembered_of_one_is_not_told_of_another(self, several):
        first, second = (parts_of(several.app).get(server) for server in (1, 2))
        for name in ("source", "infos", "raw_planes", "defaults", "windows", "answers", "flight"):
            assert getattr(first, name) is not getattr(second, name), name
        assert first.source_name != second.source_name
        assert first.handles is second.handles and first.worker is second.worker

    def test_no_proxy_may_take_the_picture_of_one_for_that_of_another(self, make_members, several):
        maps = '[{"inverted":{"enabled":false},"quantization":{"family":"linear"}}]'
        query = f"c=1|0:255$FF0000,-2,-3&m=c&maps={maps}"
        path = f"render_image/{several.ids[FLAT]}/0/0/?{query}"
        settings = {
            "public_enabled": True,
            "public_url_filter": ".",
            "public_users": f'{{"1": ["{USER}", "{PASSWORD}"]}}',
        }
        port = several.server.port
        one = make_members(**settings)
        assert one.get(path).headers["Cache-Control"].startswith("public")
        two = make_members(
            omero_host=None,
            omero_servers=[("127.0.0.1", port, "a"), ("127.0.0.1", 9, "b")],
            **settings,
        )
        # Also when it is at hand, and takes the shortcut.
        for _ in range(2):
            response = two.get(f"{path}&server=1")
            assert response.status_code == 200
            assert response.headers["Cache-Control"].startswith("private")
