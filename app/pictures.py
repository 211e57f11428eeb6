"""Finished pictures by key: the hottest in this process's memory, all of them on disk."""

from cache.file_cache import FileCache
from cache.memory import MemoryCache


class PictureStore:
    """Bytes by key in two tiers. A key stands for its bytes for ever, so neither can be stale."""

    def __init__(self, memory_max_bytes: int, disk: FileCache | None) -> None:
        self._memory: MemoryCache[bytes] = MemoryCache(memory_max_bytes)
        self._memory_max_bytes = memory_max_bytes
        self._disk = disk

    def get(self, key: str) -> bytes | None:
        """Give the bytes, or None."""
        body = self._memory.get(key)
        if body is not None or self._disk is None:
            return body
        body = self._disk.get(key)
        if body is not None:
            self._keep_in_memory(key, body)
        return body

    def set(self, key: str, body: bytes) -> None:
        """Keep the bytes as long as there is room."""
        self._keep_in_memory(key, body)
        if self._disk is not None:
            self._disk.set(key, body)

    def close(self) -> None:
        """Close the disk's part."""
        if self._disk is not None:
            self._disk.close()

    def _keep_in_memory(self, key: str, body: bytes) -> None:
        # One huge picture must not push out all the tiles.
        if len(body) <= self._memory_max_bytes // 8:
            self._memory.set(key, body, len(body))
