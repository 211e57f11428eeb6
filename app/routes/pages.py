"""The built-in pages: the list of images, the viewer of one image, and what both are made of."""

import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for

from app import csrf
from app.bundles import FIGURE, IVIEWER
from app.http import file_response
from app.login_address import offers_login
from app.web import current_call, current_settings, parts_of
from render.errors import NotFound

blueprint = Blueprint("pages", __name__)

_ASSETS = Path(__file__).parent.parent / "static"

#: Nothing comes from elsewhere, and nothing is written into the pages themselves.
_CONTENT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
#: What CSP calls the settings of X-Frame-Options.
_FRAME_ANCESTORS = {
    "SAMEORIGIN": {"frame-ancestors": "'self'"},
    "DENY": {"frame-ancestors": "'none'"},
    "any": {},
}


@blueprint.get("/")
def index() -> Response:
    """Give the page that lists the images; what it lists, it asks for itself."""
    settings = current_settings()
    return viewer_page(
        "index.html", iviewer=IVIEWER.is_served(settings), figure=FIGURE.is_served(settings)
    )


@blueprint.get("/image/<number:image_id>/")
def image(image_id: int) -> Response:
    """Give the page of one image; whether there is such an image, it finds out itself."""
    return viewer_page("image.html", image_id=image_id)


@blueprint.get("/assets/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """Give a part of the pages; under the version of now, it never changes."""
    path = _assets().get(name)
    if path is None:
        raise NotFound("there is nothing at this address")
    body = path.read_bytes()
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    response = file_response(
        lambda start, stop: [body[start:stop]],
        len(body),
        hashlib.blake2b(body, digest_size=16).hexdigest(),
        media_type,
    )
    if version == assets_version():
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    return _secured(response)


@cache
def assets_version() -> str:
    """Give a word that changes with the content of any part of the pages."""
    digest = hashlib.blake2b(digest_size=8)
    for name, path in sorted(_assets().items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _assets() -> Mapping[str, Path]:
    """Give the parts of the pages by name."""
    return {path.name: path for path in _ASSETS.iterdir()}


def viewer_page(template: str, **values: Any) -> Response:
    """Give a page to somebody who may ask for more; raise NotAuthenticated for others."""
    current_call()
    settings = parts_of(current_app).settings
    if settings.one_viewer:
        return page(template, **values)
    token, logout = csrf.token_for(request), offers_login(settings)
    response = page(template, with_form=logout, token=token, logout=logout, **values)
    csrf.hand_out(request, response, token)
    return response


def page(
    template: str,
    *,
    with_form: bool = False,
    content: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """Give a page from its template; `with_form` = it sends a form, to this host.

    `content` are directives of its Content-Security-Policy that differ from those of our pages.
    """
    first = url_for("pages.asset", version=assets_version(), name="style.css")
    text = render_template(
        template, base=request.script_root, assets=first.rpartition("/")[0], **values
    )
    own = dict(content or {})
    if with_form:
        own["form-action"] = "'self'"
    return finished_page(text, own)


def finished_page(text: str, content: Mapping[str, str]) -> Response:
    """Give a page as it is; `content` is that of `page`."""
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Referrer-Policy"] = "same-origin"
    return _secured(response, content)


def _secured(response: Response, own: Mapping[str, str] | None = None) -> Response:
    frames = _FRAME_ANCESTORS[parts_of(current_app).settings.x_frame_options]
    directives = _CONTENT | dict(own or {}) | frames
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {sources}" for name, sources in directives.items()
    )
    return response
