"""Log lines, without what could open a session."""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from app.operations.log_writer import LateHandler

_NAMED_SECRET = re.compile(
    r"""(?ix) \b (bsession | passw(?:or)?d | session(?:id|[_-]?key|[_-]?uuid) | cookie
        | authorization | csrftoken | csrfmiddlewaretoken) (["']? \s* [=:] \s* ["']?)
        (?: (?:bearer|basic) \s+ )? [^\s&;,"']+"""
)
#: Parts of the names that the pattern above begins with.
_HINTS = ("session", "passw", "cookie", "authorization", "csrf")
_UUID = re.compile(r"(?<!request_id=)\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")


class _TimedFormatter(logging.Formatter):
    """Works the time of day out once a second, which is most of what a line costs."""

    _second = -1, ""

    def second_of(self, record: logging.LogRecord, form: str) -> str:
        """Give the second of a record in one form, the same one each time."""
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(form, time.localtime(second))
            self._second = second, text
        return text


class RedactingFormatter(_TimedFormatter):
    """Cuts session keys, cookies and passwords out of every line, whoever logged them."""

    @override
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Give the time, to the millisecond."""
        return f"{self.second_of(record, '%Y-%m-%d %H:%M:%S')},{int(record.msecs):03}"

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without secrets."""
        return redact(super().format(record))


class JsonFormatter(_TimedFormatter):
    """Writes each line as one JSON object, without secrets; fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        told: dict[str, Any] = {
            "time": self.second_of(record, "%Y-%m-%dT%H:%M:%S%z"),
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
    if not logger.isEnabledFor(logging.INFO):
        return
    text = " ".join(f"{name}={'-' if value is None else value}" for name, value in fields.items())
    # Where in the code it was called tells nothing, and to find out costs more than the line.
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, text, (), None)
    record.fields = fields
    logger.handle(record)


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
    handler = LateHandler(sys.stderr)
    text = RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logger = logging.getLogger("blitzrender")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
