"""OMERO.figure: its page, its own files, and what it asks for besides webgateway."""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, request, url_for

from app import csrf
from app.bundles import FIGURE, bundle_file
from app.call import Call
from app.figure_page import figure_page
from app.http import data_response, passing_response
from app.icons import projection_icon
from app.imaging.scaled_regions import render_scaled_region as draw_scaled_region
from app.metadata.figure_data import (
    converted,
    count_regions,
    describe_depths,
    describe_for_figure,
    describe_owners,
    describe_pixel_types,
    describe_rectangles,
    describe_times_of,
)
from app.metadata.saved_figures import (
    check_may_save,
    delete_figure,
    list_figures,
    load_figure,
    save_figure,
)
from app.params import parse_ids
from app.parsing.figure_params import parse_figure, parse_figure_id, parse_scaled_region
from app.parsing.forms import read_form
from app.picture_views import Asked, PictureView
from app.pipeline import Picture
from app.routes.pages import assets_version, finished_page
from app.web import current_call, current_settings, query

blueprint = Blueprint("figure", __name__)

#: Images of one figure that are asked for at a time.
_MOST_IMAGES = 100
#: Images of whom it is told, in one question, to whom they belong.
_MOST_OWNED_IMAGES = 1000
#: Bytes of a form for each of the file that comes of it: compact, but with signs of three letters.
_FORM_PER_FILE = 2
#: What the page needs beyond what our own pages do: its templates become code in the browser.
_CONTENT = {
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
}


@blueprint.get("/figure/")
@blueprint.get("/figure/new/")
@blueprint.get("/figure/open/")
@blueprint.get("/figure/recover/")
@blueprint.get("/figure/file/<number:file_id>/")
def figure(file_id: int = 0) -> Response:
    """Give OMERO.figure's page, which finds out by its address what to show."""
    call = current_call()
    files = url_for("figure.file", name=".").rpartition("/")[0]
    icon = url_for("pages.asset", version=assets_version(), name="icon.svg")
    page = figure_page(call, request.script_root, files, icon)
    own = {"script-src": f"{_CONTENT['script-src']} {page.script}"}
    response = finished_page(page.text, _CONTENT | own)
    if not call.settings.one_viewer:
        csrf.hand_out(request, response, csrf.token_for(request))
    return response


@blueprint.get("/static/omero_figure/<path:name>")
def file(name: str) -> Response:
    """Give one of OMERO.figure's own files."""
    found = FIGURE.bundle(current_settings())
    # These are named by what they hold.
    return bundle_file(found, name, fixed=name.startswith("assets/"))


@blueprint.get("/figure/imgData/<number:image_id>/")
def image_data(image_id: int) -> Response:
    """Tell all about an image that OMERO.figure needs."""
    return data_response(describe_for_figure(current_call(), image_id), {})


@blueprint.get("/figure/render_scaled_region/<number:image_id>/<number:z>/<number:t>/")
@PictureView
def render_scaled_region(call: Call, asked: Asked, image_id: int, z: int, t: int) -> Picture:
    """Draw a region at a level that is large enough, on grey ground outside the image."""
    query = asked.settings_query(call)
    wanted = parse_scaled_region(image_id, z, t, query, call.settings.jpeg_quality)
    return draw_scaled_region(call, wanted, asked.client_has)


@blueprint.get("/figure/max_projection_range_exceeded/<number:image_id>/")
@blueprint.get("/figure/max_projection_range_exceeded/<number:image_id>/<number:z>/")
@blueprint.get("/figure/max_projection_range_exceeded/<number:image_id>/<number:z>/<number:t>/")
@PictureView
def too_large_a_projection(
    call: Call, asked: Asked, image_id: int, z: int = 0, t: int = 0
) -> Picture:
    """Draw what stands in a panel whose projection takes in more than it may."""
    return projection_icon(asked.client_has)


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


@blueprint.get("/figure/images_details/")
def images_details() -> Response:
    """Tell to whom images belong."""
    texts = [text for text in query().get("image", "").split(",") if text]
    ids = parse_ids(texts, _MOST_OWNED_IMAGES)
    return data_response(describe_owners(current_call(), ids), {})


@blueprint.get("/figure/unit_conversion/<value>/<unit>/<to_unit>/")
def unit_conversion(value: str, unit: str, to_unit: str) -> Response:
    """Give a length in another unit."""
    return data_response(converted(value, unit, to_unit), {})


@blueprint.get("/figure/list_web_figures/")
def list_web_figures() -> Response:
    """List the saved figures."""
    return data_response(list_figures(current_call()), {})


@blueprint.get("/figure/load_web_figure/<number:file_id>/")
def load_web_figure(file_id: int) -> Response:
    """Give a saved figure."""
    return data_response(load_figure(current_call(), file_id), {})


@blueprint.post("/figure/save_web_figure/")
def save_web_figure() -> Response:
    """Save a figure, as a new one or in place of one, and give its id."""
    call = current_call()
    figure = parse_figure(_form(call), call.settings.max_figure_bytes, datetime.now())
    return _text(str(save_figure(call, figure)))


@blueprint.post("/figure/delete_web_figure/")
def delete_web_figure() -> Response:
    """Delete a saved figure."""
    call = current_call()
    delete_figure(call, parse_figure_id(_form(call)))
    return _text("Deleted OK")


@blueprint.post("/figure/make_web_figure/")
def make_web_figure() -> Response:
    """Say that figures are not exported."""
    current_call()
    reason = "OMERO.figure's export script does not run here; OMERO.web exports figures"
    return passing_response({"status": "failed", "error": reason}, {})


@blueprint.post("/figure/chgrp/")
def chgrp() -> Response:
    """Say that figures are not moved to other groups."""
    current_call()
    return passing_response({"error": "Figures are not moved here; OMERO.web does that"}, {})


def _form(call: Call) -> Mapping[str, str]:
    # Before anything is read: a figure may be large.
    check_may_save(call)
    return read_form(request, _FORM_PER_FILE * call.settings.max_figure_bytes, "max_figure_bytes")


def _text(text: str) -> Response:
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _ids() -> list[int]:
    return parse_ids(request.args.getlist("image"), _MOST_IMAGES)
