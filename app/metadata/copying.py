"""A client's clipboard: whose it is, and what is put into it."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Request, Response

from app.call import Call
from app.parsing.channels import load_maps
from app.parsing.numbers import integer, shown
from render.errors import BadRequest

#: Tells clients apart that all have the same login.
COOKIE = "blitzrender_clipboard"

_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")
_TEXTS = ("c", "m", "pixel_range", "z", "t")


def client_of(call: Call, asked: Request) -> str:
    """Give the secret that a client's clipboard is kept under: its login's, else its cookie's.

    A client that has neither gets a new one, which `hand_out_client` has to follow.
    """
    if call.viewer.kind not in ("local", "public"):
        return call.viewer.key
    given = asked.cookies.get(COOKIE, "")
    return given if _SECRET.fullmatch(given) else secrets.token_urlsafe(24)


def hand_out_client(call: Call, asked: Request, response: Response, client: str) -> None:
    """Set the cookie that makes a client known again, unless its login does or it has one."""
    if client == call.viewer.key or asked.cookies.get(COOKIE) == client:
        return
    response.set_cookie(
        COOKIE,
        client,
        path=asked.script_root or "/",
        secure=asked.is_secure,
        httponly=True,
        samesite="Lax",
    )


def remember(call: Call, client: str, sent: Mapping[str, str]) -> bool:
    """Keep the image `fromid`, or else settings, in place of what was there; false without both."""
    if sent.get("fromid"):
        call.parts.clipboards.set(client, {"fromid": _id(sent["fromid"], "fromid")})
        return True
    if "c" not in sent:
        return False
    copied: dict[str, Any] = {name: sent[name] for name in _TEXTS if name in sent}
    maps = load_maps(sent["maps"]) if "maps" in sent else None
    if maps is not None:
        copied["maps"] = maps
    if sent.get("imageId"):
        copied["imageId"] = _id(sent["imageId"], "imageId")
    call.parts.clipboards.set(client, {"rdef": copied})
    return True


def _id(text: str, name: str) -> int:
    number = integer(text)
    if number is None or number < 0:
        raise BadRequest(f"{name}={shown(text)} is no id", parameter=name)
    return number
