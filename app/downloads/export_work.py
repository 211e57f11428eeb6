"""Exports as jobs: the same bytes as are streamed, kept on disk to be fetched later."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.call import Call
from app.downloads.containers import look_at
from app.downloads.exports import Export, container_export, part_export
from app.downloads.policy import require_download
from app.jobs.kinds import Kind, Made, Report
from app.jobs.patience import patiently
from app.jobs.records import Job
from app.parsing.download_params import ContainerRequest
from app.parsing.export_params import ExportRequest
from render.errors import NotFound, TooLarge
from render.workers.beside import run_beside

NAME = "export"
_FILE = "export"
#: What one block may take to be written.
_WRITE_TIMEOUT_S = 120.0
#: A job is one viewer among those who download.
_VIEWER = "jobs"


@dataclass(frozen=True)
class ExportSpec:
    """What an export is of: a container's images, or with `part`, of an image.

    `image_ids` are the images that it had when it was asked for.
    """

    container: ContainerRequest
    part: ExportRequest | None
    image_ids: tuple[int, ...]

    def dumped(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        values = asdict(self)
        selection = self.container.selection
        values["container"]["selection"] = None if selection is None else sorted(selection)
        return values


_SPEC = TypeAdapter(ExportSpec)


def spec_of(export: Export, container: ContainerRequest, part: ExportRequest | None) -> ExportSpec:
    """Give what a job has to know to make an export."""
    return ExportSpec(container, part, export.image_ids)


def check_kept(call: Call, size_bytes: int) -> None:
    """Raise TooLarge for a file that would be larger than all that is kept of results."""
    most = call.settings.jobs_kept_max_bytes
    if size_bytes > most:
        raise TooLarge(
            f"the export has {size_bytes} bytes, and at most {most} of results are kept (setting "
            "jobs_kept_max_bytes); leave async out, and it is streamed",
            parameter="async",
        )


def make_export(call: Call, job: Job, folder: Path, report: Report) -> Made:
    """Write the file of a job into its folder; holds a block or two at a time."""
    check = partial(report, 0)
    export = patiently(call, partial(_restored, details=job.details), check)
    if export.key(call.renewed()) != job.id:
        raise NotFound("what was asked for has changed since; ask again")
    leave = patiently(call, lambda own: own.parts.downloads.enter(_VIEWER), check)
    try:
        let_go = patiently(call, lambda own: own.session.hold(own.deadline), check)
        try:
            _write(call, export, folder / _FILE, report)
        finally:
            let_go()
    finally:
        leave()
    return Made(_FILE, export.name, export.media_type)


def _write(call: Call, export: Export, path: Path, report: Report) -> None:
    pieces, length = export.pieces(call.renewed())
    written = 0
    with path.open("wb", buffering=0) as file:
        assert isinstance(file, FileIO)
        for piece in pieces:
            run_beside(partial(_write_all, file, piece), _WRITE_TIMEOUT_S, "write the export")
            written += len(piece)
            report(written / length)
        # The record says that it is done, so it has to outlast the machine as the record does.
        run_beside(partial(os.fsync, file.fileno()), _WRITE_TIMEOUT_S, "write the export")


def _write_all(file: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _restored(call: Call, details: Mapping[str, Any]) -> Export:
    spec = _SPEC.validate_python(details)
    if spec.part is not None:
        return part_export(call, spec.container.id, spec.part)
    return container_export(call, spec.container)


def _check_seen(call: Call, job: Job) -> None:
    """Raise NotFound unless the viewer may see all of the images."""
    look_at(call, _SPEC.validate_python(job.details).image_ids)


def _check_taken(call: Call, job: Job) -> None:
    """Raise Forbidden where the viewer may not take the data of all of the images away."""
    for info in look_at(call, _SPEC.validate_python(job.details).image_ids):
        require_download(call, info)


KIND = Kind(make_export, _check_seen, _check_taken)
