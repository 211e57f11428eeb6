"""Numbers in a small file that all processes of a host map: seen at once by all, without a lock."""

import contextlib
import logging
import mmap
import os
from pathlib import Path

log = logging.getLogger(__name__)

_WORD_BYTES = 8


def map_words(path: Path, count: int, without: str) -> mmap.mmap:
    """Map `count` numbers of 64 bits each, zero where the file is new.

    Where the file cannot be used they are this process's own; a warning then says `without`, what
    is lost.
    """
    size_bytes = count * _WORD_BYTES
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Writing to a mapped page that a full disk has no room for would end the process.
            os.posix_fallocate(descriptor, 0, size_bytes)
            return mmap.mmap(descriptor, size_bytes)
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    except (OSError, ValueError) as error:
        log.warning("%s cannot be used (%s): %s", path.name, error, without)
        return mmap.mmap(-1, size_bytes)
