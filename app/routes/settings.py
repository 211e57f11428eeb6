"""Rendering settings under a short handle."""

from flask import Blueprint, Response, request

from app.http import json_response
from app.imaging.handles import make_handle
from app.web import current_call

blueprint = Blueprint("settings", __name__)


@blueprint.post("/webgateway/settings/")
def keep_settings() -> Response:
    """Keep the settings in the body and give their handle."""
    call = current_call()
    limit = call.settings.max_settings_bytes
    # Not a byte more than shows that it is too much.
    body = request.stream.read(limit + 1)
    response = json_response({"id": make_handle(call, request.content_type or "", body)})
    response.headers["Cache-Control"] = "no-store"
    return response
