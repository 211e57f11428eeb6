"""The login that OMERO.web keeps in a session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.identity.pickles import attributes_of


@dataclass(frozen=True)
class Connector:
    """Which OMERO session a web session stands for. `server` is a number from 1, or a name."""

    session_key: str = field(repr=False)
    server: str
    is_public: bool


def connector_of(session: Mapping[str, Any]) -> Connector | None:
    """Give the login in a web session, None for a visitor who has not logged in."""
    given = session.get("connector")
    held = given if isinstance(given, Mapping) else attributes_of(given)
    if not held:
        return None
    key, server = held.get("omero_session_key"), held.get("server_id")
    if not isinstance(key, str) or not key or not isinstance(server, str | int):
        return None
    return Connector(key, str(server), bool(held.get("is_public")))
