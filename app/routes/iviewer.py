"""OMERO.iviewer: its page, its own files, and what it asks for besides webgateway."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import csrf
from app.bundles import IVIEWER, bundle_file
from app.http import data_response, last_values, passing_response
from app.imaging.shape_stats import describe_shape_stats
from app.iviewer import page_parameters
from app.metadata.iviewer_data import (
    describe_for_iviewer,
    describe_for_iviewer_by,
    describe_intensities,
    describe_paths,
    describe_place,
    describe_rois_on,
    describe_shape_counts,
    describe_times,
    describe_well_fields,
)
from app.metadata.roi_changes import save_rois
from app.metadata.saved_projections import save_projection as make_projection
from app.parsing.iviewer_params import (
    parse_intensity,
    parse_planes,
    parse_save_projection,
    parse_shape_stats,
)
from app.parsing.roi_params import parse_roi_changes
from app.routes.pages import viewer_page
from app.web import current_call, current_settings, forget_share, query, under_both_prefixes

blueprint = Blueprint("iviewer", __name__)
blueprint.url_value_preprocessor(forget_share)

#: Images that one link shows.
_MOST_SHOWN = 100
#: What the viewer needs beyond what our own pages do: it makes code, styles and pictures itself.
_CONTENT = {
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
}


@blueprint.get("/iviewer/")
def iviewer() -> Response:
    """Give the page that loads OMERO.iviewer; what it shows, it asks for itself."""
    version = IVIEWER.bundle(current_settings()).version
    parameters = page_parameters(current_call(), query(), request.script_root)
    first = url_for("iviewer.file", name="main.js", v=version)
    return viewer_page(
        "iviewer.html",
        content=_CONTENT,
        parameters=parameters,
        files=first.rpartition("/")[0],
        version=version,
    )


@blueprint.get("/static/omero_iviewer/<path:name>")
def file(name: str) -> Response:
    """Give one of OMERO.iviewer's own files."""
    found = IVIEWER.bundle(current_settings())
    # Of another version, the name is the same.
    return bundle_file(found, name, fixed=request.args.get("v") == found.version)


@blueprint.get("/webclient/")
def webclient() -> AnyResponse:
    """Lead to what `show` names, images as `image-<id>|image-<id>`; else to the list of images."""
    parts = request.args.get("show", "").split("|")
    shown = [re.fullmatch("image-([0-9]{1,18})", part) for part in parts[:_MOST_SHOWN]]
    ids = [int(one[1]) for one in shown if one is not None]
    if len(ids) < len(parts):
        return _away(url_for("pages.index"))
    return _away(_image_address(ids, {}))


@under_both_prefixes(blueprint, "/img_detail/<number:image_id>/")
def img_detail(image_id: int) -> AnyResponse:
    """Lead to the viewer of an image, with what the link says of the view."""
    return _away(_image_address([image_id], query()))


@blueprint.get("/iviewer/image_data/<number:image_id>/")
def image_data(image_id: int) -> Response:
    """Tell all about an image that OMERO.iviewer needs."""
    return data_response(describe_for_iviewer(current_call(), image_id), {})


@blueprint.get("/iviewer/image_data/<number:image_id>/delta_t/")
def times(image_id: int) -> Response:
    """Tell when the timepoints were."""
    return data_response(describe_times(current_call(), image_id), {})


@blueprint.get("/iviewer/roi/<number:roi_id>/image_data/")
def image_data_of_roi(roi_id: int) -> Response:
    """Tell all about the image with a region."""
    return data_response(describe_for_iviewer_by(current_call(), "roi", roi_id), {})


@blueprint.get("/iviewer/shape/<number:shape_id>/image_data/")
def image_data_of_shape(shape_id: int) -> Response:
    """Tell all about the image with a shape."""
    return data_response(describe_for_iviewer_by(current_call(), "shape", shape_id), {})


@blueprint.get("/iviewer/well_images/")
def well_images() -> Response:
    """List the images of a well."""
    return data_response(describe_well_fields(current_call(), query()), {})


@blueprint.get("/iviewer/get_intensity/")
def intensity() -> Response:
    """Give the values of channels around a place."""
    told = describe_intensities(current_call(), parse_intensity(query()))
    return data_response(told, {}, compact=True)


@blueprint.get("/iviewer/rois_by_plane/<number:image_id>/<sections>/<timepoints>/")
def rois_by_plane(image_id: int, sections: str, timepoints: str) -> Response:
    """List the regions that have a shape on some planes."""
    planes = parse_planes(sections, timepoints)
    return data_response(describe_rois_on(current_call(), image_id, planes, query()), {})


@blueprint.get("/iviewer/plane_shape_counts/<number:image_id>/")
def plane_shape_counts(image_id: int) -> Response:
    """Count the shapes on each plane."""
    return data_response(describe_shape_counts(current_call(), image_id), {}, compact=True)


@blueprint.get("/iviewer/roi/<number:roi_id>/page_data/")
def place_of_roi(roi_id: int) -> Response:
    """Tell which of its image's regions a region is."""
    return data_response(describe_place(current_call(), "roi", roi_id), {})


@blueprint.get("/iviewer/shape/<number:shape_id>/page_data/")
def place_of_shape(shape_id: int) -> Response:
    """Tell which of the regions on its plane a shape belongs to."""
    return data_response(describe_place(current_call(), "shape", shape_id), {})


@blueprint.get("/iviewer/shape_stats/")
def shape_stats() -> Response:
    """Give the statistics of the values under shapes."""
    told = describe_shape_stats(current_call(), parse_shape_stats(query()))
    return data_response(told, {}, compact=True)


@blueprint.post("/iviewer/persist_rois/")
def persist_rois() -> Response:
    """Save, change and delete regions of an image."""
    call = current_call()
    limit = call.settings.max_regions_bytes
    # Not a byte more than shows that it is too much.
    changes = parse_roi_changes(request.stream.read(limit + 1), limit)
    return passing_response(save_rois(call, changes), {})


@blueprint.route("/iviewer/save_projection/", methods=("GET", "POST"))
def save_projection() -> Response:
    """Make a new image of a projection."""
    settings = current_settings()
    csrf.check_changing_get(request, settings.csrf_trusted_origins, one_viewer=settings.one_viewer)
    sent = last_values(request.form) | query()
    told = make_projection(current_call(), parse_save_projection(sent))
    return passing_response(told, {})


@blueprint.get("/webclient/api/paths_to_object/")
def paths_to_object() -> Response:
    """Give the paths that lead to an image."""
    return data_response(describe_paths(current_call(), query()), {})


def _image_address(ids: Sequence[int], link: Mapping[str, str]) -> str:
    if IVIEWER.is_served(current_settings()):
        # The first one is opened, and more images than one are listed beside it.
        images = ",".join(map(str, ids))
        return f"{url_for('iviewer.iviewer')}?{urlencode({'images': images, **link}, safe=',')}"
    address = url_for("pages.image", image_id=ids[0])
    return f"{address}?{urlencode(link)}" if link else address


def _away(address: str) -> AnyResponse:
    response = redirect(address)
    response.headers["Cache-Control"] = "no-store"
    return response
