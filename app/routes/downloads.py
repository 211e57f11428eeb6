"""Original files, and pictures to be kept."""

from flask import Blueprint, Response
from flask import request as web_request

from app.call import Call
from app.downloads.originals import archive_of, file_body, file_length, file_name, find_originals
from app.downloads.pictures import picture_name, pictures_archive
from app.downloads.selection import select_images
from app.http import attachment, file_response
from app.params import parse_image
from app.parsing.download_params import DownloadRequest, parse_download, parse_picture_format
from app.pipeline import render_picture
from app.web import (
    archive_response,
    client_has,
    current_call,
    forget_share,
    picture_response,
    query,
    render_query,
)
from render.blitz.records import OriginalFile

blueprint = Blueprint("downloads", __name__)
blueprint.url_value_preprocessor(forget_share)

#: What OMERO.web calls all that is to be kept rather than shown.
_KEEP = "application/force-download"


@blueprint.get("/webgateway/archived_files/download/")
@blueprint.get("/webgateway/archived_files/download/<number:image_id>/")
def archived_files(image_id: int | None = None) -> Response:
    """Give the original files of images."""
    call = current_call()
    request = _parse(call, image_id)
    originals = find_originals(call, request)
    if len(originals.files) > 1:
        deflate = query().get("compress") == "true"
        archive = archive_of(call, originals, request.archive_name, deflate)
        return archive_response(archive, _KEEP)
    return original_response(call, originals.files[0])


def original_response(call: Call, file: OriginalFile) -> Response:
    """Give one file as an answer, or the part of it that is asked for."""
    length = file_length(call, file)
    return file_response(
        lambda begin, end: file_body(call, file, length, begin, end),
        length,
        f"{file.id}-{file.version}",
        _KEEP,
        [("Content-Disposition", attachment(file_name(file)))],
    )


@blueprint.get("/webgateway/download_as/")
@blueprint.get("/webgateway/download_as/<number:image_id>/")
def download_as(image_id: int | None = None) -> Response:
    """Give one picture, or the default planes of several images as an archive."""
    call = current_call()
    request = _parse(call, image_id)
    if request.count > 1:
        format_name = parse_picture_format(query())
        return archive_response(pictures_archive(call, request, format_name), _KEEP)
    (info,) = select_images(call, request)
    return _picture_to_keep(call, info.image_id, None, None)


@blueprint.get("/webclient/render_image_download/<number:image_id>/")
@blueprint.get("/webclient/render_image_download/<number:image_id>/<number:z>/")
@blueprint.get("/webclient/render_image_download/<number:image_id>/<number:z>/<number:t>/")
@blueprint.get("/webclient/<number:share>/render_image_download/<number:image_id>/")
@blueprint.get("/webclient/<number:share>/render_image_download/<number:image_id>/<number:z>/")
@blueprint.get(
    "/webclient/<number:share>/render_image_download/<number:image_id>/<number:z>/<number:t>/"
)
def render_image_download(image_id: int, z: int | None = None, t: int | None = None) -> Response:
    """Give one picture to be kept."""
    call = current_call()
    select_images(call, DownloadRequest((image_id,)))
    return _picture_to_keep(call, image_id, z, t)


def _parse(call: Call, image_id: int | None) -> DownloadRequest:
    most = call.settings.download_max_images
    return parse_download(image_id, query(), web_request.args.getlist, most)


def _picture_to_keep(call: Call, image_id: int, z: int | None, t: int | None) -> Response:
    request = parse_image(image_id, z, t, render_query(call), call.settings.jpeg_quality)
    response = picture_response(render_picture(call, request, client_has))
    name = picture_name(call.image_info(image_id), request.encoding.format)
    response.headers["Content-Disposition"] = attachment(name)
    response.headers["Content-Type"] = _KEEP
    return response
