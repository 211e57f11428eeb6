"""Finished pictures by key: the hottest in memory, all on disk, and in Redis for other hosts.

What is kept is kept in three groups with bounds of their own, so that a flood of tiles does not
push out the thumbnails: images, thumbnails, and json, answers that take long to work out.
"""

import copy
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from app.settings import Settings
from cache.figures import CacheFigures
from cache.file_cache import INLINE_BELOW_BYTES, FileCache
from cache.memory import MemoryCache
from cache.redis_tier import RedisTier
from cache.turns import Turns
from cache.write_behind import WriteBehind

#: The groups, and the folder below `cache_dir` of each.
GROUPS = {"images": "pictures", "thumbnails": "thumbnails", "json": "json"}

#: What is stored together expires over a fifth of its time, as OMERO.web's cache had it.
_JITTER = 0.2

Done = Callable[[], object]


class PictureKey(NamedTuple):
    """What something is kept under: `digest` alone says what it is, the rest how it is cleared."""

    image_id: int
    digest: str
    group: str = "images"


_PROBE = b"probe"


class PictureStore:
    """Bytes by key in two tiers or three. A key stands for its bytes for ever: none can be stale.

    On disk all that belongs to an image lies below one key, so that it can go together.
    """

    def __init__(
        self,
        source_name: str,
        memory_max_bytes: int,
        disks: Mapping[str, FileCache],
        behind: WriteBehind,
        turns: Turns,
        far: RedisTier | None = None,
    ) -> None:
        self._root = _root_of(source_name)
        self._memory: MemoryCache[bytes] = MemoryCache(memory_max_bytes)
        self._memory_max_bytes = memory_max_bytes
        self._disks = disks
        self._behind = behind
        self._turns = turns
        self._far = far

    def for_source(self, source_name: str) -> "PictureStore":
        """Give the same store for the images of another source, which have numbers of their own."""
        store = copy.copy(self)
        store._root = _root_of(source_name)
        return store

    def get(self, key: PictureKey) -> bytes | None:
        """Give the bytes, or None."""
        body = self._memory.get(key.digest)
        if body is not None:
            return body
        body = self._on_disk(key)
        if body is None and self._far is not None:
            body = self._far.get(self._far_path(key))
            if body is not None:
                self._write_to_disk(key, body)
        if body is not None:
            self._keep_in_memory(key, body)
        return body

    def holds(self, key: PictureKey) -> bool:
        """Tell whether the bytes are kept on disk, or without a disk's part in memory."""
        disk = self._disks.get(key.group)
        if disk is None:
            return self._memory.peek(key.digest) is not None
        path = self._path(key)
        return self._behind.get(disk, path) is not None or disk.has_key(path)

    def file_of(self, key: PictureKey) -> str | None:
        """Give the path below `cache_dir` of the file that holds the bytes; None without one.

        None as well for what is small and at hand: sending it is quicker than looking for a file.
        """
        disk = self._disks.get(key.group)
        held = self._memory.peek(key.digest)
        if disk is None or (held is not None and len(held) < INLINE_BELOW_BYTES):
            return None
        path = disk.path_of(self._path(key))
        return None if path is None else f"{GROUPS[key.group]}/{path}"

    def set(self, key: PictureKey, body: bytes, done: Done | None = None) -> None:
        """Keep the bytes as long as there is room; on disk a moment later, then call `done`.

        `done` is called in any case, in a native thread perhaps.
        """
        self._keep_in_memory(key, body)
        self._write_to_disk(key, body, done)
        if self._far is not None:
            self._far.put(self._far_path(key), body)

    def make(self, key: PictureKey, produce: Callable[[], bytes], wait_s: float) -> bytes:
        """Give what `produce()` gives, and keep it; or what another process makes of the key now.

        Whoever makes it holds the turn until others can read it; when it dies, the next one makes
        it. Raises FlightTimeout after waiting `wait_s` seconds for others. Within a process,
        callers of one key take turns by themselves.
        """
        disk = self._disks.get(key.group)
        if disk is None or not disk.is_storing:
            # Others would find nothing when their turn comes.
            body = produce()
            self.set(key, body)
            return body
        path = self._path(key)
        end_turn = self._turns.take(path, wait_s)
        try:
            # Asking first keeps the figures of misses right.
            found = disk.get(path) if disk.has_key(path) else None
            if found is not None:
                self._keep_in_memory(key, found)
                end_turn()
                return found
            body = produce()
        except BaseException:
            end_turn()
            raise
        self.set(key, body, end_turn)
        return body

    def clear(self, groups: Iterable[str] = GROUPS, image_id: int | None = None) -> int:
        """Forget what is kept of some groups, or of one image in them; give the number of entries.

        The memory of other processes is not reached. It serves nobody who may not see the image,
        and nothing that is no longer right, so that it may as well be left to be pushed out.
        """
        self._memory.clear()
        self._behind.flush(1.0)
        count = 0
        for group in groups:
            disk = self._disks.get(group)
            if disk is not None and image_id is None:
                count += disk.wipe()
            elif disk is not None and image_id is not None:
                count += disk.delete(self._folder(image_id))
            if self._far is not None:
                below = self._root if image_id is None else self._folder(image_id)
                count += self._far.delete_below(f"{group}/{below}")
        return count

    def purge(self) -> int:
        """Clear expired entries away; give their number."""
        return sum(disk.purge() for disk in self._disks.values())

    def flush(self, wait_s: float) -> bool:
        """Wait until all is on disk; tell whether it was within `wait_s` seconds."""
        return self._behind.flush(wait_s)

    def figures(self) -> tuple[CacheFigures, ...]:
        """Give the figures of each tier and group."""
        return (
            self._memory.stats().figures("pictures"),
            *(
                disk_figures(group, "disk", disk, self._behind)
                for group, disk in self._disks.items()
            ),
            *(() if self._far is None else (_far_figures(self._far),)),
        )

    def works(self) -> bool:
        """Tell whether the disk keeps what is written to it; without a disk's part it does."""
        return all(_keeps(disk) for disk in self._disks.values())

    def close(self) -> None:
        """Write down what is not on disk yet, and close the disk's part."""
        self._behind.close()
        self._turns.close()
        if self._far is not None:
            self._far.close()
        for disk in self._disks.values():
            disk.close()

    def _on_disk(self, key: PictureKey) -> bytes | None:
        disk = self._disks.get(key.group)
        if disk is None:
            return None
        path = self._path(key)
        waiting = self._behind.get(disk, path)
        return disk.get(path) if waiting is None else waiting

    def _write_to_disk(self, key: PictureKey, body: bytes, done: Done | None = None) -> None:
        disk = self._disks.get(key.group)
        if disk is not None:
            self._behind.put(disk, self._path(key), body, done)
        elif done is not None:
            done()

    def _far_path(self, key: PictureKey) -> str:
        return f"{key.group}/{self._path(key)}"

    def _folder(self, image_id: int) -> str:
        # Without its last four digits, as in OMERO.web's cache: a range of images goes together.
        return f"{self._root}/{image_id // 10000}/{image_id}"

    def _path(self, key: PictureKey) -> str:
        return f"{self._folder(key.image_id)}/{key.digest}"

    def _keep_in_memory(self, key: PictureKey, body: bytes) -> None:
        # One huge picture must not push out all the tiles.
        if len(body) <= self._memory_max_bytes // 8:
            self._memory.set(key.digest, body, len(body))


