"""NGINX's configuration, written from the settings and the addresses that there are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, render_template

from app.settings import PREFIX, Settings

#: Addresses that give out whole files and archives, which may be larger than any buffer.
_DOWNLOADS = frozenset(
    {
        "annotation",
        "archived_files",
        "download_as",
        "download_original_file",
        "export",
        "get_original_file",
        "jobs",
        "render_image_download",
        "render_movie",
        "render_ome_tiff",
    }
)
#: What OMERO.web does with its own settings, logins and forms, where it stands beside.
_LEFT_TO_OMERO_WEB = frozenset(
    {
        *("api", "img_detail", "keepalive_ping", "login", "logout", "open_with"),
        *("action", "annotate_file", "annotate_map", "edit_channel_names"),
    }
)
#: Addresses that take in files, in a form whose fields may have so much beside.
_UPLOADS: dict[str, set[str]] = {"webgateway": set(), "webclient": {"annotate_file"}}
_FIELDS_KB = 257
#: Headers of an answer that NGINX would drop when it sends the file that the answer names.
_CARRIED = (
    "ETag",
    "Vary",
    "Warning",
    "X-Cache",
    "X-Request-ID",
    "Server-Timing",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
    "X-Pixel-Type",
    "X-Byte-Order",
    "X-Shape",
    "X-Channels",
)
#: How much longer than Blitzrender's own deadline NGINX waits.
_PATIENCE_S = 10
_BODY_SIZE = "8m"
_FORBIDDEN = re.compile(r"[\s\"'{};$\\#]|[^\x20-\x7e]")


@dataclass(frozen=True)
class Site:
    """What an operator says of the place where NGINX stands.

    `omero_web` is where OMERO.web listens; None = all addresses go to Blitzrender. NGINX sends
    the files of `omero_web_static` by itself, as OMERO.web leaves them to it. With a
    `certificate` (and its key) it speaks TLS.
    """

    server_name: str = "_"
    listen: str = "80"
    omero_web: str | None = None
    omero_web_static: Path | None = None
    prefix: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None
    # NGINX makes this folder, but none above it.
    cache_folder: Path = Path("/var/cache/blitzrender-nginx")
    cache_size: str = "1g"


def nginx_configuration(app: Flask, settings: Settings, site: Site) -> str:
    """Give the text for NGINX's http block.

    Raises ValueError for a name or path with a character that has a meaning to NGINX, and for
    places that cannot be those of two services.
    """
    upstream = f"{'127.0.0.1' if settings.host == '0.0.0.0' else settings.host}:{settings.port}"
    pictures_folder = f"{settings.cache_dir.absolute()}/"
    for value in (*vars(site).values(), upstream, pictures_folder):
        if value is not None and _FORBIDDEN.search(str(value)):
            raise ValueError(f"{str(value)!r} has a character that NGINX would misunderstand")
    if site.prefix and not re.fullmatch(r"(?:/[\w.~-]+)+", site.prefix):
        raise ValueError(f"the prefix {site.prefix!r} should look like /omero")
    if site.omero_web == upstream:
        raise ValueError(
            f"OMERO.web and Blitzrender cannot both listen at {upstream}: set {PREFIX}PORT"
        )
    if site.omero_web_static and not site.omero_web:
        raise ValueError("there are no files of an OMERO.web without one")
    names = _names(app)
    downloads = {kind: found & _DOWNLOADS for kind, found in names.items()}
    left = _DOWNLOADS | _LEFT_TO_OMERO_WEB
    pictures = {kind: found - left for kind, found in names.items()}
    place = settings.x_accel_redirect
    with app.app_context():
        text = render_template(
            "nginx.conf",
            **vars(site),
            upstream=upstream,
            public=settings.public_enabled or (settings.one_viewer and not settings.embedded),
            keepalive_s=max(1, settings.keepalive_s - 5),
            read_timeout_s=round(settings.request_deadline_s) + _PATIENCE_S,
            body_size=_BODY_SIZE,
            uploads="" if site.omero_web else _pattern(site.prefix, _UPLOADS),
            upload_size=f"{settings.max_upload_bytes // 1024 + _FIELDS_KB}k",
            downloads=_pattern(site.prefix, downloads),
            pictures=f"~ {_pattern(site.prefix, pictures)}"
            if site.omero_web
            else f"{site.prefix}/",
            place=place and f"{place.rstrip('/')}/",
            pictures_folder=pictures_folder,
            carried=[(name, f"$upstream_http_{_variable(name)}") for name in _CARRIED],
        )
    return f"{text.rstrip()}\n"


def _names(app: Flask) -> dict[str, set[str]]:
    """Give what follows `/webgateway/` and `/webclient/` in the addresses of the application."""
    names: dict[str, set[str]] = {"webgateway": set(), "webclient": set()}
    for rule in app.url_map.iter_rules():
        kind, _, rest = rule.rule.removeprefix("/").partition("/")
        name = re.sub(r"^<[^>]*>/", "", rest).partition("/")[0]
        if kind in names and name:
            names[kind].add(name)
    return names


def _pattern(prefix: str, names: dict[str, set[str]]) -> str:
    """Give a regular expression for addresses; empty when there are no names."""
    ways = []
    if names["webgateway"]:
        ways.append(f"webgateway/{_one_of(names['webgateway'])}")
    if names["webclient"]:
        ways.append(f"webclient/(?:[0-9]+/)?{_one_of(names['webclient'])}")
    return f"^{re.escape(prefix)}/(?:{'|'.join(ways)})(?:/|$)" if ways else ""


def _one_of(names: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(names))})"


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")
