"""RawFileStore: the bytes of original files and lookup tables, read-only."""

import os
from typing import Any

import Ice

from imageserver.catalog import UnknownId
from imageserver.faults import fault, guarded, not_visible, usage
from imageserver.records import FileRecord
from imageserver.services.context import ServiceContext
from imageserver.services.stateful import Stateful
from imageserver.visible import VisibleCatalog
from imageserver.wire import rlong
from render.blitz.slices import omero


class _OpenFile:
    """A file on disk."""

    def __init__(self, record: FileRecord) -> None:
        self.id = record.id
        self.record = record
        self._descriptor = os.open(record.path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, position: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, position)

    def close(self) -> None:
        os.close(self._descriptor)


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


@guarded(omero.api.RawFileStore)
class RawFileStore(Stateful, omero.api.RawFileStore):
    """Reads one file in pieces."""

    def __init__(self, context: ServiceContext, name: str) -> None:
        super().__init__(context, name)
        self._opened: _OpenFile | _OpenTable | None = None

    def release(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def setFileId(self, file_id: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._open(file_id))

    def _open(self, file_id: int) -> None:
        catalog = self._context.catalog
        opened: _OpenFile | _OpenTable
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
            raise fault(omero.SecurityViolation, "This file may not be downloaded.")
        # OMERO fills up with zero bytes past the end; clients bound what they keep by size().
        return opened.read(position, length).ljust(length, b"\0")

    def write(self, data: bytes, position: int, length: int, current: Ice.Current) -> None:
        raise _read_only()

    def truncate(self, length: int, current: Ice.Current) -> None:
        raise _read_only()

    def save(self, current: Ice.Current) -> None:
        """Nothing was written, so there is nothing to save: OMERO answers null then."""

    def _require(self) -> "_OpenFile | _OpenTable":
        if self._opened is None:
            raise usage("No file is chosen; call setFileId first.")
        opened = self._opened
        if isinstance(opened, _OpenFile) and not self._catalog.sees(opened.record):
            self.release()
            raise not_visible("OriginalFile", opened.id)
        return opened

    @property
    def _catalog(self) -> VisibleCatalog:
        return self._context.catalog_of_all_groups


def _read_only() -> Exception:
    return fault(omero.SecurityViolation, "The files of this server are never written.")
