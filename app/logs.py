"""Log lines, without what could open a session."""

import logging
import re
import sys

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


def redact(text: str) -> str:
    """Give `text` without what could open a session."""
    # Most lines can hold neither, and telling so is ten times as quick as the patterns.
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        text = _NAMED_SECRET.sub(r"\1\2[cut]", text)
    if text.count("-") >= 4:
        text = _UUID.sub("[cut]", text)
    return text


def configure_logging(level: str) -> None:
    """Write this service's log lines to stderr. For the process's entry point only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("blitzrender")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
