"""What was copied last by each client: an image, or settings. On disk, for all processes."""

import hashlib
import json
from typing import Any

from cache.file_cache import FileCache
from render.errors import ServiceError, TooLarge

#: More than any image needs; a clipboard is for settings and nothing else.
_LONGEST_BYTES = 64 * 1024


class Clipboards:
    """Clipboards by a client's secret; they expire by the settings of `disk`."""

    def __init__(self, disk: FileCache) -> None:
        self._disk = disk

    def get(self, client: str) -> dict[str, Any]:
        """Give what a client copied: `fromid`, or `rdef`; nothing where it copied nothing."""
        content = self._disk.get(_key(client))
        return {} if content is None else json.loads(content)

    def set(self, client: str, value: dict[str, Any]) -> None:
        """Keep what a client copied in the place of what it copied before. Raises TooLarge."""
        content = json.dumps(value).encode()
        if len(content) > _LONGEST_BYTES:
            raise TooLarge(f"settings of more than {_LONGEST_BYTES} bytes are not copied")
        if not self._disk.set(_key(client), content):
            raise ServiceError("the settings were not kept; the cache folder does not take them")

    def close(self) -> None:
        """Close the disk's part."""
        self._disk.close()


def _key(client: str) -> str:
    return hashlib.blake2b(client.encode(), digest_size=16).hexdigest()
