"""Credentials that a request carries itself: in a header, or, where a site wants it, in its URL."""

from collections.abc import Sequence

from flask import Request

from app.networks import Network, is_in, parsed

_BEARER = "bearer "


def session_key_of(request: Request) -> str | None:
    """Give the OMERO session key in X-OMERO-Session-Key or Authorization, if there is one."""
    key = request.headers.get("X-OMERO-Session-Key", "").strip()
    if key:
        return key
    authorization = request.headers.get("Authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return None


def query_key_of(request: Request) -> str | None:
    """Give the session key in the URL, if there is one."""
    return _last(request, "bsession")


def query_login_of(request: Request) -> tuple[str, str] | None:
    """Give user and password in the URL, if both are there."""
    user, password = _last(request, "username"), _last(request, "password")
    return (user, password) if user and password else None


def address_of(asked: Request, proxies: Sequence[Network]) -> str:
    """Give the address that a request came from; each of the `proxies` says who asked it."""
    address = asked.remote_addr or ""
    for told in reversed(asked.headers.get("X-Forwarded-For", "").split(",")):
        if not is_in(address, proxies) or parsed(told.strip()) is None:
            break
        address = told.strip()
    return address


def _last(request: Request, name: str) -> str | None:
    values = request.args.getlist(name)
    return values[-1] if values and values[-1] else None
