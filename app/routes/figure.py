"""What OMERO.figure asks for besides webgateway."""

from flask import Blueprint, Response, request

from app.figure_data import (
    count_regions,
    describe_depths,
    describe_for_figure,
    describe_pixel_types,
    describe_rectangles,
    describe_times_of,
)
from app.figure_params import parse_scaled_region
from app.http import data_response
from app.params import parse_ids
from app.scaled_regions import render_scaled_region as draw_scaled_region
from app.web import client_has, current_call, picture_call, picture_response, query, render_query

blueprint = Blueprint("figure", __name__)

#: Images of one figure that are asked for at a time.
_MOST_IMAGES = 100


@blueprint.get("/figure/imgData/<number:image_id>/")
def image_data(image_id: int) -> Response:
    """Tell all about an image that OMERO.figure needs."""
    return data_response(describe_for_figure(current_call(), image_id), {})


@blueprint.get("/figure/render_scaled_region/<number:image_id>/<number:z>/<number:t>/")
def render_scaled_region(image_id: int, z: int, t: int) -> Response:
    """Draw a region at a level that is large enough, on grey ground outside the image."""
    call = picture_call()
    wanted = parse_scaled_region(image_id, z, t, render_query(call), call.settings.jpeg_quality)
    return picture_response(draw_scaled_region(call, wanted, client_has))


@blueprint.get("/figure/roiCount/<number:image_id>/")
def roi_count(image_id: int) -> Response:
    """Count the regions of an image."""
    with_shapes = bool(query().get("shapes"))
    return data_response(count_regions(current_call(), image_id, with_shapes), {})


@blueprint.get("/figure/roiRectangles/<number:image_id>/")
def roi_rectangles(image_id: int) -> Response:
    """List the regions that have rectangles."""
    return data_response(describe_rectangles(current_call(), image_id, query()), {})


@blueprint.get("/figure/timestamps/")
def timestamps() -> Response:
    """Tell when the timepoints of images were."""
    return data_response(describe_times_of(current_call(), _ids()), {})


@blueprint.get("/figure/z_scale/")
def z_scale() -> Response:
    """Tell how far apart the sections of images are."""
    return data_response(describe_depths(current_call(), _ids()), {})


@blueprint.get("/figure/pixels_type/")
def pixels_type() -> Response:
    """Tell the pixel types of images."""
    return data_response(describe_pixel_types(current_call(), _ids()), {})


def _ids() -> list[int]:
    return parse_ids(request.args.getlist("image"), _MOST_IMAGES)
