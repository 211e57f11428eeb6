"""Logging in to Blitzrender itself: what the page and OMERO's JSON API have in common."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request

from app.identity.given import address_of
from app.identity.own_logins import OwnLogins
from app.site import LazyParts
from render.blitz.logins import OpenedSession
from render.deadline import Deadline
from render.errors import Forbidden, NotFound, ServiceError, SourceUnavailable

_LONGEST_BODY = 64 * 1024


@dataclass(frozen=True)
class Login:
    """A cookie, and the session that it stands for."""

    cookie: str
    session: OpenedSession


def own_logins(site: LazyParts) -> OwnLogins:
    """Give the logins; raise NotFound where Blitzrender logs nobody in."""
    logins = site.own_logins
    if logins is None:
        raise NotFound("nobody can log in here (setting own_login)")
    return logins


def log_in(site: LazyParts, asked: Request) -> Login:
    """Log in with what a form or a JSON object says; raise Forbidden when OMERO refuses it."""
    logins = own_logins(site)
    given = _given(asked)
    for name in ("username", "password"):
        if not given.get(name):
            raise Forbidden(f"{name.title()}: This field is required.")
    deadline = Deadline.after(site.settings.request_deadline_s)
    address = address_of(asked, site.settings.trusted_proxies)
    cookie, opened = logins.log_in(
        given.get("server"), given["username"], given["password"], address, deadline
    )
    # It takes the place of an old one, under a cookie that nobody knew before.
    logins.log_out(asked, deadline)
    return Login(cookie, opened)


def try_log_in(site: LazyParts, asked: Request) -> tuple[Login | None, str]:
    """Log in as `log_in` does; give the sentence for the page instead of raising it."""
    try:
        return log_in(site, asked), ""
    except SourceUnavailable:
        raise
    except ServiceError as error:
        if isinstance(error, NotFound):
            raise
        return None, error.detail


def event_context(opened: OpenedSession) -> dict[str, Any]:
    """Give who logged in, as OMERO's JSON API says it."""
    user = opened.user
    return {
        "sessionId": user.session_id,
        "sessionUuid": opened.key,
        "userId": user.user_id,
        "userName": user.user_name,
        "groupId": user.group_id,
        "groupName": user.group_name,
        "isAdmin": user.is_admin,
        "eventId": user.event_id,
        "eventType": user.event_type,
        "memberOfGroups": list(user.member_of_groups),
        "leaderOfGroups": list(user.leader_of_groups),
    }


def _given(asked: Request) -> Mapping[str, str]:
    if asked.mimetype != "application/json":
        return asked.form
    body = asked.stream.read(_LONGEST_BODY + 1)
    try:
        values = json.loads(body[:_LONGEST_BODY])
    except (ValueError, RecursionError) as error:
        raise Forbidden("The body is no JSON.") from error
    if not isinstance(values, dict):
        raise Forbidden("The body is no JSON object.")
    return {name: str(value) for name, value in values.items() if value is not None}
