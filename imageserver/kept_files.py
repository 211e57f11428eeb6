"""The bytes of files that clients upload, each a file of its own in one folder.

All together stay within a budget. Nothing is thrown away to make room: these are users' data.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from imageserver.descriptors import Descriptor
from imageserver.kept_store import NoRoom

DEFAULT_BUDGET_BYTES = 10 * 1024**3

#: Algorithms by OMERO's names; a file that names another one gets the first.
HASHERS = {"SHA1-160": "sha1", "MD5-128": "md5"}
_BLOCK_BYTES = 1024 * 1024


class KeptFiles:
    """The folder; thread-safe."""

    def __init__(self, folder: Path, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sizes: dict[int, int] = {
            int(entry.name): entry.stat().st_size
            for entry in os.scandir(folder)
            if entry.name.isdigit() and entry.is_file(follow_symlinks=False)
        }
        self._total_bytes = sum(self._sizes.values())

    def keep_only(self, file_ids: Iterable[int]) -> None:
        """Remove what was there at the start and belongs to no file, as after a crash."""
        self.remove(self._sizes.keys() - set(file_ids))

    def open(self, file_id: int, writable: bool) -> "OpenKeptFile":
        """Open the bytes of a file that there is a record of; none were written yet, maybe."""
        mode = os.O_RDWR if writable else os.O_RDONLY
        # Also to be read it is made: a file without bytes has none to be told apart from.
        path, flags = self._folder / str(file_id), mode | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._lock:
            descriptor = os.open(path, flags, 0o600)
            self._sizes.setdefault(file_id, 0)
        return OpenKeptFile(self, file_id, descriptor)

    def remove(self, file_ids: Iterable[int]) -> None:
        """Remove the bytes of files."""
        with self._lock:
            for file_id in file_ids:
                size = self._sizes.pop(file_id, None)
                if size is not None:
                    self._total_bytes -= size
                    (self._folder / str(file_id)).unlink(missing_ok=True)

    def reserve(self, file_id: int, size_bytes: int, shrinks: bool = False) -> None:
        """Count a file as one of at least (with `shrinks`, exactly) `size_bytes`.

        Raises NoRoom, and FileNotFoundError when it was removed.
        """
        with self._lock:
            before = self._sizes.get(file_id)
            if before is None:
                raise FileNotFoundError(2, "it was deleted")
            size = size_bytes if shrinks else max(before, size_bytes)
            total = self._total_bytes + size - before
            if size > before and total > self.budget_bytes:
                raise NoRoom(f"this image server keeps {self.budget_bytes} bytes of files at most")
            self._sizes[file_id], self._total_bytes = size, total


class OpenKeptFile:
    """The bytes of one file, for one reader or writer at a time."""

    def __init__(self, files: KeptFiles, file_id: int, descriptor: int) -> None:
        self._files = files
        self._file_id = file_id
        self._descriptor = Descriptor(descriptor)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        with self._descriptor.in_use() as number:
            return os.fstat(number).st_size

    def read(self, position: int, length: int) -> bytes:
        """Give bytes from a position on; fewer at the end."""
        with self._descriptor.in_use() as number:
            return os.pread(number, length, position)

    def write(self, content: bytes, position: int) -> None:
        """Write bytes to a position, which may lie behind the end."""
        with self._descriptor.in_use() as number:
            self._files.reserve(self._file_id, position + len(content))
            view = memoryview(content)
            while view:
                written = os.pwrite(number, view, position)
                view, position = view[written:], position + written

    def truncate(self, length: int) -> None:
        """Give it a length, by cutting or by zeros."""
        with self._descriptor.in_use() as number:
            self._files.reserve(self._file_id, length, shrinks=True)
            os.ftruncate(number, length)

    def finish(self, hasher: str) -> tuple[int, str]:
        """Have all of it on disk; give its size and its digest by an algorithm of HASHERS."""
        with self._descriptor.in_use() as number:
            os.fsync(number)
        digest, position = hashlib.new(HASHERS[hasher], usedforsecurity=False), 0
        while block := self.read(position, _BLOCK_BYTES):
            digest.update(block)
            position += len(block)
        return position, digest.hexdigest()

    def close(self) -> None:
        """Close it."""
        self._descriptor.close()
