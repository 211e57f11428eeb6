"""What HTTP adds around an answer: validators, caching headers, JSON and JSONP, file names."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Response, request

from render.errors import BadRequest

_CALLBACK = re.compile(r"[a-zA-Z_$][0-9a-zA-Z_$]*")

#: Settings that the URL does not tell may change at any moment.
REVALIDATE = "private, no-cache"

_ALWAYS = [("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "SAMEORIGIN")]


def last_values(arguments: Any) -> dict[str, str]:
    """Give each parameter's last value, as OMERO.web reads them."""
    return {name: values[-1] for name, values in arguments.lists()}


def cache_control(complete: bool, max_age_s: int) -> str:
    """Give Cache-Control for a picture; `complete` = its URL tells all of its settings."""
    return f"private, max-age={max_age_s}, must-revalidate" if complete else REVALIDATE


def dump_json(value: Any) -> str:
    """Write JSON as OMERO.web does; numbers that JSON has no word for become null."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def json_response(value: Any, status: int = 200) -> Response:
    """Give a plain JSON answer."""
    return Response(dump_json(value), status, content_type="application/json")


def data_response(value: Any, query: Mapping[str, str]) -> Response:
    """Give a JSON answer with a validator, wrapped for `callback` where there is one.

    Raises BadRequest for a callback that is no plain JavaScript name.
    """
    callback = query.get("callback")
    body, content_type = dump_json(value), "application/json"
    if callback is not None:
        if not _CALLBACK.fullmatch(callback):
            raise BadRequest("Invalid callback", parameter="callback")
        body, content_type = f"{callback}({body})", "application/javascript"
    response = Response(body, content_type=content_type)
    response.set_etag(hashlib.blake2b(body.encode(), digest_size=16).hexdigest())
    response.headers["Cache-Control"] = REVALIDATE
    response.make_conditional(request)
    return response


def attachment(file_name: str) -> str:
    """Give Content-Disposition for a download, for clients of any age."""
    plain = re.sub(r'[^\x20-\x7e]|["\\]', "_", file_name) or "download"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def complete_headers(headers: list[tuple[str, str]]) -> None:
    """Add to an answer's headers what all answers carry."""
    given = dict(headers)
    control = given.get("Cache-Control")
    if control is None:
        control = REVALIDATE
        headers.append(("Cache-Control", control))
    # What is public is the same for everybody.
    if "Vary" not in given and not control.startswith("public"):
        headers.append(("Vary", "Cookie"))
    headers += _ALWAYS


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
