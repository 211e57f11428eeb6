"""Settings out of OMERO's configuration file."""

import json
import re

import pytest

from app.settings import SettingsError, load_settings
from tests.support.omero_web import config_xml

PROPERTIES = {
    "omero.web.server_list": '[["omero1.example.org", 4064, "one"], ["omero2", 14064, "two"]]',
    "omero.web.session_engine": "django.contrib.sessions.backends.cache",
    "omero.web.session_cookie_name": "omerosession",
    "omero.web.session_cookie_age": "7200",
    "omero.web.secret_key": "k<&>ey",
    "omero.web.prefix": "/omero",
    "omero.web.public.enabled": "true",
    "omero.web.public.url_filter": "^/(webgateway|iviewer)/",
    "omero.web.public.get_only": "false",
    "omero.web.public.server_id": "2",
    "omero.web.public.user": "public",
    "omero.web.public.password": "sesame",
    "omero.web.csrf_trusted_origins": '["https://a.example.org"]',
    "omero.web.cors_origin_whitelist": '["https://b.example.org", "old.example.org"]',
    "omero.web.x_frame_options": "DENY",
    "omero.db.pass": "unrelated",
}
REDIS = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": ["redis://cache:6379/2", "redis://replica:6379/2"],
        "OPTIONS": {"PASSWORD": "p@ss"},
        "KEY_PREFIX": "web",
        "VERSION": 3,
    }
}


@pytest.fixture
def configured(tmp_path):
    """Give a function that writes the file and reads the settings that name it."""

    def write(properties, **own):
        folder = tmp_path / "OMERO" / "etc" / "grid"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "config.xml"
        text = properties if isinstance(properties, str) else config_xml(properties)
        path.write_text(text, "utf-8")
        settings = load_settings(env_file=None, omero_web_config=path, **own)
        assert path.read_text("utf-8") == text
        return settings

    return write


def test_a_site_says_nothing_twice(configured):
    caches = {"omero.web.caches": json.dumps(REDIS)}
    settings = configured(PROPERTIES | caches)
    assert not settings.embedded and not settings.one_viewer
    assert settings.omero_servers == (
        ("omero1.example.org", 4064, "one"),
        ("omero2", 14064, "two"),
    )
    assert settings.session_engine == "django.contrib.sessions.backends.cache"
    assert (settings.session_cookie_name, settings.session_age_s) == ("omerosession", 7200)
    assert settings.session_secret_key.get_secret_value() == "k<&>ey"
    assert settings.session_cache_url.get_secret_value() == "redis://:p%40ss@cache:6379/2"
    assert (settings.session_cache_key_prefix, settings.session_cache_version) == ("web", 3)
    assert settings.prefix == "/omero"
    assert settings.public_enabled and not settings.public_get_only
    assert (settings.public_user, settings.public_server_id) == ("public", 2)
    assert settings.public_password.get_secret_value() == "sesame"
    assert re.search(settings.public_url_filter, "/iviewer/")
    assert settings.csrf_trusted_origins == ("https://a.example.org",)
    assert settings.cors_allowed_origins == ("https://b.example.org",)
    assert settings.x_frame_options == "DENY"


def test_what_is_set_here_wins(configured, monkeypatch):
    monkeypatch.setenv("BLITZRENDER_PREFIX", "/images")
    monkeypatch.setenv("BLITZRENDER_SESSION_CACHE_URL", "redis://own/1")
    own = {"omero_host": "own.example.org", "public_enabled": False}
    settings = configured(PROPERTIES | {"omero.web.caches": json.dumps(REDIS)}, **own)
    assert settings.prefix == "/images" and not settings.public_enabled
    assert settings.session_cache_url.get_secret_value() == "redis://own/1"
    assert (settings.omero_host, settings.omero_servers) == ("own.example.org", ())
    assert settings.session_cookie_name == "omerosession"


def test_the_key_that_omero_web_made_for_itself_is_found(configured, tmp_path):
    (tmp_path / "OMERO" / "var").mkdir(parents=True)
    (tmp_path / "OMERO" / "var" / "django_secret_key").write_text("made=itself")
    settings = configured({"omero.web.server_list": '[["omero", 4064, "omero"]]'})
    assert settings.session_secret_key.get_secret_value() == "made=itself"
    # As OMERO.web does where nothing is said.
    assert settings.session_engine == "file"


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (
            {
                "ENGINE": "django.db.backends.postgresql_psycopg2",
                "NAME": "web/db",
                "USER": "we b",
                "PASSWORD": "p:@/",
                "HOST": "db",
                "PORT": 1,
            },
            "postgresql://we%20b:p%3A%40%2F@db:1/web%2Fdb",
        ),
        ({"ENGINE": "django.db.backends.postgresql", "NAME": "web"}, "postgresql:///web"),
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/web.db"}, "sqlite:///var/web.db"),
        ({"ENGINE": "django.db.backends.mysql", "NAME": "web"}, None),
        ({}, None),
    ],
)
def test_databases(configured, database, expected):
    properties = {
        "omero.web.session_engine": "django.contrib.sessions.backends.db",
        "omero.web.databases": json.dumps({"default": database}),
    }
    found = configured(properties).session_database
    assert (None if found is None else found.get_secret_value()) == expected


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ("<icegrid>", "no configuration file"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><icegrid>&b;</icegrid>', "no configuration file"),
        (config_xml({}).replace('value="default"', 'value="gone"'), "no profile 'gone'"),
        ({"omero.web.server_list": "[["}, "no JSON in omero.web.server_list"),
        ({"omero.web.server_list": '["a"]'}, "no list of servers"),
        (
            {"omero.web.session_engine": "django.contrib.sessions.backends.cache"},
            "not in Redis",
        ),
        ({"omero.web.public.server_id": "first"}, "setting public_server_id"),
    ],
)
def test_what_cannot_be_used_is_told(configured, properties, sentence):
    with pytest.raises(SettingsError, match=sentence):
        configured(properties)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SettingsError, match=r"omero_web_config .*cannot be read"):
        load_settings(env_file=None, omero_web_config=tmp_path / "missing.xml")
