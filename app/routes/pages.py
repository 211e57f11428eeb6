"""The built-in pages: the list of images, the viewer of one image, and what both are made of."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, render_template, request, send_from_directory, url_for

blueprint = Blueprint("pages", __name__)

_ASSETS = Path(__file__).parent.parent / "static"

#: Nothing comes from elsewhere, and nothing is written into the pages themselves.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


@blueprint.get("/")
def index() -> Response:
    """Give the page that lists the images; what it lists, it asks for itself."""
    return _page("index.html")


@blueprint.get("/image/<number:image_id>/")
def image(image_id: int) -> Response:
    """Give the page of one image; whether there is such an image, it finds out itself."""
    return _page("image.html", image_id=image_id)


@blueprint.get("/assets/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """Give a part of the pages; under the version of now, it never changes."""
    response = send_from_directory(_ASSETS, name)
    if version == assets_version():
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    return response


@cache
def assets_version() -> str:
    """Give a word that changes with the content of any part of the pages."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_ASSETS.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _page(template: str, **values: object) -> Response:
    first = url_for("pages.asset", version=assets_version(), name="style.css")
    text = render_template(
        template, base=request.script_root, assets=first.rpartition("/")[0], **values
    )
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    return response
