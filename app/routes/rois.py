"""Regions of interest."""

from flask import Blueprint, Response

from app.http import data_response
from app.metadata.objects import describe_rois, describe_shape
from app.web import current_call, query

blueprint = Blueprint("rois", __name__)


@blueprint.get("/webgateway/get_rois_json/<number:image_id>/")
def get_rois_json(image_id: int) -> Response:
    """List the regions of an image with their shapes."""
    return data_response(describe_rois(current_call(), image_id), query())


@blueprint.get("/webgateway/get_shape_json/<number:roi_id>/<number:shape_id>/")
def get_shape_json(roi_id: int, shape_id: int) -> Response:
    """Give one shape; never as JSONP."""
    return data_response(describe_shape(current_call(), roi_id, shape_id), {})
