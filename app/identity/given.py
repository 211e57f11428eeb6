"""Credentials that a request carries itself: in a header, or, where a site wants it, in its URL."""

import ipaddress

from flask import Request

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


def address_of(asked: Request) -> str:
    """Give the address that a request came from; a proxy of ours says whose it was."""
    peer = asked.remote_addr or ""
    forwarded = asked.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and _is_ours(peer) else peer


def _last(request: Request, name: str) -> str | None:
    values = request.args.getlist(name)
    return values[-1] if values and values[-1] else None


def _is_ours(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False
