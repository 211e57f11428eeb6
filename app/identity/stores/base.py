"""What all session stores have in common."""

import re
from collections.abc import Mapping
from typing import Any

from render.errors import SourceUnavailable

Session = Mapping[str, Any]

_KEY = re.compile(r"[a-zA-Z0-9]{8,64}")


class StoreAway(SourceUnavailable):
    """The store cannot be read now, so that nobody can tell who is logged in."""


class SessionStore:
    """One store of OMERO.web's sessions. Its methods may be called from many threads at once."""

    #: Whether `read` blocks the thread it is called from, so that it must not be the event loop's.
    blocks = False

    def read(self, cookie: str) -> Session | None:
        """Give the session of a cookie, None when there is no such session or it has ended.

        Raises StoreAway when the store cannot tell, and ValueError for a session that cannot be
        read or was not signed by OMERO.web.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close connections."""


def is_session_key(cookie: str) -> bool:
    """Tell whether a cookie can be the key of a stored session, and no path."""
    return _KEY.fullmatch(cookie) is not None
