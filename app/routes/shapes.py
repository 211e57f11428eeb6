"""Pictures of regions of interest, their shapes and masks."""

from flask import Blueprint, Response

from app.imaging.shape_pictures import render_roi_thumbnail as draw_roi_thumbnail
from app.imaging.shape_pictures import render_shape_mask as draw_shape_mask
from app.imaging.shape_pictures import render_shape_thumbnail as draw_shape_thumbnail
from app.parsing.shape_params import parse_mask, parse_shape_thumbnail
from app.web import client_has, current_call, picture_response, query, render_query

blueprint = Blueprint("shapes", __name__)


@blueprint.get("/webgateway/render_roi_thumbnail/<number:roi_id>/")
def render_roi_thumbnail(roi_id: int) -> Response:
    """Draw one shape of a region of interest in the image around it."""
    call = current_call()
    request = parse_shape_thumbnail(render_query(call))
    return picture_response(draw_roi_thumbnail(call, roi_id, request, client_has))


@blueprint.get("/webgateway/render_shape_thumbnail/<number:shape_id>/")
def render_shape_thumbnail(shape_id: int) -> Response:
    """Draw a shape in the image around it."""
    call = current_call()
    request = parse_shape_thumbnail(render_query(call))
    return picture_response(draw_shape_thumbnail(call, shape_id, request, client_has))


@blueprint.get("/webgateway/render_shape_mask/<number:shape_id>/")
def render_shape_mask(shape_id: int) -> Response:
    """Draw a mask."""
    picture = draw_shape_mask(current_call(), shape_id, parse_mask(query()), client_has)
    return picture_response(picture)
