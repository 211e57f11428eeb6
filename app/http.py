"""What HTTP adds around an answer: validators, caching headers, JSON and JSONP, file names."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from app.cross_origin import CrossOrigin
from app.settings import Settings
from render.errors import BadRequest

_CALLBACK = re.compile(r"[a-zA-Z_$][0-9a-zA-Z_$]*")
_SCRIPT = "application/javascript"

#: Settings that the URL does not tell may change at any moment.
REVALIDATE = "private, no-cache"

#: What tells who asks.
_WHO_ASKS = "Cookie, Authorization, X-OMERO-Session-Key"

Headers = list[tuple[str, str]]
ReadBytes = Callable[[int, int], Iterable[bytes]]


def last_values(arguments: Any) -> dict[str, str]:
    """Give each parameter's last value, as OMERO.web reads them."""
    return {name: values[-1] for name, values in arguments.lists()}


def cache_control(complete: bool, max_age_s: int, public: bool = False) -> str:
    """Give Cache-Control for a picture.

    `complete` = its URL tells all of its settings; `public` = made for the public user, so that
    anybody may see it and a proxy may keep it for all.
    """
    if not complete:
        return REVALIDATE
    return f"{'public' if public else 'private'}, max-age={max_age_s}, must-revalidate"


def dump_json(value: Any, compact: bool = False) -> str:
    """Write JSON as OMERO.web does; numbers that JSON has no word for become null.

    `compact` = without blanks, for long lists.
    """
    separators = (",", ":") if compact else None
    try:
        return json.dumps(value, allow_nan=False, separators=separators)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=separators)


def json_response(value: Any, status: int = 200) -> Response:
    """Give a plain JSON answer."""
    return Response(dump_json(value), status, content_type="application/json")


def data_response(value: Any, query: Mapping[str, str], compact: bool = False) -> Response:
    """Give a JSON answer with a validator, wrapped for `callback` where there is one.

    `compact` is that of `dump_json`. Raises BadRequest for a callback that is no plain JavaScript
    name.
    """
    callback = query.get("callback")
    body = _for_callback(dump_json(value, compact), callback)
    content_type = "application/json" if callback is None else _SCRIPT
    response = Response(body, content_type=content_type)
    response.set_etag(hashlib.blake2b(body.encode(), digest_size=16).hexdigest())
    response.headers["Cache-Control"] = REVALIDATE
    response.make_conditional(request)
    return response


def passing_response(value: Any, query: Mapping[str, str], script: bool = False) -> Response:
    """Give JSON that nobody keeps, wrapped for `callback`; `script` = called one in any case.

    Raises BadRequest for a callback that is no plain JavaScript name.
    """
    callback = query.get("callback")
    body = _for_callback(dump_json(value), callback)
    content_type = _SCRIPT if script or callback is not None else "application/json"
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def check_callback(query: Mapping[str, str]) -> None:
    """Raise BadRequest for a callback that is no plain JavaScript name."""
    _for_callback("", query.get("callback"))


def _for_callback(body: str, callback: str | None) -> str:
    if callback is None:
        return body
    if not _CALLBACK.fullmatch(callback):
        raise BadRequest("Invalid callback", parameter="callback")
    return f"{callback}({body})"


def attachment(file_name: str) -> str:
    """Give Content-Disposition for a download, for clients of any age."""
    plain = re.sub(r'[^\x20-\x7e]|["\\]', "_", file_name) or "download"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def warning(text: str) -> str:
    """Give `Warning`, for what is not as a client might expect."""
    plain = re.sub(r'[^\x20-\x7e]|["\\]', "?", text[:200])
    return f'199 blitzrender "{plain}"'


def file_response(
    read: ReadBytes, length: int, etag: str, content_type: str, headers: Headers | None = None
) -> Response:
    """Give a file of `length` bytes, or the part of it that `Range` asks for.

    `read(start, stop)` gives the bytes in pieces, and is called only if some are sent. `etag` is
    a strong validator: `If-None-Match` is answered 304, and `If-Range` with another one by the
    whole file. Several ranges at a time are answered by the whole file. Raises werkzeug's
    RequestedRangeNotSatisfiable, told as 416, for a range that lies outside.
    """
    response = Response(content_type=content_type, headers=headers)
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        return response
    start, stop = 0, length
    wanted = request.range if request.method in ("GET", "HEAD") else None
    # A weak or older validator in If-Range asks for the whole file.
    same = request.headers.get("If-Range", f'"{etag}"').strip() == f'"{etag}"'
    if wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1 and same:
        found = wanted.range_for_length(length)
        if found is None:
            raise RequestedRangeNotSatisfiable(length)
        start, stop = found
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    response.headers["Content-Length"] = str(stop - start)
    if request.method != "HEAD":
        response.response = read(start, stop)
    return response


class HeaderRules:
    """Adds to each answer's headers what all answers carry."""

    def __init__(self, settings: Settings) -> None:
        self._cross_origin = CrossOrigin(settings.cors_allowed_origins)
        self._always = [("X-Content-Type-Options", "nosniff")]
        if settings.x_frame_options != "any":
            self._always.append(("X-Frame-Options", settings.x_frame_options))

    def complete(self, environ: Mapping[str, Any], headers: Headers) -> None:
        """Complete the headers of the answer to the request of `environ`."""
        control = next((value for name, value in headers if name == "Cache-Control"), None)
        if control is None:
            control = REVALIDATE
            headers.append(("Cache-Control", control))
        vary = [value for name, value in headers if name == "Vary"]
        if vary:
            headers[:] = [header for header in headers if header[0] != "Vary"]
        # What is public is the same for everybody.
        if not control.startswith("public"):
            vary.append(_WHO_ASKS)
        if self._cross_origin.varies:
            vary.append("Origin")
        if vary:
            headers.append(("Vary", ", ".join(vary)))
        headers += self._cross_origin.headers(environ)
        headers += self._always


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
