"""diskcache with an order of use that costs reads nothing, and bounds that are kept exactly.

diskcache's own least-recently-used policy writes to the database on each read, and it estimates
the size. Here a process notes its reads in memory. They are written down together, always before
an entry has to go, so that this process's own order of use is exact; of the reads of other
processes those of the last moment (`CHORES_AFTER_S`) may be missing. A native thread does that and
SQLite's checkpoints, which wait for the disk, so that no request does.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import diskcache
from diskcache.core import DBNAME, MODE_BINARY

from cache.bytes_disk import BLOCK_BYTES, BytesDisk, DamagedStore
from cache.chores import Chores
from cache.native import native_local, native_sleep, pause
from cache.read_notes import ReadNotes

#: How long reads and what SQLite has to move to its database gather before the thread does them.
CHORES_AFTER_S = 0.02
#: Size of SQLite's write-ahead log from which the thread moves it to the database; from the second
#: size on, whoever writes empties it.
CHECKPOINT_AFTER_BYTES = 4 * 1024**2
CHECKPOINT_AT_ONCE_BYTES = 16 * 1024**2
#: While others hold the database, reads are noted up to this number; then the oldest go.
MAX_NOTED_READS = 4096
#: Expired entries that one write clears away.
EXPIRED_PER_WRITE = 8
#: Free pages that the database keeps to use again, at least and as a part of the bound; and how
#: many are given back in one step, which keeps writers waiting.
MIN_FREE_PAGES = 512
FREE_PART = 0.05
PAGES_PER_STEP = 64
#: How long the thread waits for other writers; what it could not do it does the next time.
CHORES_WAIT_S = 1.0
#: How long to let others run before trying again to get the database for writing.
RETRY_S = 0.0005

_SELECT = (
    "SELECT tag, mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
    " AND (expire_time IS NULL OR expire_time > ?)"
)
_MARK_READ = "UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1 AND access_time < ?"


class StoreBusy(Exception):
    """Other processes held the database for as long as the caller would wait."""


class Bounds(NamedTuple):
    """What the store may take: bytes on disk and entries."""

    size_bytes: int
    entries: int


class Item(NamedTuple):
    """What is to be kept, and for how many seconds; None = for ever."""

    key: str
    value: bytes
    expire_s: float | None = None


class LruStore(diskcache.Cache):
    """The database and the value files of one cache folder; used by `FileCache` only.

    Raises OSError, sqlite3.Error or StoreBusy; whoever calls decides what they mean.
    """

    def __init__(
        self,
        directory: str,
        bounds: Bounds,
        inline_below_bytes: int,
        *,
        group_reads: bool = False,
    ) -> None:
        self.bounds = bounds
        self._notes = ReadNotes(MAX_NOTED_READS)
        self._chores = Chores(last=self.close)
        self._chore_waits = False
        # A timeout of 0: waiting for the database happens in `_writing`, where greenlets may run.
        super().__init__(
            directory,
            timeout=0,
            disk=BytesDisk,
            eviction_policy="none",
            cull_limit=0,
            statistics=0,
            tag_index=0,
            disk_min_file_size=inline_below_bytes,
            # A mapped file that somebody else cuts short would kill the process.
            sqlite_mmap_size=0,
            # Incremental: at each commit it would move other pages about for every one freed.
            sqlite_auto_vacuum=2,
            sqlite_wal_autocheckpoint=0,
            sqlite_journal_size_limit=CHECKPOINT_AFTER_BYTES,
        )
        self._disk.group_reads = group_reads
        self._sql_retry("CREATE INDEX IF NOT EXISTS Cache_access_time ON Cache (access_time)")
        self._database = Path(directory) / DBNAME
        self._inode = self._database.stat().st_ino
        self._log = Path(directory) / f"{DBNAME}-wal"

    # diskcache keeps its connection in a threading.local, which under gevent would be one
    # connection for each greenlet; nothing below yields while it uses the connection.
    @property
    def _local(self) -> Any:
        return self.__dict__["_native_local"]

    @_local.setter
    def _local(self, _: Any) -> None:
        self.__dict__.setdefault("_native_local", native_local())

    def is_current(self) -> bool:
        """Tell whether this database is still the one in the folder, which others may replace."""
        try:
            return self._database.stat().st_ino == self._inode
        except OSError:
            return False

    def fetch(self, key: str) -> bytes | None:
        """Give the value of a key that has not expired, and note that it was read."""
        now = time.time()
        rows = self._sql(_SELECT, (self._disk.put(key)[0], now)).fetchall()
        if not rows:
            return None
        length, mode, filename, stored = rows[0]
        try:
            value: bytes = self._disk.fetch(mode, filename, stored, False)
        except FileNotFoundError:
            # Replaced or evicted between the two steps, or deleted by hand.
            return None
        if len(value) != length:
            raise OSError("a value in the cache is shorter or longer than it was when stored")
        self._note(key, now)
        return value

    def file_of(self, key: str) -> str | None:
        """Give the name of the file that holds a key's value, None without one; counts as use."""
        now = time.time()
        for length, mode, filename, _ in self._sql(_SELECT, (self._disk.put(key)[0], now)):
            if mode == MODE_BINARY and self._disk.holds(filename, length):
                self._note(key, now)
                return filename
        return None

    def store(
        self, items: Sequence[Item], wait_s: float, *, replace: bool = True
    ) -> tuple[int, int]:
        """Keep values in one step; give (how many were kept, how many others had to go).

        Waits at most `wait_s` seconds for other writers. Without `replace` an entry that has not
        expired is left as it is. A value beyond the bounds is not kept, and none of its key is.
        """
        rows: list[tuple[Item, tuple[Any, ...] | None]] = []
        unused: list[Any] = []
        try:
            for item in items:
                self._disk.put(item.key)
                columns = self._disk.store(item.value, False) if self._fits(item) else None
                rows.append((item, columns))
                unused.append(columns and columns[2])
            kept = []
            with self._writing(wait_s) as (sql, cleanup):
                for index, (item, columns) in enumerate(rows):
                    if self._put(sql, cleanup, item, columns, replace):
                        kept.append(index)
                evicted = self._make_room(sql, cleanup, time.time()) if kept else 0
            for index in kept:
                unused[index] = None
            self._call_for_chores()
            self._checkpoint_at_once()
            return len(kept), evicted
        finally:
            for filename in filter(None, unused):
                self._disk.remove(filename)

    def remove(self, key: str, wait_s: float) -> int:
        """Delete an entry and those below it, whose keys go on with a slash; give their number."""
        below, end = f"{key}/", f"{key}{chr(ord('/') + 1)}"
        condition = "raw = 1 AND (key = ? OR (key >= ? AND key < ?))"
        return self._remove_where(condition, (key, below, end), wait_s)

    def remove_expired(self, wait_s: float) -> int:
        """Delete the entries whose time is over; give their number."""
        return self._remove_where("expire_time < ?", (time.time(),), wait_s)

    def remove_all(self, wait_s: float) -> int:
        """Delete every entry; give their number."""
        return self._remove_where("1 = 1", (), wait_s)

    def holds(self, key: str) -> bool:
        """Tell whether a key has a value that has not expired; counts as no use."""
        return bool(self._sql(_SELECT, (key, time.time())).fetchall())

    def totals(self) -> Bounds:
        """Give the bytes and the entries that are kept, expired ones not yet cleared included."""
        return self._totals(self._sql)

    def file_names(self) -> set[str]:
        """Give the names of all files that entries refer to."""
        query = "SELECT filename FROM Cache WHERE filename IS NOT NULL"
        return {name for (name,) in self._sql(query)}

    def finish(self, wait_s: float) -> None:
        """Write the noted reads down, end the native thread and close this thread's connection."""
        try:
            self.settle(wait_s)
        finally:
            self.abandon()

    def settle(self, wait_s: float) -> None:
        """Write down now which entries were read."""
        with self._writing(wait_s) as (sql, _):
            self._write_notes(sql)

    def do_later(self, chore: Callable[[], object]) -> None:
        """Run `chore` in the store's native thread; it must not raise, nor wait for greenlets."""
        self._chores.do_later(chore)

    def abandon(self) -> None:
        """End the native thread and close the connections of both, before a file is replaced.

        Whoever closes the last connection deletes the write-ahead log by its name.
        """
        self.close()
        self._chores.end(CHORES_WAIT_S)

    def _fits(self, item: Item) -> bool:
        cost = self._disk.cost(len(item.value))
        return cost <= self.bounds.size_bytes and self.bounds.entries > 0

    def _put(
        self,
        sql: Any,
        cleanup: Callable[[Any], None],
        item: Item,
        columns: tuple[Any, ...] | None,
        replace: bool,
    ) -> bool:
        """Write one row, or delete what was there when there are no columns to write."""
        now = time.time()
        rows = sql(
            "SELECT rowid, filename, expire_time IS NULL OR expire_time > ?"
            " FROM Cache WHERE key = ? AND raw = 1",
            (now, item.key),
        ).fetchall()
        if rows and rows[0][2] and not replace:
            return False
        self._notes.forget(item.key)
        if columns is None:
            self._delete(sql, cleanup, [row[:2] for row in rows])
            return False
        size, mode, filename, stored = columns
        expire_time = None if item.expire_s is None else now + item.expire_s
        row = (expire_time, len(item.value), size, mode, filename, stored)
        if rows:
            cleanup(rows[0][1])
            self._row_update(rows[0][0], now, row)
        else:
            self._row_insert(item.key, True, now, row)
        return True

    @contextlib.contextmanager
    def _writing(self, wait_s: float) -> Iterator[tuple[Any, Callable[[Any], None]]]:
        """Hold the database for writing.

        Gives (execute, discard); discarded files are deleted after the commit.
        """
        connection = self._con
        self._begin(connection, wait_s)
        discarded: list[Any] = []
        try:
            yield connection.execute, discarded.append
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some faults, a full disk among them.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for filename in discarded:
            if filename is not None:
                self._disk.remove(filename)

    @staticmethod
    def _begin(connection: sqlite3.Connection, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() >= until_s:
                    raise StoreBusy("others were writing to the cache all the time") from error
            pause(RETRY_S)

    def _make_room(self, sql: Any, cleanup: Callable[[Any], None], now: float) -> int:
        """Clear some expired entries away, and more as long as there is too much; then others."""
        room = self._room(sql)
        while True:
            expired = sql(
                "SELECT rowid, filename FROM Cache WHERE expire_time < ?"
                " ORDER BY expire_time LIMIT ?",
                (now, EXPIRED_PER_WRITE),
            ).fetchall()
            self._delete(sql, cleanup, expired)
            if expired:
                room = self._room(sql)
            if room is None or not expired:
                break
        if room is None:
            return 0
        self._write_notes(sql)
        (size, entries), leaving = room, []
        for rowid, filename, freed in sql(
            "SELECT rowid, filename, size FROM Cache ORDER BY access_time, rowid"
        ):
            leaving.append((rowid, filename))
            if type(freed) is not int:
                raise DamagedStore("a row of the cache database has no size")
            size -= freed
            entries -= 1
            if size <= self.bounds.size_bytes and entries <= self.bounds.entries:
                break
        else:
            raise DamagedStore("the cache database says that it holds more than its rows do")
        self._delete(sql, cleanup, leaving)
        return len(leaving)

    def _room(self, sql: Any) -> Bounds | None:
        """Give what is kept while that is more than the bounds allow, else None."""
        totals = self._totals(sql)
        within = totals.size_bytes <= self.bounds.size_bytes
        return None if within and totals.entries <= self.bounds.entries else totals

    def _remove_where(self, condition: str, arguments: tuple[Any, ...], wait_s: float) -> int:
        count = 0
        while True:
            with self._writing(wait_s) as (sql, cleanup):
                rows = sql(
                    f"SELECT rowid, filename FROM Cache WHERE {condition} LIMIT 100", arguments
                ).fetchall()
                self._delete(sql, cleanup, rows)
            count += len(rows)
            if len(rows) < 100:
                return count

    @staticmethod
    def _delete(sql: Any, cleanup: Callable[[Any], None], rows: list[tuple[int, Any]]) -> None:
        for rowid, filename in rows:
            sql("DELETE FROM Cache WHERE rowid = ?", (rowid,))
            cleanup(filename)

    @staticmethod
    def _totals(sql: Any) -> Bounds:
        query = "SELECT key, value FROM Settings WHERE key IN ('count', 'size')"
        figures = dict(sql(query).fetchall())
        size, count = figures.get("size"), figures.get("count")
        if type(size) is not int or type(count) is not int or size < 0 or count < 0:
            raise DamagedStore("the cache database does not know its own size")
        return Bounds(size_bytes=size, entries=count)

    def _note(self, key: str, now: float) -> None:
        self._notes.add(key, now)
        self._call_for_chores()

    def _write_notes(self, sql: Any) -> None:
        for key, read_at in self._notes.take().items():
            sql(_MARK_READ, (read_at, key, read_at))

    def _call_for_chores(self) -> None:
        if not self._chore_waits:
            self._chore_waits = True
            self.do_later(self._write_down)

    def _write_down(self) -> None:
        # Faults are left for a request to meet and to tell.
        native_sleep(CHORES_AFTER_S)
        self._chore_waits = False
        with contextlib.suppress(OSError, sqlite3.Error, StoreBusy):
            self.settle(CHORES_WAIT_S)
        with contextlib.suppress(OSError, sqlite3.Error):
            self._give_back_pages()
            self._checkpoint()

    def _give_back_pages(self) -> None:
        ((free,),) = self._sql("PRAGMA freelist_count").fetchall()
        if free > max(MIN_FREE_PAGES, self.bounds.size_bytes * FREE_PART / BLOCK_BYTES):
            # `execute` would end after the first page.
            self._con.executescript(f"PRAGMA incremental_vacuum({PAGES_PER_STEP})")
            self._call_for_chores()

    def _checkpoint(self) -> None:
        if self._log.stat().st_size > CHECKPOINT_AFTER_BYTES:
            self._sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _checkpoint_at_once(self) -> None:
        # Done by who writes: while writes follow each other closely, nobody else has the chance.
        # The other kind has left it little to do.
        with contextlib.suppress(OSError, sqlite3.Error):
            if self._log.stat().st_size > CHECKPOINT_AT_ONCE_BYTES:
                self._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
