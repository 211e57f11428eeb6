"""The description of all addresses, for programs and for people."""

from flask import Blueprint, Response, current_app

from app.http import json_response
from app.openapi.document import describe, operations_by_tag
from app.routes.pages import page

blueprint = Blueprint("description", __name__)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI description."""
    return json_response(describe(current_app))


@blueprint.get("/docs/")
def docs() -> Response:
    """Show the description as a page."""
    return page("docs.html", tags=operations_by_tag(describe(current_app)))
