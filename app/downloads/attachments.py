"""The file of a file annotation, as it is."""

from app.call import Call
from render.blitz.records import OriginalFile
from render.errors import Forbidden, NotFound


def attached_file(call: Call, annotation_id: int) -> OriginalFile:
    """Give the file that is attached by an annotation.

    Raises NotFound when there is none, Forbidden when it must stay on the server.
    """
    record = call.session.annotation("FileAnnotation", annotation_id, call.deadline)
    file = record.file
    if file is None:
        raise NotFound(f"annotation {annotation_id} has no file that is visible to you")
    if not record.permissions.can_download:
        raise Forbidden("this file may not be downloaded")
    return OriginalFile(
        id=file.id,
        folder=file.path or "",
        name=file.name or "",
        client_path="",
        size_bytes=file.size,
        version=file.version,
    )
