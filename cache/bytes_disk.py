"""How diskcache may lay values down: bytes under text keys, and nothing else.

diskcache pickles whatever is not text, number or bytes, and unpickles whatever a row calls a
pickle; it also follows any file name that a row holds. A cache folder that somebody else can
write to would then run code here or hand out and delete other files. This class neither writes
nor reads any of it: what does not look like our own entry is not an entry.
"""

import contextlib
import io
import os
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

#: What a row with its places in the indexes takes in the database, seen over many entries.
ROW_BYTES = 512
#: What file systems give a file, and SQLite a value that fills more than half of it, at a time.
BLOCK_BYTES = 4096

#: One level of 256 folders; two, as diskcache has them, would cost a folder for nearly each file.
_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}\.val", re.ASCII)


class ForeignEntry(OSError):
    """A row or file that this cache cannot have written."""


class DamagedStore(OSError):
    """The database says what cannot be; only emptying the folder helps."""


class BytesDisk(diskcache.Disk):
    """Stores bytes; small ones in the database, others in files. Refuses all else, both ways."""

    #: Whether the group that owns the folder may read its files.
    group_reads = False

    def cost(self, length: int) -> int:
        """Give the bytes on disk that a value of `length` bytes takes, with its row."""
        if length < min(self.min_file_size, BLOCK_BYTES // 2):
            return ROW_BYTES + length
        return ROW_BYTES + -(-length // BLOCK_BYTES) * BLOCK_BYTES

    def put(self, key: Any) -> tuple[str, bool]:
        """Give the key as the database holds it."""
        if type(key) is not str or not key:
            raise TypeError(f"a cache key must be non-empty text, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        """Give the key that the database holds; raises ForeignEntry when it is not text."""
        if not raw or type(key) is not str:
            raise ForeignEntry("a key in the cache database is not text")
        return key

    def store(
        self, value: Any, read: bool, key: Any = None
    ) -> tuple[int, int, str | None, sqlite3.Binary | None]:
        """Write the value; give (size, mode, file name, value) as the row wants them.

        The size is what the entry takes on disk, wherever the value lies, so that the sum over
        all rows is what the folder takes. Raises OSError when the file cannot be written; then
        none is left.
        """
        if type(value) is not bytes or read:
            raise TypeError(f"a cached value must be bytes, not {type(value).__name__}")
        if len(value) < self.min_file_size:
            return self.cost(len(value)), MODE_RAW, None, sqlite3.Binary(value)
        name, path = self.filename()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        mode = 0o640 if self.group_reads else 0o600
        try:
            handle = os.open(path, flags, mode)
        except FileNotFoundError:
            self._make_folder(Path(path).parent)
            handle = os.open(path, flags, mode)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                if self.group_reads:
                    # Whatever the umask takes away.
                    os.fchmod(handle, mode)
                if file.write(value) != len(value):
                    raise OSError("the file system took only a part of the value")
        except BaseException:
            self.remove(name)
            raise
        return self.cost(len(value)), MODE_BINARY, name, None

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> bytes:
        """Read a value back; raises OSError when it is lost or not ours."""
        if read:
            raise TypeError("file handles are not handed out")
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode == MODE_BINARY:
            with self._opened(filename) as file:
                # Of a pipe that somebody put in its place it can be None.
                return file.read() or b""
        raise ForeignEntry("a value in the cache database is not bytes")

    def filename(self, key: Any = None, value: Any = None) -> tuple[str, str]:
        """Choose a new file: (name below the cache folder, full path)."""
        letters = os.urandom(16).hex()
        name = f"{letters[:2]}/{letters[2:]}.val"
        return name, f"{self._directory}/{name}"

    def holds(self, filename: Any, length: int) -> bool:
        """Tell whether a value's file is there, ours, and as long as it has to be."""
        try:
            found = Path(self._path(filename)).lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == length

    def remove(self, file_path: Any) -> None:
        """Delete a value's file, if it is one; gone or not deletable is no error."""
        with contextlib.suppress(OSError):
            Path(self._path(file_path)).unlink()

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.group_reads:
            folder.chmod(0o750)

    def _opened(self, filename: Any) -> io.FileIO:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return io.FileIO(os.open(self._path(filename), flags), "rb")

    def _path(self, name: Any) -> str:
        if type(name) is not str or not _FILE_NAME.fullmatch(name):
            raise ForeignEntry("a file name in the cache database is not one of ours")
        return f"{self._directory}/{name}"
