"""Settings under a short handle: read from a request's body, put into another one's query."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from app.call import Call
from app.params import check_settings
from app.parsing.channels import load_maps
from app.parsing.numbers import shown
from render.errors import BadRequest, NotFound, ServiceError, TooLarge

#: The parameters that a handle may stand for; they say how a picture looks, not which one it is.
PARAMETERS = frozenset(
    {"c", "maps", "m", "p", "axis", "inclusive", "auto", "gamma", "q", "format", "flip", "rot"}
)

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_HANDLE = re.compile(r"[a-z2-7]{16}")


def make_handle(call: Call, content_type: str, body: bytes) -> str:
    """Read settings, check them as a rendering URL's, keep them and give their handle.

    `body` may be cut off above `max_settings_bytes`. Raises BadRequest and TooLarge.
    """
    limit = call.settings.max_settings_bytes
    if len(body) > limit:
        raise TooLarge(
            f"settings of more than {limit} bytes are not kept (setting max_settings_bytes)"
        )
    values = _canonical(_read(content_type, body))
    check_settings(values, call.settings.jpeg_quality)
    handle = call.parts.handles.keep(values)
    if handle is None:
        raise ServiceError("the settings could not be kept; the cache folder does not take them")
    return handle


def with_handle(call: Call, query: Mapping[str, str]) -> Mapping[str, str]:
    """Give a query with the parameters that `settings` stands for; the query's own ones win.

    Raises NotFound for a handle that is unknown or has expired.
    """
    handle = query.get("settings")
    if not handle:
        return query
    values = call.parts.handles.find(handle) if _HANDLE.fullmatch(handle) else None
    if values is None:
        raise NotFound(
            f"settings={shown(handle)} is unknown or has expired; POST the settings again",
            parameter="settings",
        )
    return {**values, **query}


def _read(content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (_JSON, _FORM):
        raise BadRequest(f"settings are sent as {_FORM} or {_JSON}")
    try:
        text = body.decode("utf-8")
        if kind == _FORM:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=len(PARAMETERS) * 2)
            return dict(pairs)
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the settings cannot be read as {kind}") from error
    if not isinstance(values, dict):
        raise BadRequest("settings are a JSON object of parameters")
    return values


def _canonical(given: Mapping[str, Any]) -> dict[str, str]:
    """Give parameters as a URL would have them; those that say nothing are left out."""
    values = {}
    for name, value in given.items():
        if name not in PARAMETERS:
            raise BadRequest(
                f"{shown(name)} is none of the settings, which are {', '.join(sorted(PARAMETERS))}",
                parameter=shown(name),
            )
        text = _maps_text(value) if name == "maps" else _text(name, value)
        # An empty c switches all channels off.
        if text or (name == "c" and value is not None):
            values[name] = text
    return values


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadRequest(f"{name} is neither a text nor a number", parameter=name)


def _maps_text(value: Any) -> str:
    """Write `maps` in one way, whether it came as JSON or as a text of it."""
    if value is None or value == "":
        return ""
    items = load_maps(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise BadRequest("maps is no JSON array", parameter="maps")
    try:
        return json.dumps(items, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise BadRequest("maps is no array of simple items", parameter="maps") from error
