"""Log lines, without what could open a session."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

_NAMED_SECRET = re.compile(
    r"""(?ix) \b (bsession | passw(?:or)?d | session(?:id|[_-]?key|[_-]?uuid) | cookie
        | authorization | csrftoken | csrfmiddlewaretoken) (["']? \s* [=:] \s* ["']?)
        (?: (?:bearer|basic) \s+ )? [^\s&;,"']+"""
)
#: Parts of the names that the pattern above begins with.
_HINTS = ("session", "passw", "cookie", "authorization", "csrf")
_UUID = re.compile(r"(?<!request_id=)\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")


class RedactingFormatter(logging.Formatter):
    """Cuts session keys, cookies and passwords out of every line, whoever logged them."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without secrets."""
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """Writes each line as one JSON object, without secrets; fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        told: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "severity": record.levelname.lower(),
            "logger": record.name,
        }
        fields = getattr(record, "fields", None)
        if fields is None:
            told["message"] = redact(record.getMessage())
        else:
            told |= {name: _plain(value) for name, value in fields.items()}
        if record.exc_info:
            told["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(told)


def log_fields(logger: logging.Logger, fields: Mapping[str, object]) -> None:
    """Log fields at level info: as `name=value …`, or as members of a line in JSON."""
    text = " ".join(f"{name}={'-' if value is None else value}" for name, value in fields.items())
    logger.info("%s", text, extra={"fields": fields})


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


def redact(text: str) -> str:
    """Give `text` without what could open a session."""
    # Most lines can hold neither, and telling so is ten times as quick as the patterns.
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        text = _NAMED_SECRET.sub(r"\1\2[cut]", text)
    if text.count("-") >= 4:
        text = _UUID.sub("[cut]", text)
    return text


def configure_logging(level: str, form: str = "keyvalue") -> None:
    """Write this service's log lines to stderr. For the process's entry point only.

    `form` is `keyvalue` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logger = logging.getLogger("blitzrender")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
