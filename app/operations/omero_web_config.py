"""Settings out of OMERO's own configuration file, `$OMERODIR/etc/grid/config.xml`.

Only what OMERO.web is told there is looked at. The file is never written to.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, parse

from app.settings.omero import OmeroSettings

_ACTIVE = "__ACTIVE__"
_PROFILE = "omero.config.profile"
_WEB = "omero.web."

#: Our names of what needs no translation but that of its text, which is JSON where it is a list.
_TEXTS = {
    "session_engine": "session_engine",
    "session_cookie_name": "session_cookie_name",
    "session_cookie_age": "session_age_s",
    "secret_key": "session_secret_key",
    "prefix": "prefix",
    "public.url_filter": "public_url_filter",
    "public.server_id": "public_server_id",
    "public.user": "public_user",
    "public.password": "public_password",
    "public.enabled": "public_enabled",
    "public.get_only": "public_get_only",
    "x_frame_options": "x_frame_options",
}
_LISTS = {
    "csrf_trusted_origins": "csrf_trusted_origins",
    "cors_origin_whitelist": "cors_allowed_origins",
}
_SQLITE = "django.db.backends.sqlite3"


class ConfigError(ValueError):
    """The file cannot be used; the text says why, without a value out of it."""


def read_omero_web_config(settings: OmeroSettings) -> dict[str, Any]:
    """Give the settings that OMERO's file says and that are not set already; raise ConfigError."""
    path = settings.omero_web_config
    assert path is not None
    own = set(settings.model_fields_set)
    if own & {"omero_host", "omero_servers"}:
        own |= {"omero_host", "omero_servers"}
    values = {name: value for name, value in _values(path).items() if name not in own}
    engine = str(values.get("session_engine", "")).rpartition(".")[2]
    if engine in ("cache", "cached_db") and "session_cache_url" not in values.keys() | own:
        raise ConfigError("keeps OMERO.web's sessions in a cache that is not in Redis")
    return values


def _values(path: Path) -> dict[str, Any]:
    properties = _properties(path)
    values: dict[str, Any] = {}
    for theirs, ours in _TEXTS.items():
        text = properties.get(_WEB + theirs, "")
        if text:
            values[ours] = text
    if values.get("x_frame_options") not in ("SAMEORIGIN", "DENY"):
        values.pop("x_frame_options", None)
    for theirs, ours in _LISTS.items():
        # Old versions of OMERO.web take names of hosts, which are no origins.
        listed = [item for item in _json(properties, theirs) or () if "://" in str(item)]
        if listed:
            values[ours] = listed
    if properties.get(_WEB + "cors_origin_allow_all", "").lower() == "true":
        values["cors_allowed_origins"] = [*values.get("cors_allowed_origins", []), "*"]
    servers = _json(properties, "server_list")
    if servers:
        values["omero_servers"] = [_server(server) for server in servers]
    values |= _cache(_json(properties, "caches"))
    values |= _database(_json(properties, "databases"))
    values |= _secret_key(path) if "session_secret_key" not in values else {}
    # Without one, OMERO.web keeps sessions in files.
    values.setdefault("session_engine", "file")
    return values


def _properties(path: Path) -> Mapping[str, str]:
    try:
        root = parse(path).getroot()
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})") from error
    except (ParseError, DefusedXmlException) as error:
        raise ConfigError("is no configuration file of OMERO's") from error
    profiles = {block.get("id", ""): _block(block) for block in root.iter("properties")}
    profile = profiles.get(_ACTIVE, {}).get(_PROFILE, "default")
    if profile not in profiles:
        raise ConfigError(f"has no profile {profile!r}")
    return profiles[profile]


def _block(block: Element) -> dict[str, str]:
    return {item.get("name", ""): item.get("value", "") for item in block.iter("property")}


def _json(properties: Mapping[str, str], name: str) -> Any:
    text = properties.get(_WEB + name, "")
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"has no JSON in {_WEB}{name}") from error


def _server(given: Any) -> list[Any]:
    try:
        host, port, *name = given
        return [str(host), int(port), str(name[0]) if name else str(host)]
    except (TypeError, ValueError) as error:
        raise ConfigError(f"has no list of servers in {_WEB}server_list") from error


def _cache(caches: Any) -> dict[str, Any]:
    """Read Django's default cache; one that is not in Redis is of no use for sessions."""
    default = caches.get("default") if isinstance(caches, Mapping) else None
    if not isinstance(default, Mapping) or "redis" not in str(default.get("BACKEND", "")).lower():
        return {}
    location = default.get("LOCATION") or ""
    # Of several the first is the one that is written to.
    first = location[0] if isinstance(location, list) else str(location).split(",")[0]
    options = default.get("OPTIONS")
    options = options if isinstance(options, Mapping) else {}
    values: dict[str, Any] = {"session_cache_url": _redis_url(str(first), options)}
    if default.get("KEY_PREFIX"):
        values["session_cache_key_prefix"] = str(default["KEY_PREFIX"])
    if default.get("VERSION"):
        values["session_cache_version"] = default["VERSION"]
    return values


def _redis_url(location: str, options: Mapping[str, Any]) -> str:
    password = options.get("PASSWORD") or options.get("password")
    url = urlsplit(location)
    if not password or "@" in url.netloc:
        return location
    user = quote(str(options.get("USERNAME") or options.get("username") or ""), safe="")
    netloc = f"{user}:{quote(str(password), safe='')}@{url.netloc}"
    return urlunsplit(url._replace(netloc=netloc))


def _database(databases: Any) -> dict[str, Any]:
    default = databases.get("default") if isinstance(databases, Mapping) else None
    if not isinstance(default, Mapping) or not default.get("NAME"):
        return {}
    engine, name = str(default.get("ENGINE", "")), str(default["NAME"])
    if engine == _SQLITE:
        return {"session_database": f"sqlite:///{name.lstrip('/')}"}
    if not re.fullmatch(r"django\.db\.backends\.postgresql(_psycopg2)?", engine):
        return {}

    def part(before: str, key: str, after: str = "") -> str:
        value = str(default.get(key) or "")
        return before + quote(value, safe="") + after if value else ""

    login = part("", "USER") + part(":", "PASSWORD")
    host = part("", "HOST") + part(":", "PORT")
    place = f"{login}@{host}" if login else host
    return {"session_database": f"postgresql://{place}/{quote(name, safe='')}"}


def _secret_key(path: Path) -> dict[str, Any]:
    """Read the key that OMERO.web made for itself, in `$OMERODIR/var`."""
    try:
        made = path.resolve().parents[2] / "var" / "django_secret_key"
        return {"session_secret_key": made.read_text("utf-8")}
    except (OSError, IndexError, UnicodeDecodeError):
        return {}
