"""Where settings are kept under their handle.

The handle follows from the settings alone, so that equal settings have one handle whoever makes
it, and a handle never comes to mean something else.
"""

import base64
import hashlib
import json
from collections.abc import Mapping

from app.operations.memory import RecentMemory
from cache.file_cache import FileCache

#: How long a process believes that a handle is still there.
_REMEMBERED_S = 30.0
_REMEMBERED_MAX = 1000


class HandleStore:
    """Settings by handle, on disk for all processes; those asked for lately in memory too."""

    def __init__(self, disk: FileCache) -> None:
        self._disk = disk
        self._memory: RecentMemory[dict[str, str]] = RecentMemory(_REMEMBERED_MAX, _REMEMBERED_S)

    def keep(self, values: Mapping[str, str]) -> str | None:
        """Keep settings and give their handle, or None when the disk does not take them."""
        content = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.blake2b(content, digest_size=10).digest()
        handle = base64.b32encode(digest).decode().lower()
        return handle if self._disk.set(handle, content) else None

    def find(self, handle: str) -> dict[str, str] | None:
        """Give the settings of a handle, or None when there are none."""
        values = self._memory.get(handle)
        if values is None:
            content = self._disk.get(handle)
            if content is None:
                return None
            values = json.loads(content)
            self._memory.set(handle, values)
        return values

    def close(self) -> None:
        """Close the disk's part."""
        self._disk.close()
