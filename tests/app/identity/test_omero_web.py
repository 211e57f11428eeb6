"""Who is logged in to OMERO.web: sessions that real Django wrote, of real OMERO sessions."""

import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.settings import SettingsError
from tests.app.conftest import FLAT
from tests.app.identity.conftest import PASSWORD, USER, soon
from tests.support.omero_web import ENGINES, SECRET, content, write_sessions
from tests.support.servers import start_postgres, start_redis

pytestmark = pytest.mark.slow

COMPRESSORS = {
    "zlib": "zlib.ZlibCompressor",
    "lzma": "lzma.LzmaCompressor",
    "zstd": "zstd.ZStdCompressor",
    "lz4": "lz4.Lz4Compressor",
}
WITH_SERIALIZER = ["db", "cached_db", "file", "signed_cookies"]
#: Name of a session, its engine, and what else Django is told of it.
SESSIONS = [
    ("cache", "cache", {}),
    ("cache by Django's own backend", "cache", {"cache": "django"}),
    ("cache with a prefix", "cache", {"prefix": "web", "version": 7}),
    *(
        (f"{engine} {kind}", engine, {"serializer": kind})
        for engine in WITH_SERIALIZER
        for kind in ("json", "pickle")
    ),
    *(
        (f"cache {name}", "cache", {"options": {"COMPRESSOR": f"django_redis.compressors.{path}"}})
        for name, path in COMPRESSORS.items()
    ),
    *(
        (f"old {engine}", engine, {"serializer": "pickle", "old": True})
        for engine in ("cache", "db", "signed_cookies")
    ),
]
SETTINGS = {"cache with a prefix": {"session_cache_key_prefix": "web", "session_cache_version": 7}}


@dataclass(frozen=True)
class Web:
    """Sessions by name, and where they are kept."""

    key: str
    cookies: dict[str, str]
    folder: Path
    redis_port: int

    def settings(self, engine, **changes):
        return {
            "session_engine": engine,
            "session_secret_key": SECRET,
            "session_cache_url": f"redis://127.0.0.1:{self.redis_port}/3",
            "session_database": f"sqlite:///{self.folder}/web.sqlite3",
            "session_folder": self.folder,
            "image_info_max_age_s": 0,
        } | changes


