"""Thumbnails, alone and in batches."""

from flask import Blueprint, Response
from flask import request as web_request

from app.call import Call
from app.http import data_response
from app.imaging.thumbnails import render_thumbnail, render_thumbnail_or_icon
from app.params import parse_ids, parse_thumbnail
from app.picture_views import Asked, PictureView
from app.pipeline import Picture
from app.thumbnail_urls import data_url, data_urls
from app.web import current_call, forget_share, query

blueprint = Blueprint("thumbnails", __name__)
blueprint.url_value_preprocessor(forget_share)

_IMAGE = "<number:image_id>"
_WEBCLIENT = ("/webclient", "/webclient/<number:share>")


@blueprint.get(f"/webgateway/render_thumbnail/{_IMAGE}/")
@blueprint.get(f"/webgateway/render_thumbnail/{_IMAGE}/<number:width>/")
@blueprint.get(f"/webgateway/render_thumbnail/{_IMAGE}/<number:width>/<number:height>/")
@blueprint.get(f"/webgateway/render_birds_eye_view/{_IMAGE}/")
@blueprint.get(f"/webgateway/render_birds_eye_view/{_IMAGE}/<number:width>/")
@blueprint.get(f"{_WEBCLIENT[0]}/render_birds_eye_view/{_IMAGE}/")
@blueprint.get(f"{_WEBCLIENT[0]}/render_birds_eye_view/{_IMAGE}/<number:width>/")
@blueprint.get(f"{_WEBCLIENT[1]}/render_birds_eye_view/{_IMAGE}/")
@blueprint.get(f"{_WEBCLIENT[1]}/render_birds_eye_view/{_IMAGE}/<number:width>/")
@PictureView
def thumbnail(
    call: Call, asked: Asked, image_id: int, width: int | None = None, height: int | None = None
) -> Picture:
    """Draw a thumbnail."""
    request = parse_thumbnail(image_id, width, height, asked.query)
    return render_thumbnail(call, request, asked.client_has, asked.url)


@blueprint.get(f"/webclient/render_thumbnail/{_IMAGE}/")
@blueprint.get(f"/webclient/render_thumbnail/{_IMAGE}/<number:share>/")
@blueprint.get(f"/webclient/render_thumbnail/size/<number:width>/{_IMAGE}/")
@blueprint.get(f"/webclient/render_thumbnail/size/<number:width>/{_IMAGE}/<number:share>/")
@blueprint.get(f"/figure/render_thumbnail/{_IMAGE}/")
@PictureView
def webclient_thumbnail(
    call: Call, asked: Asked, image_id: int, width: int | None = None
) -> Picture:
    """Draw a thumbnail, or an icon in place of a missing image."""
    request = parse_thumbnail(image_id, width, None, asked.query)
    return render_thumbnail_or_icon(call, request, asked.client_has, asked.url)


@blueprint.get(f"/webgateway/get_thumbnail/{_IMAGE}/")
@blueprint.get(f"/webgateway/get_thumbnail/{_IMAGE}/<number:width>/")
@blueprint.get(f"/webgateway/get_thumbnail/{_IMAGE}/<number:width>/<number:height>/")
def get_thumbnail(image_id: int, width: int | None = None, height: int | None = None) -> Response:
    """Give a thumbnail as a data URL."""
    request = parse_thumbnail(image_id, width, height, query())
    return data_response(data_url(render_thumbnail(current_call(), request)), query())


@blueprint.get(f"/webclient/get_thumbnail/{_IMAGE}/")
@blueprint.get(f"/webclient/get_thumbnail/{_IMAGE}/<number:share>/")
def webclient_get_thumbnail(image_id: int) -> Response:
    """Give a thumbnail as a data URL, or an icon in place of a missing image."""
    request = parse_thumbnail(image_id, None, None, query())
    return data_response(data_url(render_thumbnail_or_icon(current_call(), request)), query())


@blueprint.get("/webgateway/get_thumbnails/")
@blueprint.get("/webgateway/get_thumbnails/<number:width>/")
@blueprint.get("/webclient/get_thumbnails/")
@blueprint.get("/webclient/get_thumbnails/<number:share>/")
def get_thumbnails(width: int | None = None) -> Response:
    """Give many thumbnails as data URLs by image id; null for those that cannot be had."""
    call = current_call()
    ids = parse_ids(web_request.args.getlist("id"), call.settings.thumbnail_batch_limit)
    return data_response(data_urls(call, ids, width, query()), query())
