"""Between Flask and the rest: path converters, the call behind a request, pictures as answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.routing import BaseConverter, ValidationError

from app import observe
from app.call import Call
from app.downloads.archive import Archive
from app.http import attachment, last_values
from app.imaging.handles import with_handle
from app.operations import rate_limits
from app.operations.figures import Figures
from app.operations.metrics import Metrics
from app.picture_answer import picture_answer
from app.pipeline import Picture
from app.settings import Settings
from app.site import LazyParts
from app.who import asker_of, noted_viewer, proxy_sends_files
from render.deadline import Deadline
from render.errors import NotAuthenticated

_EXTENSION = "blitzrender"
_FIGURES = "blitzrender.composed"


class NumberConverter(BaseConverter):
    """A path part of ASCII digits, as an int; one too long to number anything matches nothing."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        """Give the number; raise ValidationError when it has more than 18 digits."""
        if len(value) > 18:
            raise ValidationError
        return int(value)


def register(app: Flask, parts: LazyParts, metrics: Metrics) -> None:
    """Make converters and parts known to the application, and slashes at the end optional."""
    app.extensions[_EXTENSION] = parts
    app.extensions[_FIGURES] = Figures(metrics, parts)
    app.url_map.converters["number"] = NumberConverter
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False


def parts_of(app: Flask) -> LazyParts:
    """Give the parts of an application."""
    return app.extensions[_EXTENSION]


def figures_of(app: Flask) -> Figures:
    """Give the gauges of an application."""
    return app.extensions[_FIGURES]


def current_settings() -> Settings:
    """Give the settings; of use where nobody need be logged in."""
    return parts_of(current_app).settings


def current_call() -> Call:
    """Give the call behind the request in hand; its deadline begins now.

    Raises NotAuthenticated when nobody is logged in, TooManyRequests when who is asks too often.
    """
    site = parts_of(current_app)
    parts = site.get()
    steps = observe.steps()
    deadline = Deadline.after(parts.settings.request_deadline_s)
    viewer = noted_viewer(request.environ)
    if viewer is None:
        with steps.step("access"):
            viewer = parts.identity.viewer(request, deadline)
    rate_limits.check_viewer(viewer)
    asker = asker_of(viewer, request.environ)
    return Call(site.get(viewer.server), viewer, replace(deadline, asker=asker), steps)


def call_if_logged_in() -> Call | None:
    """Give the call behind the request in hand, None when nobody is logged in."""
    try:
        return current_call()
    except NotAuthenticated:
        return None


def picture_call() -> Call:
    """Give the call behind a request for a picture, which the proxy in front may send by itself.

    It says so in a header: whoever asks without it gets the bytes from here.
    """
    call = current_call()
    call.go_before_downloads()
    call.proxy_sends_files = proxy_sends_files(request.environ, call.settings)
    return call


def query() -> dict[str, str]:
    """Give the query parameters, each with its last value."""
    return last_values(request.args)


def render_query(call: Call) -> Mapping[str, str]:
    """Give the query parameters, and those that `settings` stands for."""
    return with_handle(call, query())


def address() -> str:
    """Give path and query as they came, which tell a picture for one viewer."""
    return f"{request.path}?{request.environ.get('QUERY_STRING', '')}"


def client_has(etag: str) -> bool:
    """Tell whether the client holds the picture with this validator."""
    if "HTTP_IF_NONE_MATCH" not in request.environ:
        return False
    return request.if_none_match.contains_weak(etag)


def picture_response(picture: Picture) -> Response:
    """Give a picture as an answer: 304 when the client holds it."""
    answer = picture_answer(picture, parts_of(current_app).settings, _is_for_all())
    return Response(answer.body, answer.status, answer.headers)


def archive_response(archive: Archive, content_type: str) -> Response:
    """Give an archive as an answer, which nobody keeps."""
    response = Response(archive.body, content_type=content_type)
    response.headers["Content-Disposition"] = attachment(archive.name)
    response.headers["Cache-Control"] = "no-store"
    if archive.length is not None:
        response.headers["Content-Length"] = str(archive.length)
    if request.method == "HEAD":
        archive.body.close()
        response.response = []
    return response


def _is_for_all() -> bool:
    """Tell whether anybody who asks at this address may have, and would get, the same picture."""
    if observe.steps().facts["viewer"] != "public":
        return False
    # Of several servers, others may be asked at the same address in another one's name.
    return parts_of(current_app).has_one_server


def under_both_prefixes(
    blueprint: Blueprint, *rules: str, methods: Sequence[str] = ("GET",)
) -> Callable[[Any], Any]:
    """Register a view under `/webgateway` and, with an optional share id, `/webclient`.

    Shares are a thing of the past: the id is accepted and not looked at.
    """

    def decorate(view: Any) -> Any:
        for rule in rules:
            for prefix in ("/webgateway", "/webclient", "/webclient/<number:share>"):
                blueprint.route(f"{prefix}{rule}", methods=methods)(view)
        return view

    return decorate


def forget_share(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the share id out of the path's values."""
    if values:
        values.pop("share", None)
