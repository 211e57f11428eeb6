"""RawFileStore: the bytes of original files and lookup tables, and of files that users upload.

Only the last are ever written.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import Ice

from imageserver.accounts.views import Rights
from imageserver.catalog import UnknownId
from imageserver.descriptors import Descriptor
from imageserver.drawings import FIRST_ID
from imageserver.faults import fault, guarded, not_visible, usage
from imageserver.kept_store import NoRoom
from imageserver.records import FileRecord
from imageserver.services import kept
from imageserver.services.context import ServiceContext
from imageserver.services.stateful import Stateful
from imageserver.visible import VisibleCatalog
from imageserver.wire import rlong
from render.blitz.slices import omero

log = logging.getLogger("blitzrender.imageserver")


class _OpenFile:
    """A file on disk."""

    def __init__(self, record: FileRecord) -> None:
        self.id = record.id
        self.record = record
        self._descriptor = Descriptor(os.open(record.path, os.O_RDONLY | os.O_CLOEXEC))
        with self._descriptor.in_use() as number:
            self.size = os.fstat(number).st_size

    def read(self, position: int, length: int) -> bytes:
        with self._descriptor.in_use() as number:
            return os.pread(number, length, position)

    def close(self) -> None:
        self._descriptor.close()


class _OpenTable:
    """A lookup table, which need not be a file of its own."""

    def __init__(self, identifier: int, content: bytes) -> None:
        self.id = identifier
        self._content = content
        self.size = len(content)

    def read(self, position: int, length: int) -> bytes:
        return self._content[position : position + length]

    def close(self) -> None:
        self._content = b""


class _OpenUpload:
    """A file that a user made, to be read and, by who may edit it, written."""

    def __init__(self, context: ServiceContext, identifier: int) -> None:
        self.id = identifier
        self._context = context
        self._file = context.catalog_of_all_groups.open_kept(identifier, writable=self._rights.edit)
        self._is_written = False

    @property
    def _rights(self) -> Rights:
        """What the caller may do with it now; that may change while it is open."""
        catalog = self._context.catalog_of_all_groups
        return catalog.rights_to_kept(catalog.kept_object(self.id))

    @property
    def size(self) -> int:
        return self._file.size

    def read(self, position: int, length: int) -> bytes:
        if not self._rights.download:
            raise _no_download()
        return self._file.read(position, length)

    def write(self, content: bytes, position: int) -> None:
        with self._writing():
            self._file.write(content, position)

    def truncate(self, length: int) -> None:
        with self._writing():
            self._file.truncate(length)

    def save(self) -> bool:
        """Have size and digest in the file's record; tell whether anything had been written."""
        was_written, self._is_written = self._is_written, False
        if was_written:
            kept.finish_upload(self._context, self.id, self._file)
        return was_written

    def close(self) -> None:
        try:
            self.save()
        except Exception as error:
            # Nobody hears of it any more: the file, its user or the disk is gone.
            log.warning("the record of file %d was not renewed: %s", self.id, error)
        finally:
            self._file.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._rights.edit:
            raise fault(omero.SecurityViolation, "This file is not the caller's to write.")
        self._is_written = True
        try:
            yield
        except NoRoom as error:
            raise fault(omero.ResourceError, f"There is no room: {error}.") from error


@guarded(omero.api.RawFileStore)
class RawFileStore(Stateful, omero.api.RawFileStore):
    """Reads one file in pieces."""

    def __init__(self, context: ServiceContext, name: str) -> None:
        super().__init__(context, name)
        self._opened: _Open | None = None

    def release(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def setFileId(self, file_id: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._open(file_id))

    def _open(self, file_id: int) -> None:
        catalog = self._context.catalog
        opened: _Open
        if file_id >= FIRST_ID:
            catalog.kept_object(file_id)
            opened = _OpenUpload(self._context, file_id)
        else:
            try:
                record = catalog.file(file_id)
                if self._opened is not None and self._opened.id == file_id:
                    return
                opened = _OpenFile(record)
            except UnknownId:
                opened = _OpenTable(file_id, catalog.read_lut(file_id))
        self.release()
        self._opened = opened

    def getFileId(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: rlong(self._opened.id if self._opened else None))

    def exists(self, current: Ice.Current) -> Any:
        return self._run(lambda: self._require() is not None)

    def size(self, current: Ice.Current) -> Any:
        return self._run(lambda: self._require().size)

    def read(self, position: int, length: int, current: Ice.Current) -> Any:
        return self._run(lambda: self._read(position, length))

    def _read(self, position: int, length: int) -> bytes:
        allowed = self._context.settings.max_reply_bytes
        if position < 0 or length < 0 or length > allowed:
            raise usage(f"A read begins at 0 or later and has 0 to {allowed} bytes.")
        opened = self._require()
        if isinstance(opened, _OpenFile) and not self._catalog.may_download(opened.record):
            raise _no_download()
        # OMERO fills up with zero bytes past the end; clients bound what they keep by size().
        return opened.read(position, length).ljust(length, b"\0")

    def write(self, data: bytes, position: int, length: int, current: Ice.Current) -> Any:
        return self._run(lambda: self._write(data, position, length))

    def _write(self, data: bytes, position: int, length: int) -> None:
        if position < 0 or not 0 <= length <= len(data):
            raise usage("What is written begins at 0 or later and is all there.")
        self._require_upload().write(data[:length], position)

    def truncate(self, length: int, current: Ice.Current) -> Any:
        """Cut the file to a length; tell whether it was longer."""
        return self._run(lambda: self._truncate(length))

    def _truncate(self, length: int) -> bool:
        if length < 0:
            raise usage("A file has no length below 0.")
        upload = self._require_upload()
        is_longer = upload.size > length
        if is_longer:
            upload.truncate(length)
        return is_longer

    def save(self, current: Ice.Current) -> Any:
        """Give the file's record with its new size and digest, null when nothing was written."""
        return self._run(self._save)

    def _save(self) -> Any:
        opened = self._require()
        if not isinstance(opened, _OpenUpload) or not opened.save():
            return None
        return kept.load(self._context, "OriginalFile", opened.id)

    def _require_upload(self) -> _OpenUpload:
        opened = self._require()
        if not isinstance(opened, _OpenUpload):
            raise fault(omero.SecurityViolation, "The files of images are never written.")
        return opened

    def _require(self) -> "_Open":
        if self._opened is None:
            raise usage("No file is chosen; call setFileId first.")
        opened = self._opened
        if isinstance(opened, _OpenUpload):
            self._catalog.kept_object(opened.id)
        if isinstance(opened, _OpenFile) and not self._catalog.sees(opened.record):
            self.release()
            raise not_visible("OriginalFile", opened.id)
        return opened

    @property
    def _catalog(self) -> VisibleCatalog:
        return self._context.catalog_of_all_groups


_Open = _OpenFile | _OpenTable | _OpenUpload


def _no_download() -> Exception:
    return fault(omero.SecurityViolation, "This file may not be downloaded.")