@pytest.fixture(scope="session")
def web(omero, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    key = omero.log_in(USER, PASSWORD, soon()).key
    told = [
        {"name": name, "engine": ENGINES + engine, "content": content(key), "serializer": "json"}
        | more
        for name, engine, more in SESSIONS
    ]
    visitor = {"engine": ENGINES + "db", "serializer": "json"}
    told += [
        visitor | {"name": "not logged in", "content": {"can_create": True}},
        visitor | {"name": "dead", "content": content(str(uuid.uuid4()))},
        visitor | {"name": "no key", "content": content("local")},
        visitor | {"name": "server by name", "content": content(key, server_id="omero")},
        visitor | {"name": "other server", "content": content(key, server_id=3)},
        visitor | {"name": "public", "content": content(key, is_public=True)},
        visitor | {"name": "short", "content": content(key), "age_s": 1},
        {
            "name": "changed",
            "engine": ENGINES + "file",
            "content": content(key),
            "serializer": "json",
        },
    ]
    with start_redis(folder) as (port, _):
        cookies = write_sessions(told, folder=folder, redis_port=port)
        yield Web(key, cookies, folder, port)


def answer(gateway, cookie, path=None):
    gateway.client.set_cookie("sessionid", cookie)
    return gateway.get(path or f"imgData/{gateway.ids[FLAT]}/size/")


@pytest.mark.parametrize(("name", "engine"), [row[:2] for row in SESSIONS], ids=lambda text: text)
def test_a_session_of_each_engine_logs_in(make_members, web, name, engine):
    given = SETTINGS.get(name, {})
    gateway = make_members(**web.settings(ENGINES + engine, **given))
    response = answer(gateway, web.cookies[name])
    assert response.status_code == 200, response.get_data(as_text=True)
    assert answer(gateway, "x" * 32).status_code == 401


def test_a_session_of_an_engine_is_none_of_another(make_members, web):
    gateway = make_members(**web.settings("db"))
    for name in ("cache", "file json", "signed_cookies json", "cached_db json"):
        expected = 200 if name == "cached_db json" else 401
        assert answer(gateway, web.cookies[name]).status_code == expected, name


@pytest.mark.parametrize("name", ["not logged in", "dead", "no key", "other server", "public"])
def test_a_session_without_a_login_that_counts(make_members, web, name):
    assert answer(make_members(**web.settings("db")), web.cookies[name]).status_code == 401


def test_a_server_may_be_told_by_name(make_members, web):
    gateway = make_members(**web.settings("db"))
    assert answer(gateway, web.cookies["server by name"]).status_code == 200


def test_a_public_session_counts_where_the_filter_finds_something(make_members, web):
    public = {"public_enabled": True, "public_user": USER, "public_password": PASSWORD}
    gateway = make_members(**web.settings("db", public_url_filter="imgData", **public))
    assert answer(gateway, web.cookies["public"]).status_code == 200
    assert answer(gateway, web.cookies["public"], "luts/").status_code == 401
    assert answer(gateway, web.cookies["public"], "imgData/987654/").status_code == 403
    # A session that is over does not keep anybody from what is public.
    assert answer(gateway, web.cookies["dead"]).status_code == 200


@pytest.mark.parametrize("engine", WITH_SERIALIZER)
def test_what_was_signed_with_another_key_is_not_believed(make_members, web, engine):
    gateway = make_members(
        **web.settings(
            engine,
            session_secret_key="another",
            session_cache_url=(f"redis://127.0.0.1:{web.redis_port}/4"),
        )
    )
    assert answer(gateway, web.cookies[f"{engine} json"]).status_code == 401


def test_a_changed_cookie_is_not_believed(make_members, web):
    gateway = make_members(**web.settings("signed_cookies"))
    cookie = web.cookies["signed_cookies json"]
    middle = len(cookie) // 3
    changed = cookie[:middle] + ("A" if cookie[middle] != "A" else "B") + cookie[middle + 1 :]
    for wrong in (changed, cookie[:-1], "", ":", "::", "é:b:c", cookie + "x", "a" * 9000):
        assert answer(gateway, wrong).status_code == 401
    assert answer(gateway, cookie).status_code == 200


def test_sessions_end(make_members, web):
    time.sleep(1.1)
    assert answer(make_members(**web.settings("db")), web.cookies["short"]).status_code == 401
    path = web.folder / f"sessionid{web.cookies['changed']}"
    gateway = make_members(**web.settings("file", session_remembered_s=0))
    assert answer(gateway, web.cookies["changed"]).status_code == 200
    old_s = time.time() - 86401
    os.utime(path, (old_s, old_s))
    assert answer(gateway, web.cookies["changed"]).status_code == 401


def test_a_cookie_is_no_path(make_members, web):
    gateway = make_members(**web.settings("file"))
    name = web.cookies["file json"]
    for cookie in (f"../web0/sessionid{name}", f"/{name}", f"{name}%00", "..", "a/b"):
        assert answer(gateway, cookie).status_code == 401


def test_a_logout_counts_when_the_session_is_no_longer_remembered(make_members, web, tmp_path):
    shutil.copy(web.folder / f"sessionid{web.cookies['file json']}", tmp_path)
    settings = {"session_folder": tmp_path, "session_remembered_s": 2.0}
    gateway = make_members(**web.settings("file", **settings))
    cookie = web.cookies["file json"]
    assert answer(gateway, cookie).status_code == 200
    (tmp_path / f"sessionid{cookie}").unlink()
    until = time.monotonic() + 2.0
    while answer(gateway, cookie).status_code == 200:
        assert time.monotonic() < until + 1.0
        time.sleep(0.1)
    assert answer(gateway, cookie).status_code == 401


class TestAStoreThatIsAway:
    def test_logs_nobody_out(self, make_members, web, tmp_path):
        nowhere = {
            "session_cache_url": "redis://127.0.0.1:9/0",
            "session_database": f"sqlite:///{tmp_path}/missing/web.sqlite3",
            "session_folder": tmp_path / "missing",
        }
        for engine in ("cache", "db", "cached_db", "file"):
            response = answer(make_members(**web.settings(engine, **nowhere)), "x" * 32)
            assert response.status_code == 503, engine
            assert response.headers["Retry-After"]
            assert "session store" in response.get_json()["message"]

    def test_a_database_stands_in_for_the_cache_before_it(self, make_members, web):
        dead = {"session_cache_url": "redis://127.0.0.1:9/0"}
        gateway = make_members(**web.settings("cached_db", **dead))
        assert answer(gateway, web.cookies["cached_db json"]).status_code == 200
        assert answer(gateway, "x" * 32).status_code == 401

    def test_is_waited_for_no_longer_than_stated(self, make_members, web, tmp_path):
        with start_redis(tmp_path) as (port, process):
            url = {"session_cache_url": f"redis://127.0.0.1:{port}/0"}
            settings = web.settings("cache", session_store_timeout_s=0.5, **url)
            gateway = make_members(**settings)
            assert answer(gateway, "x" * 32).status_code == 401
            process.send_signal(19)  # SIGSTOP: it accepts connections and never answers
            try:
                begun_s = time.monotonic()
                assert answer(gateway, "x" * 32).status_code == 503
                assert time.monotonic() - begun_s < 10
            finally:
                process.send_signal(18)
            assert answer(gateway, "x" * 32).status_code == 401

    def test_omero_that_is_away_logs_nobody_out_either(self, make_members, web):
        gateway = make_members(**web.settings("db", omero_port=9))
        assert answer(gateway, web.cookies["db json"]).status_code == 503


@pytest.mark.slow
def test_postgresql(make_members, web, tmp_path):
    with start_postgres() as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "web",
            "HOST": "127.0.0.1",
            "PORT": port,
        }
        told = [
            {
                "name": kind,
                "engine": ENGINES + "db",
                "serializer": kind,
                "content": content(web.key),
            }
            for kind in ("json", "pickle")
        ]
        told.append(told[0] | {"name": "short", "age_s": 1})
        cookies = write_sessions(told, folder=tmp_path, database=database)
        gateway = make_members(**web.settings("db", session_database=url, session_remembered_s=0))
        for kind in ("json", "pickle", "json"):
            assert answer(gateway, cookies[kind]).status_code == 200
        time.sleep(1.1)
        assert answer(gateway, cookies["short"]).status_code == 401
        assert answer(gateway, "x" * 32).status_code == 401
    begun_s = time.monotonic()
    assert answer(gateway, cookies["json"]).status_code == 503
    assert time.monotonic() - begun_s < 10


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"session_engine": "memcached"}, "session_engine .*should be one of"),
        ({"session_engine": "db"}, "session_database .* is needed"),
        ({"session_engine": "file"}, "session_secret_key .* is needed"),
        ({"session_engine": "cache", "session_cache_url": "host:1"}, "should begin with redis"),
        (
            {"session_engine": "db", "session_database": "mysql://u:topsecret@h/d"},
            "should begin with sqlite",
        ),
    ],
)
def test_settings_that_cannot_be_are_told_at_the_start(make_members, settings, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        make_members(**settings)
    assert "topsecret" not in str(caught.value)
