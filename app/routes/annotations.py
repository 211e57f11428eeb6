"""What OMERO.web's pages and QuPath change beside settings and regions: annotations and names."""

from flask import Blueprint, Response, request

from app.downloads.attachments import attached_file
from app.http import passing_response
from app.metadata.annotating import (
    annotate_pairs,
    attach_files,
    check_may_change,
    delete_attachment,
)
from app.metadata.renaming import name_channels, rename_image
from app.parsing.annotation_params import parse_attaching, parse_map
from app.parsing.forms import read_form, read_upload
from app.routes.downloads import original_response
from app.web import current_call

blueprint = Blueprint("annotations", __name__)


@blueprint.post("/webclient/annotate_map/")
def annotate_map() -> Response:
    """Annotate objects with pairs of names and values, or change such annotations."""
    call = current_call()
    form = read_form(request, call.settings.max_annotation_bytes, "max_annotation_bytes")
    return passing_response(annotate_pairs(call, parse_map(form)), {})


@blueprint.post("/webclient/annotate_file/")
def annotate_file() -> Response:
    """Attach an uploaded file to objects, and files that are attached to others."""
    call = current_call()
    # Before anything is taken in: a file may be large.
    check_may_change(call)
    with call.parts.uploads.enter():
        limit = call.settings.max_upload_bytes
        form, sent = read_upload(request, "annotation_file", limit)
        # Sending it may have taken longer than anything else of a request may.
        told = attach_files(call.renewed(call.steps), parse_attaching(form), sent)
    return passing_response(told, {})


@blueprint.get("/webclient/annotation/<number:annotation_id>/")
def attachment(annotation_id: int) -> Response:
    """Give the file of a file annotation."""
    call = current_call()
    return original_response(call, attached_file(call, annotation_id))


@blueprint.post("/webclient/action/delete/file/<number:annotation_id>/")
def delete_file(annotation_id: int) -> Response:
    """Delete a file annotation, and its file."""
    return passing_response(delete_attachment(current_call(), annotation_id), {})


@blueprint.post("/webclient/action/savename/image/<number:image_id>/")
def save_name(image_id: int) -> Response:
    """Give an image another name."""
    call = current_call()
    form = read_form(request, call.settings.max_annotation_bytes, "max_annotation_bytes")
    return passing_response(rename_image(call, image_id, form), {})


@blueprint.post("/webclient/edit_channel_names/<number:image_id>/")
def edit_channel_names(image_id: int) -> Response:
    """Give channels other names."""
    call = current_call()
    form = read_form(request, call.settings.max_annotation_bytes, "max_annotation_bytes")
    return passing_response(name_channels(call, image_id, form), {})
