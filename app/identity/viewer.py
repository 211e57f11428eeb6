"""The person for whom a request is answered."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

from render.blitz.endpoint import Credentials
from render.errors import NotAuthenticated

Kind = Literal["local", "public", "member"]

#: OMERO's session keys. Anything else would be tried as a user with an equal password.
_SESSION_KEY = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Viewer:
    """Who asks. What one viewer may see is never remembered for another.

    `key` tells viewers apart and is never logged; `kind` is what logs and metrics may say.
    `server` is the number of the server whose images are asked for.
    """

    key: str = field(repr=False)
    kind: Kind
    credentials: Credentials = field(repr=False)
    server: int = 1


def viewer_of_session(server: int, session_key: str, kind: Kind = "member") -> Viewer:
    """Give the viewer who holds an OMERO session; raise NotAuthenticated when it is no key."""
    if not _SESSION_KEY.fullmatch(session_key):
        raise NotAuthenticated("the session key is malformed")
    return Viewer(_key(server, session_key), kind, Credentials.join(session_key), server)


def viewer_of_user(server: int, user: str, password: str, kind: Kind = "member") -> Viewer:
    """Give the viewer who logs in with a password."""
    key = _key(server, f"{user}\0{password}")
    return Viewer(key, kind, Credentials.login(user, password), server)


def _key(server: int, secret: str) -> str:
    return f"{server}:{hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()}"
