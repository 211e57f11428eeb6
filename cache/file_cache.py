"""Bytes by key in a folder, shared by processes, bounded, least recently used out first."""

import contextlib
import logging
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cache.bytes_disk import DamagedStore, ForeignEntry
from cache.lru_store import RETRY_S, Bounds, Item, LruStore, StoreBusy
from cache.native import native_lock, pause

log = logging.getLogger(__name__)
Result = TypeVar("Result")

#: Smaller values lie in the database itself: written several times quicker than a file of their
#: own, and read as quickly. Tiles are smaller; planes and lossless pictures are not.
INLINE_BELOW_BYTES = 64 * 1024
#: How long a write waits for those of other processes before it gives up.
WRITE_WAIT_S = 2.0
#: How long anything else waits for another process that opens or closes the database.
BUSY_WAIT_S = 0.2
#: How long a folder that could not be opened is left alone.
REOPEN_AFTER_S = 30.0
#: Age at which a file without an entry is taken for left behind by a process that was killed.
ORPHAN_AFTER_S = 3600.0
#: How often a process that starts looks for such files.
SWEEP_EVERY_S = 86400.0
#: How often at most looking whether the cache is full clears expired entries away first.
PURGE_HOLDOFF_S = 4.0
#: SQLite's codes of a database that is damaged, or no database.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True)
class FileCacheStats:
    """How full the folder is, and what this process has asked of it since it started.

    `usable` is false while the folder cannot be read; `failures` counts what could not be read
    or stored because of the folder or its disk.
    """

    entries: int
    size_bytes: int
    max_entries: int
    max_bytes: int
    usable: bool
    hits: int
    misses: int
    stored: int
    refused: int
    evictions: int
    failures: int


