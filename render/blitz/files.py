"""Lists lookup tables and images' files, and reads small original files."""

import logging
from typing import Any

from render.blitz.ami import call, outlive, start
from render.blitz.mapping import text_of, unwrap
from render.blitz.queries import FILES_OF_IMAGE, distinct, with_id
from render.blitz.records import Fileset, LookupTableFile, OriginalFile
from render.blitz.session import ALL_GROUPS, LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotFound, ServiceError, SourceFailed, TooLarge

log = logging.getLogger(__name__)

_LUT_MIMETYPE = "text/x-lut"

_BLOCK_BYTES = 1024 * 1024

_CLOSE_TIMEOUT_S = 5.0

#: How long a file may take to be read, whether or not somebody still waits for it.
_READ_TIMEOUT_S = 30.0


def list_lookup_tables(live: LiveSession, deadline: Deadline) -> tuple[LookupTableFile, ...]:
    """List the server's lookup tables, ordered by lower-case name."""
    script = live.service("script", deadline, None)
    found = call(deadline, "list lookup tables", script.getScriptsByMimetypeAsync, _LUT_MIMETYPE)
    tables = [
        LookupTableFile(
            id=file.id.val,
            path=text_of(file.path),
            name=text_of(file.name),
            size_bytes=unwrap(file.size),
        )
        for file in found
    ]
    return tuple(sorted(tables, key=lambda table: (table.name.lower(), table.path, table.id)))


def load_fileset(live: LiveSession, image_id: int, deadline: Deadline) -> Fileset | None:
    """Tell the files of an image, None if it has no fileset; raise NotFound without the image."""
    query = live.service("query", deadline)
    image = start("find the image", query.findAsync, "Image", image_id)
    files = start("list its files", query.findAllByQueryAsync, FILES_OF_IMAGE, with_id(image_id))
    if image.result(deadline) is None:
        files.cancel()
        raise NotFound(f"there is no image {image_id} that is visible to you")
    found = distinct(files.result(deadline))
    if not found:
        return None
    entries = [entry for entry in found[0].usedFilesSeq if entry is not None]
    return Fileset(
        id=found[0].id.val,
        prefix=text_of(found[0].templatePrefix),
        files=tuple(_original_file(entry) for entry in entries if entry.originalFile is not None),
    )


def _original_file(entry: Any) -> OriginalFile:
    file = entry.originalFile
    return OriginalFile(
        id=file.id.val,
        folder=text_of(file.path),
        name=text_of(file.name),
        client_path=text_of(entry.clientPath),
        size_bytes=unwrap(file.size),
        version=version_of(file),
    )


def version_of(file: Any) -> str:
    """Give what differs when the bytes of an original file do."""
    return text_of(file.hash) or f"{unwrap(file.size)}-{unwrap(file.mtime)}"


def read_file(
    live: LiveSession, file_id: int, deadline: Deadline, most_bytes: int | None = None
) -> bytes:
    """Read a whole original file of at most `most_bytes`, or `Limits.file_bytes`."""
    most = live.limits.file_bytes if most_bytes is None else most_bytes
    return outlive(
        deadline,
        "read the file",
        lambda: _read(live, file_id, most, Deadline.after(_READ_TIMEOUT_S)),
    )


def _read(live: LiveSession, file_id: int, most: int, deadline: Deadline) -> bytes:
    proxy = call(deadline, "open a file store", live.factory.createRawFileStoreAsync)
    (store,) = live.adopt([omero.api.RawFileStorePrx.uncheckedCast(proxy)], deadline, ALL_GROUPS)
    try:
        call(deadline, "open the file", store.setFileIdAsync, file_id)
        size = call(deadline, "ask for the file's size", store.sizeAsync)
        if size > most:
            raise TooLarge(f"file {file_id} has {size} bytes, which is more than {most}")
        blocks = []
        # The server pads with zeros what is asked for beyond the end.
        for offset in range(0, size, _BLOCK_BYTES):
            length = min(_BLOCK_BYTES, size - offset)
            blocks.append(call(deadline, "read the file", store.readAsync, offset, length))
        content = b"".join(blocks)
        if len(content) != size:
            raise SourceFailed(f"OMERO.server sent {len(content)} bytes of a file with {size}")
        return content
    finally:
        try:
            call(Deadline.after(_CLOSE_TIMEOUT_S), "close a file store", store.closeAsync)
        except ServiceError as error:
            log.debug("closing a file store ended with: %s", error)
