"""What the client hears when a request fails: one table, one JSON body."""

import logging
import math
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, current_app, request
from werkzeug.exceptions import HTTPException

from app import observe
from app.http import json_response
from app.identity.given import session_key_of
from app.login_address import login_address, shows_pages
from app.web import parts_of
from render import errors

log = logging.getLogger("blitzrender.errors")

#: Nobody receives it; logs and metrics show it, as those of NGINX do.
CLIENT_GONE = 499

#: Status and type of each class of error; a class not listed is told as its nearest base.
STATUS_TABLE: dict[type[errors.ServiceError], tuple[int, str]] = {
    errors.BadRequest: (400, "bad-request"),
    errors.RegionOutside: (404, "region-outside"),
    errors.NotAuthenticated: (401, "not-authenticated"),
    errors.Forbidden: (403, "forbidden"),
    errors.HostNotAllowed: (403, "host-not-allowed"),
    errors.TooManyAttempts: (429, "too-many-attempts"),
    errors.TooManyRequests: (429, "too-many-requests"),
    errors.NotFound: (404, "not-found"),
    errors.Conflict: (409, "conflict"),
    errors.TooLarge: (413, "too-large"),
    errors.SourceUnavailable: (503, "source-unavailable"),
    errors.SourceNotReady: (503, "source-not-ready"),
    errors.SourceFailed: (502, "source-failed"),
    errors.Overloaded: (503, "overloaded"),
    errors.DeadlineExceeded: (504, "deadline-exceeded"),
    errors.ClientGone: (CLIENT_GONE, "client-gone"),
    errors.StorageFailed: (507, "storage-failed"),
    errors.RenderFailed: (500, "render-failed"),
    errors.ServiceError: (500, "internal-error"),
}

#: Types of the errors that no class of ours stands for.
METHOD_TYPE = "method-not-allowed"
INTERNAL_TYPE = "internal-error"

_DEFAULT_RETRY_AFTER_S = 5.0


def status_of(error: errors.ServiceError) -> tuple[int, str]:
    """Give HTTP status and type text of `error`."""
    for base in type(error).__mro__:
        if base in STATUS_TABLE:
            return STATUS_TABLE[base]
    raise AssertionError("ServiceError is in the table")


def refusal_status(asked: Request) -> int:
    """Give the status that tells a client that nobody is logged in.

    401, but 403 for pictures on a page and for OMERO.web's scripts, which know nothing else.
    """
    if asked.headers.get("X-Requested-With") == "XMLHttpRequest":
        return 403
    accepts = asked.headers.get("Accept", "")
    wants_picture = asked.headers.get("Sec-Fetch-Dest") == "image" or (
        "image/" in accepts and "text/html" not in accepts
    )
    return 403 if wants_picture else 401


def register(app: Flask) -> None:
    """Make the application answer every failure with our body."""
    app.register_error_handler(errors.ServiceError, _on_service_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_fault)


def _on_service_error(error: errors.ServiceError) -> Response:
    status, kind = status_of(error)
    if isinstance(error, errors.NotAuthenticated):
        page = _login_page()
        if page is not None:
            return page
        status = refusal_status(request)
    if status == 500:
        log.error("request_id=%s %s", observe.request_id(), error.detail, exc_info=error)
    elif status in (502, 507):
        log.warning(
            "request_id=%s %s cause=%r", observe.request_id(), error.detail, error.__cause__
        )
    response = _answer(status, kind, error.detail, error.parameter)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="OMERO"'
    if status in (429, 503):
        seconds = error.retry_after_s or _DEFAULT_RETRY_AFTER_S
        response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return response


def _login_page() -> Response | None:
    """Send a browser that shows pages to where people log in, if there is such a place."""
    if session_key_of(request) is not None or not shows_pages(request):
        return None
    address = login_address(parts_of(current_app).settings, request)
    if address is None:
        return None
    return Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    kind = METHOD_TYPE if status == 405 else HTTPStatus(status).phrase.lower().replace(" ", "-")
    detail = error.description or ""
    if status == 404:
        detail = "there is nothing at this address"
    response = _answer(status, kind, detail, None)
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range", "Location", "Retry-After"):
            response.headers[name] = value
    return response


def _on_fault(error: Exception) -> Response:
    log.error("request_id=%s fault of ours", observe.request_id(), exc_info=error)
    return _answer(500, INTERNAL_TYPE, "an internal error; the log tells more", None)


def _answer(status: int, kind: str, detail: str, parameter: str | None) -> Response:
    body: dict[str, Any] = {
        "type": kind,
        "title": "Client Closed Request" if status == CLIENT_GONE else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        # What clients of webgateway read.
        "message": detail,
        "request_id": observe.request_id(),
    }
    if parameter is not None:
        body["parameter"] = parameter
    response = json_response(body, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
