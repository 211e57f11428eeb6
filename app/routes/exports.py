"""Pixels in their own type: images as OME-TIFF, and parts of them as arrays."""

from functools import partial

from flask import Blueprint, Response

from app.call import Call
from app.downloads.archive import Archive
from app.downloads.containers import select_exportable
from app.downloads.export_work import NAME, check_kept, spec_of
from app.downloads.exports import ZIP, Export, container_export, part_export
from app.downloads.reading import held_body, stack_body
from app.downloads.stacks import file_etag, stack_headers
from app.http import attachment, check_callback, file_response, passing_response, warning
from app.parsing.download_params import ContainerRequest, parse_container
from app.parsing.export_params import ExportRequest, parse_export
from app.routes.jobs import job_response, result_response
from app.web import archive_response, current_call, query

blueprint = Blueprint("exports", __name__)


@blueprint.get("/webgateway/render_ome_tiff/<ctx>/<number:container_id>/")
def render_ome_tiff(ctx: str, container_id: int) -> Response:
    """Give an image as OME-TIFF, or those of a dataset, project or well as an archive."""
    is_dry = bool(query().get("dryrun"))
    if is_dry:
        check_callback(query())
    call = current_call()
    request = parse_container(ctx, container_id, query())
    if is_dry:
        count = len(select_exportable(call, request).infos)
        return passing_response(count, query(), script=True)
    return _answer(call, container_export(call, request), request, None)


@blueprint.get("/webgateway/export/<number:image_id>/")
def export(image_id: int) -> Response:
    """Give a region of sections, timepoints and channels of an image, as npy or OME-TIFF."""
    wanted = parse_export(query())
    call = current_call()
    request = ContainerRequest("i", image_id)
    return _answer(call, part_export(call, image_id, wanted), request, wanted)


def _answer(
    call: Call, export: Export, request: ContainerRequest, part: ExportRequest | None
) -> Response:
    """Stream an export, or with `async` have a job make it."""
    if query().get("async") == "true":
        response = _by_job(call, export, request, part)
    elif export.is_archive:
        response = archive_response(_archive(call, export), ZIP)
    else:
        response = _file(call, export)
    if export.left_out:
        ids = ", ".join(map(str, export.left_out))
        told = warning(f"left out, without pixels that can be read: images {ids}")
        response.headers.add("Warning", told)
    return response


def _by_job(
    call: Call, export: Export, request: ContainerRequest, part: ExportRequest | None
) -> Response:
    check_kept(call, export.size_bytes)
    details = spec_of(export, request, part).dumped()
    job = call.parts.jobs.submit(call, export.key(call), NAME, export.image_ids[0], details)
    if job.result is None:
        return job_response(call, job, 202)
    return result_response(call, job)


def _archive(call: Call, export: Export) -> Archive:
    pieces, length = export.pieces(call)
    body = held_body(call, export.stacks[0], pieces, f"of the archive {export.name!r}")
    return Archive(export.name, length, body)


def _file(call: Call, export: Export) -> Response:
    (stack,), (layout,) = export.stacks, export.layouts
    return file_response(
        partial(stack_body, call, stack, layout),
        layout.size_bytes,
        file_etag(call, stack, layout),
        export.media_type,
        [("Content-Disposition", attachment(export.name)), *stack_headers(stack)],
    )
