"""Reads forms that clients send, of bounded size; files in them go through a temporary one."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from flask import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from render.errors import Overloaded, StorageFailed, TooLarge

#: What the fields of a form with a file may have, beside the file.
_FIELDS_BYTES = 256 * 1024
_RETRY_AFTER_S = 5.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class SentFile:
    """A file of a form, with its bytes, and what the client says of it."""

    name: str
    mimetype: str
    size_bytes: int
    content: IO[bytes]


class UploadGate:
    """Lets in so many uploads of one process at a time: each may take room on the disk."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._count = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Count one while the block lasts; raise Overloaded when there are too many already."""
        with self._lock:
            if self._count >= self._most:
                raise Overloaded(
                    f"{self._most} files are being uploaded already (setting uploads_max)",
                    retry_after_s=_RETRY_AFTER_S,
                )
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1


def read_form(asked: Request, max_bytes: int, setting: str) -> MultiDict[str, str]:
    """Give the fields of a form, those of the query after them.

    Raises TooLarge above `max_bytes`, naming the setting.
    """
    told = f"a form has at most {max_bytes} bytes here (setting {setting})"
    return _read(asked, max_bytes, max_bytes, told)


def read_upload(
    asked: Request, name: str, max_bytes: int
) -> tuple[MultiDict[str, str], SentFile | None]:
    """Give the fields of a form and its file of that name, if there is one.

    Raises TooLarge above `max_bytes`, StorageFailed when the file finds no room here on its way.
    """
    told = f"a file that is attached has at most {max_bytes} bytes (setting max_upload_bytes)"
    fields = _read(asked, max_bytes + _FIELDS_BYTES, _FIELDS_BYTES, told)
    file = asked.files.get(name)
    if file is None or not file.filename:
        return fields, None
    size = file.stream.seek(0, os.SEEK_END)
    if size > max_bytes:
        raise TooLarge(told)
    file.stream.seek(0)
    return fields, SentFile(file.filename, file.mimetype, size, file.stream)


def _read(asked: Request, max_bytes: int, max_fields_bytes: int, told: str) -> MultiDict[str, str]:
    asked.max_content_length, asked.max_form_memory_size = max_bytes, max_fields_bytes
    try:
        return MultiDict([*asked.form.items(multi=True), *asked.args.items(multi=True)])
    except RequestEntityTooLarge as error:
        raise TooLarge(told) from error
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFailed("there is no room here for the file on its way") from error
