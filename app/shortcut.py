"""Answers pictures that are at hand before Flask routes the request.

Routing, contexts and hooks cost several times what finding a picture in memory does, and panning
viewers ask for the same tiles again and again. Who asks is found out just as in the long way, and
what is at hand is decided by `remembered_picture`, as there; all that is out of the ordinary
(validators, a proxy that sends files, warnings, limits) goes the long way.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from flask import Flask, Request

from app import observe
from app.call import Call
from app.http import Headers, cache_control
from app.pipeline import client_has_nothing, remembered_picture
from app.site import LazyParts, Site
from app.who import OFFLOAD_HEADER, asker_of, note_viewer
from render.deadline import Deadline
from render.errors import ServiceError

_OFFLOAD = "HTTP_" + OFFLOAD_HEADER.upper().replace("-", "_")

StartResponse = Callable[[str, Headers], Any]


class Shortcut:
    """Stands between what observes requests and Flask."""

    def __init__(self, app: Flask, site: LazyParts) -> None:
        self._wsgi_app = app.wsgi_app
        self._request_class = app.request_class
        self._site = site
        settings = site.settings
        #: Limits count every request, and do so in the long way.
        self._is_open = not (settings.viewer_requests_per_s or settings.address_requests_per_s)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (
            self._is_open
            and "/render_image" in environ["PATH_INFO"]
            and environ["REQUEST_METHOD"] == "GET"
            and "HTTP_IF_NONE_MATCH" not in environ
            and _OFFLOAD not in environ
        ):
            found = self._find(environ)
            if found is not None:
                headers, body = found
                start_response("200 OK", headers)
                return [body]
        return self._wsgi_app(environ, start_response)

    def _find(self, environ: dict[str, Any]) -> tuple[Headers, bytes] | None:
        seen = observe.steps_of(environ)
        # Asked for once: telling that this process has it costs a system call.
        site = self._site.open()
        try:
            call = _call(site, environ, self._request_class(environ), seen)
        except ServiceError:
            # The long way meets it again, and tells it.
            return None
        url = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        answer = call.parts.answers.get((call.viewer.key, url))
        if answer is None or answer.picture.warnings:
            return None
        picture = remembered_picture(call, url, client_has_nothing)
        if picture is None or picture.body is None:
            return None
        seen.route = answer.route
        public = call.viewer.kind == "public" and len(site.servers) == 1
        max_age_s = self._site.settings.browser_max_age_s
        headers = [
            ("Content-Type", picture.media_type),
            ("Content-Length", str(len(picture.body))),
            ("ETag", f'"{picture.etag}"'),
            ("Cache-Control", cache_control(picture.complete, max_age_s, public)),
            *picture.headers,
        ]
        return headers, picture.body


def _call(site: Site, environ: dict[str, Any], request: Request, seen: observe.Steps) -> Call:
    deadline = Deadline.after(site.parts_of().settings.request_deadline_s)
    with seen.step("access"):
        viewer = site.identity.viewer(request, deadline)
    note_viewer(environ, viewer)
    deadline = replace(deadline, asker=asker_of(viewer, environ))
    return Call(site.parts_of(viewer.server), viewer, deadline, seen)
