"""Answers pictures that are at hand before Flask routes the request.

Routing, contexts and hooks cost several times what finding a picture in memory does, and panning
viewers ask for the same tiles again and again. Who asks is found out just as in the long way, and
what is at hand, or with the client already, is decided by `remembered_picture`, as there; all that
is out of the ordinary (warnings, limits) goes the long way.
"""

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import Flask, Request

from app import observe
from app.allowed_hosts import AllowedHosts
from app.call import Call
from app.picture_answer import PictureAnswer, picture_answer
from app.pipeline import client_has_nothing, remembered_picture
from app.site import LazyParts, Site
from app.who import asker_of, note_viewer, proxy_sends_files
from render.deadline import Deadline
from render.errors import ServiceError

#: Status lines as Flask writes them.
_STATUS_LINES = {status.value: f"{status.value} {status.phrase.upper()}" for status in HTTPStatus}


class Shortcut:
    """Stands between what observes requests and Flask."""

    def __init__(self, app: Flask, site: LazyParts, hosts: AllowedHosts) -> None:
        self._wsgi_app = app.wsgi_app
        self._request_class = app.request_class
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
            found = self._find(environ)
            if found is not None:
                start_response(_STATUS_LINES[found.status], found.headers)
                return [found.body]
        return self._wsgi_app(environ, start_response)

    def _find(self, environ: dict[str, Any]) -> PictureAnswer | None:
        seen = observe.steps_of(environ)
        # Asked for once: telling that this process has it costs a system call.
        site = self._site.open()
        request: Request = self._request_class(environ)
        try:
            call = _call(site, environ, request, seen)
        except ServiceError:
            # The long way meets it again, and tells it.
            return None
        url = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        has_some = "HTTP_IF_NONE_MATCH" in environ
        client_has = request.if_none_match.contains_weak if has_some else client_has_nothing
        picture = remembered_picture(call, url, client_has)
        if picture is None or picture.warnings:
            return None
        for_all = call.viewer.kind == "public" and len(site.servers) == 1
        return picture_answer(picture, call.settings, for_all)


def _call(site: Site, environ: dict[str, Any], request: Request, seen: observe.Steps) -> Call:
    deadline = Deadline.after(site.parts_of().settings.request_deadline_s)
    with seen.step("access"):
        viewer = site.identity.viewer(request, deadline)
    note_viewer(environ, viewer)
    deadline = replace(deadline, asker=asker_of(viewer, environ))
    call = Call(site.parts_of(viewer.server), viewer, deadline, seen)
    call.proxy_sends_files = proxy_sends_files(environ, call.settings)
    return call
