"""Settings: what other sites, proxies and pages of others may do."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from app.networks import LOOPBACK, Network
from app.settings.kinds import in_group

setting = in_group("http")

_PLACE = re.compile(r"/[\w.~-]+(?:/[\w.~-]+)*/?", re.ASCII)
_PREFIX = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)
_HOST = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", re.ASCII)
_ORIGIN = re.compile(r"\*|https?://[^\s/?#@,]+", re.IGNORECASE)


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("should be an origin such as https://figure.example.org, or *")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("should be a host name such as images.example.org, *.example.org, or *")
    return text


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise ValueError("should be a path such as /_blitzrender/")
    return text


def _path(text: str) -> str:
    path = text.strip("/")
    if not path:
        return ""
    if not _PREFIX.fullmatch(path):
        raise ValueError("should be a path such as /omero")
    return f"/{path}"


class HttpSettings(BaseModel):
    """What other sites, proxies and pages of others may do."""

    prefix: Annotated[str, AfterValidator(_path)] = setting(
        "",
        "Path in front of all addresses, such as `/omero` (OMERO.web's `omero.web.prefix`).",
        "none",
    )

    allowed_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = setting(
        (),
        "Host names such as `images.example.org` or `*.example.org` by which the service may be "
        "asked, besides `localhost` and addresses of digits; `*` = any. Other names are answered "
        "403 (docs/security.md).",
        "any where people log in; else this host's name and `host`, and any through a proxy in "
        "`trusted_proxies` that sends `Via`",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        LOOPBACK,
        "Networks such as `172.18.0.2/32` of the proxies in front, whose `X-Forwarded-For`, "
        "`X-Forwarded-Proto` and `SCRIPT_NAME` count. No clients may be in them.",
        "this host only",
    )
    cors_allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = setting(
        (),
        "Origins such as `https://figure.example.org` whose pages may read answers in the name of "
        "who is logged in; `*` among them lets the pages of all others read what anybody may see, "
        "without cookies.",
        "none",
    )
    x_frame_options: Literal["SAMEORIGIN", "DENY", "any"] = setting(
        "SAMEORIGIN",
        "Whose pages may show answers in a frame: `SAMEORIGIN`, `DENY`, or `any` page "
        "(then the header is left out).",
    )
    x_accel_redirect: Annotated[str, AfterValidator(_place)] | None = setting(
        None,
        "Internal location of NGINX, such as `/_blitzrender/`, from which it sends large cached "
        "pictures by itself once they are permitted; `flask nginx` prints it. NGINX has to be "
        "in the group that owns `cache_dir`.",
    )
