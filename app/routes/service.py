"""What concerns the service itself."""

from flask import Blueprint, Response, current_app, request

from app import observe
from app.http import json_response
from app.operations.metrics import CONTENT_TYPE
from app.operations.metrics_access import check_metrics_access
from app.operations.readiness import check_parts
from app.web import figures_of, parts_of

blueprint = Blueprint("service", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Tell that the process answers; touches nothing else."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Tell whether source, cache and workers do their part, 503 when one of them does not."""
    told = check_parts(parts_of(current_app).all())
    response = json_response(told, status=200 if told["status"] == "ok" else 503)
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == 503:
        response.headers["Retry-After"] = "5"
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """Give the figures of all worker processes to Prometheus."""
    check_metrics_access(request, parts_of(current_app).settings)
    figures_of(current_app).refresh()
    text = observe.metrics_of(current_app).text()
    response = Response(text, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/webgateway/")
def index() -> Response:
    """Greet whoever looks whether a webgateway is here."""
    return Response("Welcome to webgateway", content_type="text/html; charset=utf-8")


@blueprint.route("/omero_ms_image_region/", methods=["OPTIONS"])
def discovery() -> Response:
    """Stand where viewers look for a rendering microservice; `app.discovery` answers."""
    return Response(status=204)
