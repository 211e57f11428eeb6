"""OMERO's JSON API: projects, images, plates, people and regions, page by page."""

from flask import Blueprint, Response, request

from app.http import data_response
from app.metadata.annotations import describe_annotations, parse_annotations
from app.metadata.object_api import describe_listing, describe_object, describe_roi_page
from app.metadata.web_images import describe_web_images
from app.web import current_call, query

blueprint = Blueprint("objects", __name__)

_M = "/api/v0/m"


@blueprint.get(f"{_M}/rois/")
@blueprint.get(f"{_M}/images/<number:image_id>/rois/")
def rois(image_id: int | None = None) -> Response:
    """List the regions of an image."""
    return data_response(describe_roi_page(current_call(), image_id, query()), {})


@blueprint.get(f"{_M}/<kind>/")
def listing(kind: str) -> Response:
    """List objects of a class."""
    return data_response(describe_listing(current_call(), kind, query(), _base()), {})


@blueprint.get(f"{_M}/<kind>/<number:object_id>/")
def single(kind: str, object_id: int) -> Response:
    """Tell all about one object."""
    return data_response(describe_object(current_call(), kind, object_id, query(), _base()), {})


@blueprint.get(f"{_M}/<parent>/<number:parent_id>/<kind>/")
def children(parent: str, parent_id: int, kind: str) -> Response:
    """List what lies in an object, or what it lies in."""
    above = (parent, parent_id)
    return data_response(describe_listing(current_call(), kind, query(), _base(), above), {})


@blueprint.get(f"{_M}/<parent>/<number:parent_id>/wellsampleindex/<number:field>/wells/")
def wells(parent: str, parent_id: int, field: int) -> Response:
    """List the wells of a plate that have a field of that index."""
    above = (parent, parent_id)
    told = describe_listing(current_call(), "wells", query(), _base(), above, field)
    return data_response(told, {})


@blueprint.get("/webclient/api/images/")
def images() -> Response:
    """List the images of a dataset, or those that lie in nothing."""
    return data_response(describe_web_images(current_call(), query()), {})


@blueprint.get("/webclient/api/annotations/")
def annotations() -> Response:
    """List what is annotated to objects."""
    told = describe_annotations(current_call(), parse_annotations(request.args))
    return data_response(told, {})


def _base() -> str:
    return f"{request.scheme}://{request.host}{request.script_root}{_M}"
