"""Whole planes, regions and tiles."""

from flask import Blueprint

from app.call import Call
from app.params import check_complete_settings, parse_image, parse_image_region
from app.picture_views import Asked, PictureView
from app.pipeline import Picture, render_picture
from app.web import forget_share, under_both_prefixes

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
@PictureView
def render_image(
    call: Call, asked: Asked, image_id: int, z: int | None = None, t: int | None = None
) -> Picture:
    """Draw a whole plane."""
    query = asked.settings_query(call)
    request = parse_image(image_id, z, t, query, call.settings.jpeg_quality)
    return render_picture(call, request, asked.client_has, asked.url)


@under_both_prefixes(blueprint, f"/render_image_region/{_PLANE}/")
@PictureView
def render_image_region(call: Call, asked: Asked, image_id: int, z: int, t: int) -> Picture:
    """Draw a tile or a region."""
    query = asked.settings_query(call)
    request = parse_image_region(image_id, z, t, query, call.settings.jpeg_quality)
    return render_picture(call, request, asked.client_has, asked.url)


@blueprint.get(f"/webgateway/render_image_rdef/{_IMAGE}/")
@blueprint.get(f"/webgateway/render_image_rdef/{_IMAGE}/<number:z>/")
@blueprint.get(f"/webgateway/render_image_rdef/{_PLANE}/")
@PictureView
def render_image_rdef(
    call: Call, asked: Asked, image_id: int, z: int | None = None, t: int | None = None
) -> Picture:
    """Draw a whole plane; all settings have to be in the query."""
    check_complete_settings(asked.settings_query(call))
    return render_image.draw(call, asked, image_id, z, t)


@blueprint.get(f"/webgateway/render_image_region_rdef/{_PLANE}/")
@PictureView
def render_image_region_rdef(call: Call, asked: Asked, image_id: int, z: int, t: int) -> Picture:
    """Draw a tile or a region; all settings have to be in the query."""
    check_complete_settings(asked.settings_query(call))
    return render_image_region.draw(call, asked, image_id, z, t)