class FileCache:
    """A least-recently-used cache of bytes on disk, for several processes, threads or greenlets.

    `max_bytes` counts what entries take on disk, their rows and file blocks included; on top come
    SQLite's write-ahead log and free pages, some 40 MB and a twentieth of the bound at most.
    `timeout_s` is how long an entry is kept at most, None = for ever; with `jitter` each is given
    up to that fraction more, so that what was stored together does not expire together. All three
    can be set at any time. A key is a path without a slash in front: what is below it goes when
    it is deleted.

    A cache folder can be lost, full or damaged at any moment: then nothing is found and nothing is
    stored, which is logged once, and no method raises but for arguments that are wrong.

    Make it after fork and after gevent has patched, once in each process.
    """

    def __init__(
        self,
        directory: str | Path,
        max_bytes: int = 4 * 1024**3,
        max_entries: int = 500_000,
        timeout_s: float | None = None,
        *,
        jitter: float = 0.0,
        inline_below_bytes: int = INLINE_BELOW_BYTES,
        group_reads: bool = False,
        orphan_after_s: float = ORPHAN_AFTER_S,
        sweep_every_s: float = SWEEP_EVERY_S,
    ) -> None:
        self._directory = Path(directory)
        self._bounds = Bounds(size_bytes=max_bytes, entries=max_entries)
        self.timeout_s = timeout_s
        self._jitter = jitter
        self._inline_below_bytes = inline_below_bytes
        self._group_reads = group_reads
        self._orphan_after_s = orphan_after_s
        self._sweep_every_s = sweep_every_s
        self._store: LruStore | None = None
        self._lock = native_lock()
        self._reopen_at_s = 0.0
        self._purge_at_s = 0.0
        self._complained = False
        self._hits = self._misses = self._stored = self._refused = 0
        self._evictions = self._failures = 0
        self._attempt("open", self._sweep_now_and_then, None)

    @property
    def max_bytes(self) -> int:
        """How many bytes of the disk entries may take."""
        return self._bounds.size_bytes

    @max_bytes.setter
    def max_bytes(self, max_bytes: int) -> None:
        self._set_bounds(self._bounds._replace(size_bytes=max_bytes))

    @property
    def max_entries(self) -> int:
        """How many entries there may be."""
        return self._bounds.entries

    @max_entries.setter
    def max_entries(self, max_entries: int) -> None:
        self._set_bounds(self._bounds._replace(entries=max_entries))

    @property
    def is_storing(self) -> bool:
        """Tell whether the folder took what it was last given, or was given nothing yet."""
        return self._store is not None and not self._complained

    def get(self, key: str, default: bytes | None = None) -> bytes | None:
        """Give the bytes, or `default` when there are none or they have expired."""
        _checked(key)
        value = self._attempt("read", lambda store: store.fetch(key), None)
        if value is None:
            self._misses += 1
            return default
        self._hits += 1
        return value

    def path_of(self, key: str) -> str | None:
        """Give the path below the folder of the file that holds the bytes; None without one.

        Small values have none. The file may go at any moment, as its entry may, and never
        holds anything else. With `group_reads` the folder's group may read it.
        """
        path = self._attempt("read", lambda store: store.file_of(_checked(key)), None)
        if path is not None:
            self._hits += 1
        return path

    def set(self, key: str, value: bytes, timeout_s: float | None = None) -> bool:
        """Keep `value`, for `timeout_s` seconds if given; tell whether it is kept.

        It is not when it is larger than the whole cache, or when the disk does not take it.
        """
        return self._keep(key, value, timeout_s, replace=True)

    def set_many(self, values: Iterable[tuple[str, bytes]]) -> int:
        """Keep several values in one step, which is quicker; give how many are kept."""
        items = [self._item(key, value, self.timeout_s) for key, value in values]
        return self._keep_all(items, replace=True)

    def add(self, key: str, value: bytes, timeout_s: float | None = None) -> bool:
        """Keep `value` unless the key has one; tell whether this one is kept."""
        return self._keep(key, value, timeout_s, replace=False)

    def has_key(self, key: str) -> bool:
        """Tell whether the key has bytes that have not expired; counts as no use."""
        _checked(key)
        return self._attempt("read", lambda store: store.holds(key), False)

    __contains__ = has_key

    def delete(self, key: str) -> int:
        """Forget an entry and all those below it (`key/…`); give their number."""
        _checked(key)
        return self._attempt("delete", lambda store: store.remove(key, WRITE_WAIT_S), 0)

    def wipe(self) -> int:
        """Forget all entries; give their number."""
        return self._attempt("delete", lambda store: store.remove_all(WRITE_WAIT_S), 0)

    def purge(self) -> int:
        """Clear expired entries away, which writing does by and by; give their number."""
        self._purge_at_s = time.monotonic() + PURGE_HOLDOFF_S
        return self._attempt("delete", lambda store: store.remove_expired(WRITE_WAIT_S), 0)

    def is_full(self) -> bool:
        """Tell whether the next entry makes another one go, even without the expired ones."""
        full = self._is_full()
        if full and time.monotonic() >= self._purge_at_s and self.purge():
            full = self._is_full()
        return full

    def settle(self) -> None:
        """Let all processes know at once what this one has read lately."""
        self._attempt("store", lambda store: store.settle(WRITE_WAIT_S), None)

    def stats(self) -> FileCacheStats:
        """Give the figures of this moment."""
        totals = self._attempt("read", lambda store: store.totals(), None)
        return FileCacheStats(
            entries=totals.entries if totals else 0,
            size_bytes=totals.size_bytes if totals else 0,
            max_entries=self._bounds.entries,
            max_bytes=self._bounds.size_bytes,
            usable=totals is not None,
            hits=self._hits,
            misses=self._misses,
            stored=self._stored,
            refused=self._refused,
            evictions=self._evictions,
            failures=self._failures,
        )

    def sweep(self) -> int:
        """Delete value files that no entry refers to and that are old; give their number.

        Only a process that was killed between writing a file and its entry leaves one behind.
        """
        return self._attempt("sweep", self._sweep, 0)

    def close(self) -> None:
        """Write down which entries were read and let go of the database."""
        store, self._store = self._store, None
        self._reopen_at_s = float("inf")
        if store is not None:
            with contextlib.suppress(OSError, sqlite3.Error, StoreBusy):
                store.finish(WRITE_WAIT_S)

    def _keep(self, key: str, value: bytes, timeout_s: float | None, *, replace: bool) -> bool:
        item = self._item(key, value, self.timeout_s if timeout_s is None else timeout_s)
        return self._keep_all([item], replace=replace) == 1

    def _item(self, key: str, value: bytes, timeout_s: float | None) -> Item:
        if type(value) is not bytes:
            raise TypeError(f"a cached value must be bytes, not {type(value).__name__}")
        return Item(_checked(key), value, self._expires_in_s(timeout_s))

    def _keep_all(self, items: list[Item], *, replace: bool) -> int:
        kept, evicted = self._attempt(
            "store", lambda store: store.store(items, WRITE_WAIT_S, replace=replace), (0, 0)
        )
        self._evictions += evicted
        self._stored += kept
        self._refused += len(items) - kept
        return kept

    def _expires_in_s(self, timeout_s: float | None) -> float | None:
        if timeout_s is None:
            return None
        return timeout_s * (1 + self._jitter * random.random())

    def _set_bounds(self, bounds: Bounds) -> None:
        self._bounds = bounds
        if self._store is not None:
            self._store.bounds = bounds

    def _is_full(self) -> bool:
        totals = self._attempt("read", lambda store: store.totals(), None)
        return totals is not None and (
            totals.entries >= self._bounds.entries or totals.size_bytes >= self._bounds.size_bytes
        )

    def _attempt(
        self, step: str, action: Callable[[LruStore], Result], otherwise: Result
    ) -> Result:
        if self._store is None and time.monotonic() < self._reopen_at_s:
            return otherwise
        try:
            result = self._persistently(step, action)
        except StoreBusy:
            # Others wrote all the time: this one entry is not worth a complaint.
            self._failures += 1
            return otherwise
        except (OSError, sqlite3.Error) as error:
            self._failures += 1
            self._complain(step, error)
            if self._store is None:
                self._reopen_at_s = time.monotonic() + REOPEN_AFTER_S
            elif _is_damage(error):
                self._start_anew()
            return otherwise
        if self._complained and step == "store":
            self._complained = False
            log.info("cache: %s can be written again", self._directory)
        return result

    def _persistently(self, step: str, action: Callable[[LruStore], Result]) -> Result:
        # Even reading can meet a lock, for the moment in which another process opens or closes.
        until_s = time.monotonic() + BUSY_WAIT_S
        while True:
            try:
                return action(self._opened(step))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() >= until_s:
                    raise StoreBusy("others held the cache all the time") from error
            pause(RETRY_S)

    def _opened(self, step: str) -> LruStore:
        # A folder that was deleted or emptied by others is noticed when something is to be stored.
        store = self._store
        if store is not None and step == "store" and not store.is_current():
            self._give_up(store)
        store = self._store
        if store is not None:
            return store
        opened = self._open()
        with self._lock:
            # Others, who came first, may have opened one meanwhile.
            if self._store is None:
                self._store = opened
            store = self._store
        if store is not opened:
            opened.abandon()
        return store

    def _give_up(self, store: LruStore) -> bool:
        """Let go of a store; tell whether that was left to do."""
        with self._lock:
            if self._store is not store:
                return False
            self._store = None
        store.abandon()
        return True

    def _complain(self, step: str, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            log.warning(
                "cache: cannot %s in %s (%s); going on without, and saying so only once",
                step,
                self._directory,
                error,
            )

    def _open(self) -> LruStore:
        mode = 0o750 if self._group_reads else 0o700
        self._directory.mkdir(mode=mode, parents=True, exist_ok=True)
        if self._group_reads:
            # Folders may be from a time when the group could not.
            with contextlib.suppress(OSError):
                for folder in (self._directory, *self._value_folders()):
                    folder.chmod(mode)
        try:
            return self._open_folder()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._complain("open", error)
            self._empty_folder()
            return self._open_folder()

    def _open_folder(self) -> LruStore:
        try:
            return LruStore(
                str(self._directory),
                self._bounds,
                self._inline_below_bytes,
                group_reads=self._group_reads,
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise ForeignEntry("the cache database has settings that are not ours") from error

    def _start_anew(self) -> None:
        store = self._store
        # Another thread, or another process, may have come first.
        if store is not None and self._give_up(store) and store.is_current():
            with contextlib.suppress(OSError):
                self._empty_folder()

    def _empty_folder(self) -> None:
        for name in ("cache.db", "cache.db-wal", "cache.db-shm"):
            (self._directory / name).unlink(missing_ok=True)
        for folder in self._value_folders():
            shutil.rmtree(folder, ignore_errors=True)

    def _value_folders(self) -> list[Path]:
        folders = (self._directory / f"{number:02x}" for number in range(256))
        return [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]

    def _sweep(self, store: LruStore) -> int:
        # Files first, entries second: a file whose entry is written meanwhile is then known.
        before = time.time() - self._orphan_after_s
        files = [file for folder in self._value_folders() for file in folder.glob("*.val")]
        known = store.file_names()
        count = 0
        for file in files:
            if f"{file.parent.name}/{file.name}" in known:
                continue
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < before:
                    file.unlink()
                    count += 1
        return count

    def _sweep_now_and_then(self, store: LruStore) -> None:
        # The marker's age tells all processes when one of them did it last.
        marker = self._directory / "swept"
        if not marker.exists() or time.time() - marker.stat().st_mtime > self._sweep_every_s:
            marker.touch()
            store.do_later(self.sweep)


def _checked(key: str) -> str:
    """Give the key; raises TypeError when it is no text, ValueError when it is no path."""
    if type(key) is not str or not key:
        raise TypeError(f"a cache key must be non-empty text, not {type(key).__name__}")
    if key[0] == "/" or ".." in key:
        raise ValueError("a cache key must be a path below the cache, without '..' in it")
    return key


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, DamagedStore) or (code is not None and code & 0xFF in _DAMAGED)
