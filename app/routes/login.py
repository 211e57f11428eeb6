"""Logging in and out, and what clients of OMERO's JSON API ask first."""

from flask import Blueprint, Response, current_app, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from app import csrf
from app.http import json_response
from app.identity.own_logins import COOKIE
from app.logging_in import Login, event_context, log_in, own_logins, try_log_in
from app.login_address import local_address
from app.routes.pages import page
from app.web import call_if_logged_in, parts_of
from render.deadline import Deadline

blueprint = Blueprint("login", __name__)

#: What the JSON API offers under /api/v0/m/, by the names under which clients look for it.
_LISTS = {
    "projects": "projects",
    "datasets": "datasets",
    "images": "images",
    "screens": "screens",
    "plates": "plates",
    "experimenters": "experimenters",
    "experimentergroups": "experimentergroups",
    "rois": "rois",
}


@blueprint.get("/api/")
def versions() -> Response:
    """Tell where the JSON API begins."""
    return _fresh({"data": [{"version": "0", "url:base": f"{_base()}/api/v0/"}]})


@blueprint.get("/api/v0/")
def links() -> Response:
    """Tell where the parts of the JSON API are."""
    base = f"{_base()}/api/v0/"
    lists = {f"url:{name}": f"{base}m/{path}/" for name, path in _LISTS.items()}
    own = {f"url:{name}": f"{base}{name}/" for name in ("token", "servers", "login")}
    return _fresh(lists | own)


@blueprint.get("/api/v0/token/")
def token() -> Response:
    """Hand out the token that every POST has to bring."""
    value = csrf.token_for(request)
    response = _fresh({"data": value})
    csrf.hand_out(request, response, value)
    return response


@blueprint.get("/api/v0/servers/")
def servers() -> Response:
    """List the servers that one can log in to."""
    listed = [
        {"id": server.id, "host": server.host, "port": server.port, "server": server.name}
        for server in parts_of(current_app).servers
    ]
    return _fresh({"data": listed})


@blueprint.post("/api/v0/login/")
def api_login() -> Response:
    """Log in with a form or a JSON object."""
    login = log_in(parts_of(current_app), request)
    response = _fresh({"success": True, "eventContext": event_context(login.session)})
    _set_cookie(response, login)
    return response


@blueprint.get("/login/")
def login_form() -> Response:
    """Give the page on which people log in."""
    own_logins(parts_of(current_app))
    return _login_page("")


@blueprint.post("/login/")
def login_page() -> AnyResponse:
    """Log in, and go on to where `url` points on this host."""
    login, problem = try_log_in(parts_of(current_app), request)
    if login is None:
        return _login_page(problem, 403)
    home = f"{request.script_root}/"
    response = redirect(local_address(request.values.get("url", ""), home))
    response.headers["Cache-Control"] = "no-store"
    _set_cookie(response, login)
    return response


@blueprint.post("/logout/")
@blueprint.post("/webclient/logout/")
def logout() -> AnyResponse:
    """Log out here and of OMERO."""
    site = parts_of(current_app)
    own_logins(site).log_out(request, Deadline.after(site.settings.request_deadline_s))
    response: AnyResponse = _fresh({"success": True})
    if "text/html" in request.headers.get("Accept", ""):
        response = redirect(f"{request.script_root}/login/")
        response.headers["Cache-Control"] = "no-store"
    response.delete_cookie(COOKIE, path=_cookie_path(), httponly=True, samesite="Lax")
    return response


@blueprint.get("/webclient/keepalive_ping/")
def keepalive_ping() -> Response:
    """Keep the OMERO session alive; tell whether there is one."""
    call = call_if_logged_in()
    if call is not None:
        call.session.user(call.deadline)
    text = "Connection Failed" if call is None else "OK"
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _login_page(problem: str, status: int = 200) -> Response:
    value = csrf.token_for(request)
    response = page(
        "login.html",
        with_form=True,
        problem=problem,
        token=value,
        servers=parts_of(current_app).servers,
        url=local_address(request.values.get("url", ""), f"{request.script_root}/"),
    )
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    csrf.hand_out(request, response, value)
    return response


def _set_cookie(response: AnyResponse, login: Login) -> None:
    settings = parts_of(current_app).settings
    response.set_cookie(
        COOKIE,
        login.cookie,
        max_age=settings.login_age_s,
        path=_cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _cookie_path() -> str:
    return request.script_root or "/"


def _base() -> str:
    return f"{request.scheme}://{request.host}{request.script_root}"


def _fresh(value: object) -> Response:
    response = json_response(value)
    response.headers["Cache-Control"] = "no-store"
    return response
