"""What concerns the service itself."""

from flask import Blueprint, Response

from app.http import json_response
from app.web import current_call

blueprint = Blueprint("service", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Tell that the process answers; touches nothing else."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Tell that the source answers as well."""
    call = current_call()
    call.session.user(call.deadline)
    return json_response({"status": "ok"})


@blueprint.get("/webgateway/")
def index() -> Response:
    """Greet whoever looks whether a webgateway is here."""
    return Response("Welcome to webgateway", content_type="text/html; charset=utf-8")


@blueprint.route("/omero_ms_image_region/", methods=["OPTIONS"])
def discovery() -> Response:
    """Stand where viewers look for a rendering microservice; `app.discovery` answers."""
    return Response(status=204)
