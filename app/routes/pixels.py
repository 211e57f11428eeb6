"""Stored values at the addresses of OMERO's pixel buffer microservice."""

from flask import Blueprint, Response

from app.imaging.pixel_tiles import parse_pixel_tile, read_pixel_tile
from app.web import client_has, current_call, picture_response, query
from render.values import PlaneIndex

blueprint = Blueprint("pixels", __name__)


@blueprint.get("/tile/<number:image_id>/<number:z>/<number:c>/<number:t>/")
def tile(image_id: int, z: int, c: int, t: int) -> Response:
    """Give a region of a channel as it is stored."""
    wanted = parse_pixel_tile(image_id, PlaneIndex(z, c, t), query())
    return picture_response(read_pixel_tile(current_call(), wanted, client_has))


@blueprint.route("/tile/", methods=["OPTIONS"])
def discovery() -> Response:
    """Stand where QuPath looks for a pixel buffer microservice; `app.discovery` answers."""
    return Response(status=204)
