"""Answers requests for pictures before Flask routes them.

Routing, contexts and hooks cost several times what finding a picture in memory does, and a tenth
of what drawing a tile does; panning viewers ask for many. Who asks is found out just as in the
long way, `remembered_picture` and the view itself decide what is given, and what is out of the
ordinary (limits, refusals, faults) goes the long way, which tells it.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask, Request, request
from werkzeug.exceptions import HTTPException, NotFound

from app import observe
from app.allowed_hosts import AllowedHosts
from app.call import Call
from app.http import last_values
from app.picture_answer import PictureAnswer, picture_answer
from app.picture_views import Asked, Draw, PictureView
from app.pipeline import Picture, client_has_nothing, remembered_picture
from app.site import LazyParts, Site
from app.web import forget_share
from app.who import asker_of, note_viewer, proxy_sends_files
from render.deadline import Deadline
from render.errors import ServiceError

#: Status lines as Flask writes them.
_STATUS_LINES = {status.value: f"{status.value} {status.phrase.upper()}" for status in HTTPStatus}

_PATHS_REMEMBERED = 1000

#: In the environment of a request: why its picture could not be drawn.
_FAILURE = "blitzrender.failure"


def register(app: Flask, site: LazyParts, hosts: AllowedHosts) -> None:
    """Put the shortcut before an application, and have Flask tell of what fails there."""
    app.before_request(_tell_failure)
    app.wsgi_app = Shortcut(app, site, hosts)  # type: ignore[method-assign]


def _tell_failure() -> None:
    failure = request.environ.pop(_FAILURE, None)
    if failure is not None:
        try:
            raise failure
        finally:
            # It would hold itself, and the planes where it was raised, until garbage is collected.
            del failure


class _Routed(NamedTuple):
    """What a path leads to."""

    endpoint: str
    draw: Draw
    values: dict[str, Any]


class Shortcut:
    """Stands between what observes requests and Flask."""

    def __init__(self, app: Flask, site: LazyParts, hosts: AllowedHosts) -> None:
        self._wsgi_app = app.wsgi_app
        self._request_class = app.request_class
        self._views = app.view_functions
        self._routes = app.url_map.bind("")
        # All tiles of a plane have one path; of paths that lead nowhere none is remembered.
        self._routed = lru_cache(_PATHS_REMEMBERED)(self._route)
        self._site = site
        self._hosts = hosts
        settings = site.settings
        #: Limits count every request, and do so in the long way.
        self._is_open = not (settings.viewer_requests_per_s or settings.address_requests_per_s)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (
            self._is_open
            and "/render_" in environ["PATH_INFO"]
            and environ["REQUEST_METHOD"] == "GET"
            and self._hosts.allow(environ)
        ):
            answer = self._answer(environ)
            if answer is not None:
                start_response(_STATUS_LINES[answer.status], answer.headers)
                return [answer.body]
        return self._wsgi_app(environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> PictureAnswer | None:
        seen = observe.steps_of(environ)
        # Asked for once: telling that this process has it costs a system call.
        site = self._site.open()
        asked_by: Request = self._request_class(environ)
        try:
            call = _call(site, environ, asked_by, seen)
        except ServiceError:
            # The long way meets it again, and tells it.
            return None
        url = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        has_some = "HTTP_IF_NONE_MATCH" in environ
        client_has = asked_by.if_none_match.contains_weak if has_some else client_has_nothing
        picture = remembered_picture(call, url, client_has)
        if picture is None:
            asked = Asked(last_values(asked_by.args), url, client_has)
            picture = self._drawn(environ, call, asked)
        if picture is None:
            return None
        for_all = call.viewer.kind == "public" and len(site.servers) == 1
        return picture_answer(picture, call.settings, for_all)

    def _drawn(self, environ: dict[str, Any], call: Call, asked: Asked) -> Picture | None:
        """Have the view of a request's path draw; None where there is none, or where it fails."""
        try:
            routed = self._routed(environ["PATH_INFO"])
        except HTTPException:
            return None
        call.steps.route = routed.endpoint
        call.go_before_downloads()
        try:
            return routed.draw(call, asked, **routed.values)
        except Exception as error:
            # What was tried for long is not to be tried again only to be told.
            environ[_FAILURE] = error
            return None

    def _route(self, path: str) -> "_Routed":
        """Find the view that draws what is at a path; raise HTTPException where there is none."""
        rule, found = self._routes.match(path, "GET", return_rule=True)
        view = self._views[rule.endpoint]
        if not isinstance(view, PictureView):
            raise NotFound
        values = dict(found)
        forget_share(rule.endpoint, values)
        return _Routed(rule.endpoint, view.draw, values)


def _call(site: Site, environ: dict[str, Any], request: Request, seen: observe.Steps) -> Call:
    deadline = Deadline.after(site.parts_of().settings.request_deadline_s)
    with seen.step("access"):
        viewer = site.identity.viewer(request, deadline)
    note_viewer(environ, viewer)
    deadline = replace(deadline, asker=asker_of(viewer, environ))
    call = Call(site.parts_of(viewer.server), viewer, deadline, seen)
    call.proxy_sends_files = proxy_sends_files(environ, call.settings)
    return call
