"""Whole planes, regions and tiles."""

from flask import Blueprint, Response

from app.params import check_complete_settings, parse_image, parse_image_region
from app.pipeline import remembered_picture, render_picture
from app.web import (
    address,
    client_has,
    current_call,
    forget_share,
    picture_call,
    picture_response,
    render_query,
    under_both_prefixes,
)

blueprint = Blueprint("images", __name__)
blueprint.url_value_preprocessor(forget_share)

_IMAGE = "<number:image_id>"
_PLANE = f"{_IMAGE}/<number:z>/<number:t>"


@under_both_prefixes(
    blueprint,
    f"/render_image/{_IMAGE}/",
    f"/render_image/{_IMAGE}/<number:z>/",
    f"/render_image/{_PLANE}/",
)
def render_image(image_id: int, z: int | None = None, t: int | None = None) -> Response:
    """Draw a whole plane."""
    call = picture_call()
    picture = remembered_picture(call, address(), client_has)
    if picture is None:
        request = parse_image(image_id, z, t, render_query(call), call.settings.jpeg_quality)
        picture = render_picture(call, request, client_has, address())
    return picture_response(picture)


@under_both_prefixes(blueprint, f"/render_image_region/{_PLANE}/")
def render_image_region(image_id: int, z: int, t: int) -> Response:
    """Draw a tile or a region."""
    call = picture_call()
    picture = remembered_picture(call, address(), client_has)
    if picture is None:
        request = parse_image_region(image_id, z, t, render_query(call), call.settings.jpeg_quality)
        picture = render_picture(call, request, client_has, address())
    return picture_response(picture)


@blueprint.get(f"/webgateway/render_image_rdef/{_IMAGE}/")
@blueprint.get(f"/webgateway/render_image_rdef/{_IMAGE}/<number:z>/")
@blueprint.get(f"/webgateway/render_image_rdef/{_PLANE}/")
def render_image_rdef(image_id: int, z: int | None = None, t: int | None = None) -> Response:
    """Draw a whole plane; all settings have to be in the query."""
    check_complete_settings(render_query(current_call()))
    return render_image(image_id, z, t)


@blueprint.get(f"/webgateway/render_image_region_rdef/{_PLANE}/")
def render_image_region_rdef(image_id: int, z: int, t: int) -> Response:
    """Draw a tile or a region; all settings have to be in the query."""
    check_complete_settings(render_query(current_call()))
    return render_image_region(image_id, z, t)
