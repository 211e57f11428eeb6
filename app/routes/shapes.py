"""Pictures of regions of interest, their shapes and masks."""

from flask import Blueprint

from app.call import Call
from app.imaging.shape_pictures import render_roi_thumbnail as draw_roi_thumbnail
from app.imaging.shape_pictures import render_shape_mask as draw_shape_mask
from app.imaging.shape_pictures import render_shape_thumbnail as draw_shape_thumbnail
from app.parsing.shape_params import parse_mask, parse_shape_thumbnail
from app.picture_views import Asked, PictureView
from app.pipeline import Picture

blueprint = Blueprint("shapes", __name__)


@blueprint.get("/webgateway/render_roi_thumbnail/<number:roi_id>/")
@PictureView
def render_roi_thumbnail(call: Call, asked: Asked, roi_id: int) -> Picture:
    """Draw one shape of a region of interest in the image around it."""
    request = parse_shape_thumbnail(asked.settings_query(call))
    return draw_roi_thumbnail(call, roi_id, request, asked.client_has)


@blueprint.get("/webgateway/render_shape_thumbnail/<number:shape_id>/")
@PictureView
def render_shape_thumbnail(call: Call, asked: Asked, shape_id: int) -> Picture:
    """Draw a shape in the image around it."""
    request = parse_shape_thumbnail(asked.settings_query(call))
    return draw_shape_thumbnail(call, shape_id, request, asked.client_has)


@blueprint.get("/webgateway/render_shape_mask/<number:shape_id>/")
@PictureView
def render_shape_mask(call: Call, asked: Asked, shape_id: int) -> Picture:
    """Draw a mask."""
    return draw_shape_mask(call, shape_id, parse_mask(asked.query), asked.client_has)
