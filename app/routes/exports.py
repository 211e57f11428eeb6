"""Pixels in their own type: images as OME-TIFF, and parts of them as arrays."""

from flask import Blueprint, Response

from app.call import Call
from app.download_params import parse_container
from app.downloads.containers import check_exportable, select_exportable
from app.downloads.names import safe_name, with_ending
from app.downloads.ome_tiff import ome_tiff_archive, ome_tiff_layout, ome_tiff_name
from app.downloads.policy import require_download
from app.downloads.reading import stack_body
from app.downloads.stacks import (
    FileLayout,
    Stack,
    check_size,
    file_etag,
    npy_layout,
    stack_headers,
    whole_stack,
)
from app.export_params import parse_export, stack_of
from app.http import attachment, check_callback, file_response, passing_response
from app.web import add_warning, archive_response, current_call, query
from render.engine.encode import ARRAY_CONTENT_TYPES, CONTENT_TYPES

blueprint = Blueprint("exports", __name__)

_ZIP = "application/zip"


@blueprint.get("/webgateway/render_ome_tiff/<ctx>/<number:container_id>/")
def render_ome_tiff(ctx: str, container_id: int) -> Response:
    """Give an image as OME-TIFF, or those of a dataset, project or well as an archive."""
    is_dry = bool(query().get("dryrun"))
    if is_dry:
        check_callback(query())
    call = current_call()
    selected = select_exportable(call, parse_container(ctx, container_id, query()))
    if is_dry:
        return passing_response(len(selected.infos), query(), script=True)
    if len(selected.infos) > 1:
        response = archive_response(ome_tiff_archive(call, selected), _ZIP)
    else:
        stack = whole_stack(selected.infos[0])
        name = ome_tiff_name(stack.info)
        response = _file_of(call, stack, ome_tiff_layout(stack), name, CONTENT_TYPES["tif"])
    if selected.left_out:
        ids = ", ".join(map(str, selected.left_out))
        add_warning(response, f"left out, without pixels that can be read: images {ids}")
    return response


@blueprint.get("/webgateway/export/<number:image_id>/")
def export(image_id: int) -> Response:
    """Give a region of sections, timepoints and channels of an image, as npy or OME-TIFF."""
    wanted = parse_export(query())
    call = current_call()
    info = call.image_info(image_id)
    check_exportable(info)
    require_download(call, info)
    stack = stack_of(info, wanted)
    if wanted.format == "tif":
        name = ome_tiff_name(info)
        return _file_of(call, stack, ome_tiff_layout(stack), name, CONTENT_TYPES["tif"])
    name = with_ending(safe_name(f"{image_id}-{info.name or ''}"), ".npy")
    return _file_of(call, stack, npy_layout(stack), name, ARRAY_CONTENT_TYPES["npy"])


def _file_of(
    call: Call, stack: Stack, layout: FileLayout, name: str, content_type: str
) -> Response:
    check_size(call, [layout])
    return file_response(
        lambda begin, end: stack_body(call, stack, layout, begin, end),
        layout.size_bytes,
        file_etag(call, stack, layout),
        content_type,
        [("Content-Disposition", attachment(name)), *stack_headers(stack)],
    )