def _root_of(source_name: str) -> str:
    return hashlib.blake2b(source_name.encode(), digest_size=4).hexdigest()


def disk_figures(cache: str, tier: str, disk: FileCache, behind: WriteBehind) -> CacheFigures:
    """Give the figures of a file cache and of what waits before it."""
    stats = disk.stats()
    return CacheFigures(
        cache=cache,
        tier=tier,
        usable=stats.usable,
        entries=stats.entries if stats.usable else None,
        size_bytes=stats.size_bytes if stats.usable else None,
        max_entries=stats.max_entries,
        max_bytes=stats.max_bytes,
        hits=stats.hits,
        misses=stats.misses,
        stored=stats.stored,
        refused=stats.refused,
        evictions=stats.evictions,
        failures=stats.failures,
        waiting=behind.waiting(disk),
        dropped=behind.dropped(disk),
    )


def _far_figures(far: RedisTier) -> CacheFigures:
    return CacheFigures(
        cache="pictures",
        tier="redis",
        usable=far.is_usable,
        hits=far.hits,
        misses=far.misses,
        stored=far.stored,
        failures=far.failures,
        waiting=far.waiting,
        dropped=far.dropped,
    )


def open_pictures(settings: Settings, source_name: str) -> PictureStore:
    """Open what the settings say is to be kept."""
    bounds = {
        "images": settings.cache_max_bytes,
        "thumbnails": settings.cache_thumbnails_max_bytes,
        "json": settings.cache_json_max_bytes,
    }
    disks = {
        group: FileCache(
            settings.cache_dir / folder,
            max_bytes=bounds[group],
            max_entries=settings.cache_max_entries,
            timeout_s=settings.cache_timeout_s,
            jitter=_JITTER,
            group_reads=settings.x_accel_redirect is not None,
        )
        for group, folder in GROUPS.items()
        if bounds[group]
    }
    turns = Turns(settings.cache_dir / "turns")
    # Who waits for a turn waits for what others write.
    behind = WriteBehind(settings.cache_write_behind_max_bytes, is_wanted=turns.are_awaited)
    url = settings.cache_redis_url
    far = None if url is None else RedisTier(url.get_secret_value(), settings.cache_timeout_s)
    return PictureStore(source_name, settings.hot_pictures_max_bytes, disks, behind, turns, far)


def _keeps(disk: FileCache) -> bool:
    key = f"probe/{os.getpid()}"
    kept = disk.set(key, _PROBE, 60.0) and disk.get(key) == _PROBE
    disk.delete(key)
    return kept
