"""Streams original files: while one block is sent on, the next ones are on their way.

An open file is a service on the server and keeps a session open. Both are given back when the
stream is closed, whoever closes it and whenever.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from render.blitz.ami import Pending, call, outlive, start
from render.blitz.errors import Lost
from render.blitz.session import ALL_GROUPS, LiveSession
from render.blitz.slices import omero
from render.deadline import Asker, Deadline
from render.errors import ServiceError, SourceFailed, SourceUnavailable
from render.waiting import spawn

log = logging.getLogger(__name__)

#: How long opening may take, whether or not somebody still waits for it.
_OPEN_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 5.0
#: How long a server may be away before the downloads from it are broken off.
_REOPEN_TIMEOUT_S = 20.0
_REOPEN_PAUSE_S = 0.5
#: How long one block may take to arrive.
_BLOCK_TIMEOUT_S = 60.0


class SessionLease(Protocol):
    """A session that stays open until it is released, as `SessionPool.lease` gives it."""

    live: LiveSession

    def answered(self) -> None: ...

    def renew(self, deadline: Deadline) -> None: ...

    def release(self) -> None: ...


class Pace(Protocol):
    """How fast a stream may go, decided anew for each block."""

    def block_bytes(self) -> int:
        """Give the size of the next block."""

    def blocks_ahead(self) -> int:
        """Give how many blocks may be on their way while one is sent on."""

    def turn(self, deadline: Deadline) -> contextlib.AbstractContextManager[object]:
        """Give what holds up the reading of a block for which nothing is ahead."""


class FileStream:
    """One original file, open for reading by one reader at a time. `size_bytes` is its length."""

    def __init__(self, lease: SessionLease, file_id: int, deadline: Deadline) -> None:
        """Open the file; takes the lease over, also if that fails."""
        self._lease = lease
        self._file_id = file_id
        self._lock = threading.Lock()
        self._store: Any = None
        self._closed = False
        self.size_bytes = 0
        try:
            try:
                self._open(deadline)
            except Lost:
                self._lease.renew(deadline)
                self._open(deadline)
        except BaseException:
            self.close()
            raise

    def read(self, begin: int, end: int, pace: Pace, asker: Asker) -> Iterator[bytes]:
        """Give the bytes from `begin` to before `end` in blocks, at the pace given.

        When the session proves lost on the way it is opened once more, and reading goes on where
        it was. Raises errors of `render.errors`,
        ClientGone before the next block when the asker has hung up.
        """
        position = begin
        resumed_at = -1
        while position < end and not self._closed:
            try:
                for block in self._blocks(position, end, pace, asker):
                    position += len(block)
                    yield block
            except Lost as error:
                if position == resumed_at or self._closed:
                    raise
                log.info("file %d is opened anew at byte %d: %s", self._file_id, position, error)
                resumed_at = position
                self._reopen(asker)

    def _reopen(self, asker: Asker) -> None:
        """Open the file again, with patience: a server that is restarted needs some seconds."""
        deadline = Deadline.after(_REOPEN_TIMEOUT_S, asker)
        while True:
            try:
                self._lease.renew(deadline)
                self._open(deadline)
            except SourceUnavailable:
                deadline.check_wanted()
                if deadline.at_s - time.monotonic() < _REOPEN_PAUSE_S:
                    raise
                time.sleep(_REOPEN_PAUSE_S)
            else:
                return

    def close(self) -> None:
        """Close the file in the background, then give the session back. Never raises."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            store, self._store = self._store, None
        if store is None:
            self._lease.release()
            return

        def close() -> None:
            _close_store(store)
            self._lease.release()

        spawn(close)

    def _open(self, deadline: Deadline) -> None:
        live = self._lease.live

        def open_store() -> None:
            until = Deadline.after(_OPEN_TIMEOUT_S)
            proxy = call(until, "open a file store", live.factory.createRawFileStoreAsync)
            store = omero.api.RawFileStorePrx.uncheckedCast(proxy)
            (store,) = live.adopt([store], until, ALL_GROUPS)
            try:
                call(until, "open the file", store.setFileIdAsync, self._file_id)
                size = call(until, "ask for the file's size", store.sizeAsync)
            except BaseException:
                _close_store(store)
                raise
            with self._lock:
                # Nobody may have waited so long.
                is_wanted = not self._closed
                if is_wanted:
                    self._store, self.size_bytes = store, size
            if not is_wanted:
                _close_store(store)

        outlive(deadline, "open the file", open_store)
        self._lease.answered()

    def _blocks(self, begin: int, end: int, pace: Pace, asker: Asker) -> Iterator[bytes]:
        ahead: deque[_Block] = deque()
        asked = begin

        def ask() -> _Block:
            nonlocal asked
            length = min(pace.block_bytes(), end - asked)
            block = _Block(start("read the file", self._store.readAsync, asked, length), length)
            asked += length
            return block

        try:
            while (ahead or asked < end) and self._store is not None:
                if ahead:
                    content = ahead.popleft().content(asker)
                else:
                    with pace.turn(Deadline.after(_BLOCK_TIMEOUT_S, asker)):
                        content = ask().content(asker)
                self._lease.answered()
                while asked < end and len(ahead) < pace.blocks_ahead() and self._store is not None:
                    ahead.append(ask())
                yield content
        finally:
            for block in ahead:
                block.pending.cancel()


class _Block(NamedTuple):
    """A block on its way."""

    pending: Pending
    length: int

    def content(self, asker: Asker) -> bytes:
        deadline = Deadline.after(_BLOCK_TIMEOUT_S, asker)
        try:
            deadline.check_wanted()
            content = self.pending.result(deadline, while_wanted=True)
        except BaseException:
            self.pending.cancel()
            raise
        if len(content) != self.length:
            raise SourceFailed(
                f"OMERO.server sent {len(content)} bytes of a file instead of {self.length}"
            )
        return content


def _close_store(store: Any) -> None:
    try:
        call(Deadline.after(_CLOSE_TIMEOUT_S), "close a file store", store.closeAsync)
    except ServiceError as error:
        log.debug("closing a file store ended with: %s", error)
