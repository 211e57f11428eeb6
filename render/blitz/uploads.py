"""Uploads files to OMERO.server: a record of each (OriginalFile), and its bytes block by block.

A file that could not be uploaded to its end is deleted again.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from render.blitz.ami import call
from render.blitz.errors import Lost
from render.blitz.model_records import NewFile
from render.blitz.requests import run_request
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.blitz.updates import check_alive, saved
from render.deadline import Deadline
from render.errors import ServiceError, SourceFailed, SourceUnavailable, StorageFailed

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024
#: How long one block may take, saving it in the end, and taking back what failed.
_BLOCK_TIMEOUT_S, _SAVE_TIMEOUT_S, _CLEAN_UP_TIMEOUT_S = 60.0, 120.0, 10.0
_HASHER = "SHA1-160"


def upload_file(
    live: LiveSession, file: NewFile, content: Iterable[bytes], group_id: int, deadline: Deadline
) -> int:
    """Make a file in a group of the pieces of `content`, and give its id.

    The deadline is that of the first step; each block has one of its own. Raises SourceFailed when
    the server did not get what was sent, StorageFailed when it has no room.
    """
    update = live.service("update", deadline, group_id)
    check_alive(live, deadline)
    made = omero.model.OriginalFile(
        loaded=True,
        details=omero.model.Details(),
        name=omero.RString(file.name),
        path=omero.RString(file.folder),
        mimetype=omero.RString(file.mimetype),
        size=omero.RLong(file.size_bytes),
        hasher=omero.model.ChecksumAlgorithm(loaded=True, value=omero.RString(_HASHER)),
    )
    file_id = saved(deadline, "files", update.saveAndReturnObjectAsync, made).id.val
    try:
        write_content(live, file_id, content, group_id, Deadline.after(_BLOCK_TIMEOUT_S))
    except BaseException:
        try:
            delete_file(live, file_id, group_id, Deadline.after(_CLEAN_UP_TIMEOUT_S))
        except ServiceError as error:
            log.warning("file %d, which was not uploaded to its end, is left: %s", file_id, error)
        raise
    return file_id


def write_content(
    live: LiveSession, file_id: int, content: Iterable[bytes], group_id: int, deadline: Deadline
) -> None:
    """Make the bytes of a file that is there those of `content`, no more and no less.

    The deadline is that of the first step; each block has one of its own.
    """
    proxy = call(deadline, "open a file store", live.factory.createRawFileStoreAsync)
    (store,) = live.adopt([omero.api.RawFileStorePrx.uncheckedCast(proxy)], deadline, group_id)
    try:
        call(deadline, "open the file", store.setFileIdAsync, file_id)
        _write(store, file_id, content)
    except Lost as error:
        raise SourceUnavailable(
            "the connection to OMERO.server broke while a file was uploaded"
        ) from error
    finally:
        try:
            call(Deadline.after(_CLEAN_UP_TIMEOUT_S), "close a file store", store.closeAsync)
        except ServiceError as error:
            log.debug("closing a file store ended with: %s", error)


def delete_file(live: LiveSession, file_id: int, group_id: int, deadline: Deadline) -> None:
    """Delete a file that nothing is annotated with."""
    request = omero.cmd.Delete2(targetObjects={"OriginalFile": [file_id]})
    run_request(live, "delete the file", request, group_id, deadline)


def _write(store: Any, file_id: int, content: Iterable[bytes]) -> None:
    position, digest = 0, hashlib.sha1(usedforsecurity=False)
    for block in _blocks(content):
        limit = Deadline.after(_BLOCK_TIMEOUT_S)
        _call(limit, "write the file", store.writeAsync, block, position, len(block))
        digest.update(block)
        position += len(block)
    limit = Deadline.after(_SAVE_TIMEOUT_S)
    call(limit, "cut the file", store.truncateAsync, position)
    record = _call(limit, "save the file", store.saveAsync)
    size = call(limit, "ask for the file's size", store.sizeAsync)
    # Null where nothing was written, as into a file that has no bytes.
    has_digest = record is not None and record.hash is not None and _is_sha1(record)
    if size != position or (has_digest and record.hash.val != digest.hexdigest()):
        raise SourceFailed(f"OMERO.server has not the bytes of file {file_id} that were sent")


def _call(deadline: Deadline, step: str, method: Any, *args: Any) -> Any:
    try:
        return call(deadline, step, method, *args)
    except SourceFailed as error:
        if isinstance(error.__cause__, omero.ResourceError):
            raise StorageFailed("OMERO.server has no room for the file") from error
        raise


def _is_sha1(record: Any) -> bool:
    hasher = record.hasher
    return hasher is not None and hasher.loaded and hasher.value.val == _HASHER


def _blocks(content: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same bytes in blocks of one size, but for the last."""
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) >= _BLOCK_BYTES:
            yield bytes(held[:_BLOCK_BYTES])
            del held[:_BLOCK_BYTES]
    if held:
        yield bytes(held)
