"""Forged requests from other sites: every POST is checked just as OMERO.web (Django) checks it.

`register` has all POST routes of an application checked; they do nothing for it themselves. A
request passes when the cookie `csrftoken` (OMERO.web's, or the one that we hand out) fits the
token in the header X-CSRFToken or the form field csrfmiddlewaretoken, and when it comes from this
host or a trusted one. Needless for requests that authenticate by a header, which no other site
can have a browser send; where nobody logs in, such a header says nothing.

Where nobody logs in there is no cookie to fit: then a browser's request has to come from this host
or a trusted one, and a program's (curl) passes.
"""

import hmac
import io
import secrets
import string
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, request

from app.identity.given import session_key_of
from app.web import parts_of
from render.errors import Forbidden

COOKIE = "csrftoken"
HEADER = "X-CSRFToken"
FIELD = "csrfmiddlewaretoken"

_ALPHABET = string.ascii_letters + string.digits
_PLACES = {letter: place for place, letter in enumerate(_ALPHABET)}
_SECRET_LENGTH = 32
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: Bytes of a body that is searched for the field; a larger form has to send the header.
_LARGEST_FORM = 1024 * 1024
_COOKIE_AGE_S = 365 * 86400


def register(app: Flask) -> None:
    """Have every unsafe request to a route of the application checked, before its view."""
    app.before_request(_check_request)


def check(asked: Request, trusted: Sequence[str], *, one_viewer: bool) -> None:
    """Raise Forbidden, with Django's reason, when another site may have forged the request.

    `trusted` are the origins besides this host's own that may send requests; `one_viewer` =
    nobody logs in.
    """
    if asked.method in _SAFE_METHODS or _is_answered_for_key(asked, one_viewer):
        return
    if one_viewer:
        _check_origin_of_browsers(asked, trusted)
        return
    _check_origin(asked, trusted)
    secret = _cookie_secret(asked)
    token, place = _sent_token(asked)
    reason = _wrong_form(token)
    if reason:
        raise _failed(f"CSRF token from {place} {reason}.")
    if not hmac.compare_digest(_unmasked(token), secret):
        raise _failed(f"CSRF token from {place} incorrect.")


def check_changing_get(asked: Request, trusted: Sequence[str], *, one_viewer: bool) -> None:
    """Raise Forbidden for a GET that changes something, when another site may have had it sent.

    A viewer's script that asks for it says so in a header, which no page of another site can have
    a browser send. Other methods are checked by `check`, which has the same parameters.
    """
    if asked.method not in _SAFE_METHODS or _is_answered_for_key(asked, one_viewer):
        return
    if asked.headers.get("X-Requested-With") != "XMLHttpRequest":
        raise _failed("Origin checking failed - no header X-Requested-With.")
    _check_origin_of_browsers(asked, trusted)


def token_for(asked: Request) -> str:
    """Give the secret of the client's cookie, or a new one, which `hand_out` has to follow."""
    given = asked.cookies.get(COOKIE, "")
    return _unmasked(given) if given and _wrong_form(given) is None else _new_secret()


def hand_out(asked: Request, response: Response, token: str) -> None:
    """Set the cookie that goes with `token`, unless the client holds it."""
    if asked.cookies.get(COOKIE) == token:
        return
    response.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_AGE_S,
        path=asked.script_root or "/",
        secure=asked.is_secure,
        samesite="Lax",
    )


def _is_answered_for_key(asked: Request, one_viewer: bool) -> bool:
    """Tell whether a key in a header, and nothing that a browser adds by itself, says who asks."""
    return not one_viewer and session_key_of(asked) is not None


def _check_request() -> None:
    # What no route answers (404, 405) is told as that.
    if request.routing_exception is None:
        settings = parts_of(current_app).settings
        check(request, settings.csrf_trusted_origins, one_viewer=settings.one_viewer)


def _check_origin_of_browsers(asked: Request, trusted: Sequence[str]) -> None:
    """Refuse what a browser sends on behalf of another site; programs say nothing of a site."""
    if "Origin" in asked.headers:
        _check_origin(asked, trusted)
    elif asked.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise _failed("Origin checking failed - another site sent this.")


def _check_origin(asked: Request, trusted: Sequence[str]) -> None:
    origin = asked.headers.get("Origin")
    own = f"{asked.scheme}://{asked.host}"
    if origin is not None:
        if origin != own and not _is_trusted(origin, trusted):
            raise _failed(
                f"Origin checking failed - {origin[:200]} does not match any trusted origins."
            )
    elif asked.is_secure:
        _check_referer(asked, own, trusted)


def _check_referer(asked: Request, own: str, trusted: Sequence[str]) -> None:
    referer = asked.headers.get("Referer")
    if referer is None:
        raise _failed("Referer checking failed - no Referer.")
    try:
        scheme, host = urlsplit(referer)[:2]
    except ValueError:
        scheme = host = ""
    if not scheme or not host:
        raise _failed("Referer checking failed - Referer is malformed.")
    if scheme != "https":
        raise _failed("Referer checking failed - Referer is insecure while host is secure.")
    origin = f"{scheme}://{host}"
    if origin != own and not _is_trusted(origin, trusted):
        raise _failed(f"Referer checking failed - {host[:200]} does not match any trusted origins.")


def _is_trusted(origin: str, trusted: Sequence[str]) -> bool:
    scheme, _, host = origin.lower().partition("://")
    for accepted in trusted:
        accepted_scheme, _, pattern = accepted.lower().partition("://")
        if scheme != accepted_scheme:
            continue
        if host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])):
            return True
    return False


def _cookie_secret(asked: Request) -> str:
    given = asked.cookies.get(COOKIE)
    if given is None:
        raise _failed("CSRF cookie not set.")
    reason = _wrong_form(given)
    if reason:
        raise _failed(f"CSRF cookie {reason}.")
    return _unmasked(given)


def _sent_token(asked: Request) -> tuple[str, str]:
    token = asked.headers.get(HEADER, "")
    if token:
        return token, "the 'X-Csrftoken' HTTP header"
    token = _form_token(asked) if asked.method == "POST" else ""
    if not token:
        raise _failed("CSRF token missing.")
    return token, "POST"


def _form_token(asked: Request) -> str:
    """Read the field out of a form, and leave the body to be read again."""
    if asked.mimetype not in _FORMS or (asked.content_length or 0) > _LARGEST_FORM:
        return ""
    body = asked.stream.read(_LARGEST_FORM + 1)
    if len(body) > _LARGEST_FORM:
        return ""
    asked.stream = io.BytesIO(body)
    token = asked.form.get(FIELD, "")
    asked.stream = io.BytesIO(body)
    return token


def _wrong_form(token: str) -> str | None:
    """Say in Django's words why this can be no token: a secret, or a mask and what it masks."""
    if len(token) not in (_SECRET_LENGTH, 2 * _SECRET_LENGTH):
        return "has incorrect length"
    if any(letter not in _PLACES for letter in token):
        return "has invalid characters"
    return None


def _unmasked(token: str) -> str:
    if len(token) == _SECRET_LENGTH:
        return token
    mask, masked = token[:_SECRET_LENGTH], token[_SECRET_LENGTH:]
    pairs = zip(masked, mask, strict=True)
    return "".join(_ALPHABET[_PLACES[a] - _PLACES[b]] for a, b in pairs)


def _new_secret() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))


def _failed(reason: str) -> Forbidden:
    return Forbidden(f"CSRF Failed: {reason}")
