"""Stored rendering settings: listed, saved, reset, and copied from image to image."""

from collections.abc import Mapping

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from app.http import check_callback, data_response, last_values, passing_response
from app.metadata.copying import client_of, hand_out_client, remember
from app.metadata.rdefs import compatible_images, describe_copied, describe_definitions
from app.metadata.saved_settings import copy_settings, reset_settings, save_settings
from app.web import current_call, forget_share, query, under_both_prefixes

blueprint = Blueprint("rdefs", __name__)
blueprint.url_value_preprocessor(forget_share)


@blueprint.get("/webgateway/get_image_rdefs_json/<number:image_id>/")
def image_definitions(image_id: int) -> Response:
    """List the settings that anybody stored for an image."""
    return data_response(describe_definitions(current_call(), image_id), query())


@blueprint.get("/webgateway/compatImgRDef/<number:image_id>/")
def compatible(image_id: int) -> Response:
    """List the images of the same project to which the settings can be copied."""
    check_callback(query())
    return passing_response(compatible_images(current_call(), image_id), query(), script=True)


@under_both_prefixes(blueprint, "/getImgRDef/")
def copied() -> Response:
    """Give what this client copied last."""
    call = current_call()
    held = call.parts.clipboards.get(client_of(call, request))
    return data_response(describe_copied(call, held), query())


@under_both_prefixes(blueprint, "/copyImgRDef/", methods=("GET", "POST"))
def copy() -> Response:
    """Remember an image or settings; with targets in a form, give them to these."""
    call, sent = current_call(), _sent()
    check_callback(query())
    targets = request.form.getlist("toids")
    client = client_of(call, request)
    if targets:
        held = call.parts.clipboards.get(client)
        kind = request.form.get("to_type", "image")
        return passing_response(copy_settings(call, sent, held, kind, targets), query())
    if not remember(call, client, sent):
        raise MethodNotAllowed(valid_methods=["POST"])
    response = passing_response(True, query())
    hand_out_client(call, request, response, client)
    return response


@under_both_prefixes(blueprint, "/saveImgRDef/<number:image_id>/", methods=("POST",))
def save(image_id: int) -> Response:
    """Store settings of an image as the viewer's own."""
    check_callback(query())
    return passing_response(save_settings(current_call(), image_id, _sent()), query(), script=True)


@blueprint.post("/webgateway/resetRDef/")
def reset() -> Response:
    """Give images the default settings."""
    return _reset(to_owners=False)


@blueprint.post("/webgateway/applyOwnersRDef/")
def reset_to_owners() -> Response:
    """Give images the settings of their owners."""
    return _reset(to_owners=True)


def _reset(to_owners: bool) -> Response:
    form = request.form
    kind = form.get("to_type", "image")
    check_callback(query())
    changed = reset_settings(current_call(), kind, form.getlist("toids"), to_owners)
    return passing_response(changed, query())


def _sent() -> Mapping[str, str]:
    """Give each parameter from the query, else from the form."""
    return last_values(request.form) | query()
