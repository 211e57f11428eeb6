"""Plates and wells."""

from flask import Blueprint, Response, request

from app.http import data_response
from app.metadata.objects import describe_plate, describe_well, describe_well_images
from app.web import current_call, query

blueprint = Blueprint("plates", __name__)

_PLATE = "/webgateway/plate/<number:plate_id>/"


@blueprint.get(_PLATE)
@blueprint.get(f"{_PLATE}<number:field>/")
@blueprint.get(f"{_PLATE}<number:field>/<number:run_id>/")
def plate(plate_id: int, field: int = 0, run_id: int | None = None) -> Response:
    """Give one field of all wells of a plate as a grid."""
    prefix = request.script_root
    grid = describe_plate(current_call(), plate_id, field, run_id, query(), prefix)
    return data_response(grid, query())


@blueprint.get("/webgateway/well/<number:well_id>/children/")
def well_children(well_id: int) -> Response:
    """List the images of a well."""
    listing = describe_well_images(current_call(), well_id, query(), request.script_root)
    return data_response(listing, query())


@blueprint.get("/webgateway/wellData/<number:well_id>/")
def well_data(well_id: int) -> Response:
    """Give the first image of a well."""
    return data_response(describe_well(current_call(), well_id, request.script_root), query())
