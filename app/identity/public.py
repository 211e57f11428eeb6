"""The public user: pictures for people who do not log in."""

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Request

from app.identity.viewer import Viewer, viewer_of_user
from app.settings import Settings, SettingsError

_READING = ("GET", "HEAD")


class PublicAccess:
    """Which requests are open to the public, and who then asks, by number of the server."""

    def __init__(
        self, url_filter: str, get_only: bool, default_server: int, users: Mapping[int, Viewer]
    ) -> None:
        self._searches = re.compile(url_filter).search
        self._get_only = get_only
        self._users = users
        self.default_server = default_server

    def covers(self, request: Request) -> bool:
        """Tell whether the public may send this request; the query is not looked at."""
        if self._get_only and request.method not in _READING:
            return False
        return bool(self._searches(request.script_root + request.path))

    def viewer(self, server: int) -> Viewer | None:
        """Give the public viewer of a server, None where there is none."""
        return self._users.get(server)


def public_access_of(settings: Settings) -> PublicAccess | None:
    """Read the settings; None where nothing is public. Raises SettingsError."""
    if not settings.public_enabled:
        return None
    users = _further_users(settings)
    if settings.public_user and settings.public_password is not None:
        password = settings.public_password.get_secret_value()
        users[settings.public_server_id] = (settings.public_user, password)
    if not users:
        raise SettingsError("setting public_enabled = True: needs public_user and public_password")
    try:
        return PublicAccess(
            settings.public_url_filter,
            settings.public_get_only,
            settings.public_server_id,
            {
                server: viewer_of_user(server, user, password, "public")
                for server, (user, password) in users.items()
            },
        )
    except re.error as error:
        raise SettingsError(f"setting public_url_filter: is no regular expression ({error})") from (
            error
        )


def _further_users(settings: Settings) -> dict[int, tuple[str, str]]:
    if settings.public_users is None:
        return {}
    try:
        given: Any = json.loads(settings.public_users.get_secret_value())
        return {int(server): (str(user), str(word)) for server, (user, word) in given.items()}
    except (ValueError, TypeError, AttributeError):
        raise SettingsError(
            "setting public_users: should be a JSON object of number of the server: "
            "[user, password]"
        ) from None
