"""From settings to the stores of OMERO.web's sessions."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.identity.stores.base import SessionStore
from app.identity.stores.bounded import BoundedStore
from app.identity.stores.database import DatabaseStore, rows_of
from app.identity.stores.files import CookieStore, FileStore
from app.settings import PREFIX, Settings, SettingsError

#: Django's names of the engines, and OMERO.web's of an old one, by ours.
_FULL_NAMES = {
    f"django.contrib.sessions.backends.{name}": name
    for name in ("cache", "db", "cached_db", "file", "signed_cookies")
} | {"omeroweb.filesessionstore": "file"}


def open_stores(settings: Settings) -> Sequence[BoundedStore]:
    """Give the stores in the order in which a session is looked for; raise SettingsError."""
    timeout_s = settings.session_store_timeout_s
    return [BoundedStore(store, timeout_s) for store in _stores(settings, engine_of(settings))]


def engine_of(settings: Settings) -> str:
    """Give the engine's short name; raise SettingsError for one that is not known."""
    given = settings.session_engine or ""
    engine = _FULL_NAMES.get(given, given)
    if engine not in _FULL_NAMES.values():
        raise _wrong("session_engine", f"= {given!r}: should be one of {', '.join(_names())}")
    return engine


def _stores(settings: Settings, engine: str) -> list[SessionStore]:
    if engine == "cache":
        return [_cache(settings, engine)]
    if engine == "cached_db":
        return [_cache(settings, engine), _database(settings)]
    if engine == "db":
        return [_database(settings)]
    if engine == "signed_cookies":
        return [CookieStore(_secret(settings), settings.session_age_s)]
    folder = settings.session_folder or Path(tempfile.gettempdir())
    cookie_name = settings.session_cookie_name
    return [FileStore(folder, cookie_name, _secret(settings), settings.session_age_s)]


def _cache(settings: Settings, engine: str) -> SessionStore:
    # Redis's client is not needed by those who do without it.
    from app.identity.stores.redis_cache import RedisStore

    try:
        return RedisStore(
            settings.session_cache_url.get_secret_value(),
            settings.session_cache_key_prefix,
            settings.session_cache_version,
            engine,
            settings.session_store_timeout_s,
        )
    except ValueError:
        raise _wrong("session_cache_url", "should begin with redis://, rediss:// or unix://") from (
            None
        )


def _database(settings: Settings) -> SessionStore:
    if settings.session_database is None:
        raise _wrong("session_database", f"is needed by the session_engine {engine_of(settings)}")
    url = settings.session_database.get_secret_value()
    try:
        return DatabaseStore(rows_of(url, settings.session_store_timeout_s), _secret(settings))
    except ValueError as error:
        raise _wrong("session_database", str(error)) from None


def _secret(settings: Settings) -> str:
    if settings.session_secret_key is None:
        raise _wrong("session_secret_key", f"is needed by the session_engine {engine_of(settings)}")
    return settings.session_secret_key.get_secret_value()


def _names() -> list[str]:
    return sorted(set(_FULL_NAMES.values()))


def _wrong(name: str, what: str) -> SettingsError:
    return SettingsError(f"setting {name} ({PREFIX}{name.upper()}) {what}")
