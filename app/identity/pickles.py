"""Pickled sessions, read without running anything that is in them.

A pickle names what is to be imported and called. Here it may name dates, sets and the class in
which OMERO.web kept a login before 5.18, and nothing else; whatever does is refused.
"""

import datetime
import io
import pickle
from typing import Any

#: A session is a few kilobytes.
MOST_BYTES = 1024 * 1024

_HARMLESS: dict[tuple[str, str], type] = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("datetime", "date"): datetime.date,
    ("datetime", "datetime"): datetime.datetime,
    ("datetime", "time"): datetime.time,
    ("datetime", "timedelta"): datetime.timedelta,
    ("datetime", "timezone"): datetime.timezone,
}


class _Attributes:
    """Takes the place of `omeroweb.connector.Connector`: only what it held is of use."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("omeroweb.connector", "Connector"):
            return _Attributes
        found = _HARMLESS.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a session")
        return found


def load_pickle(data: bytes) -> Any:
    """Give the value in a pickle; raise ValueError when it is none or names what it must not."""
    if len(data) > MOST_BYTES:
        raise ValueError("the session is too large")
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except Exception as error:
        # Malformed pickles raise nearly anything.
        raise ValueError(f"the session is no pickle that is read here ({error})") from error


def attributes_of(value: Any) -> dict[str, Any] | None:
    """Give what a pickled Connector held, None when the value is none."""
    return dict(vars(value)) if isinstance(value, _Attributes) else None
