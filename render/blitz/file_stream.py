"""Streams original files: while one block is sent on, the next ones are on their way.

An open file is a service on the server and keeps a session open. Both are given back when the
stream is closed, whoever closes it and whenever.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

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

    def read(
        self, begin: int, end: int, block_bytes: Callable[[], int], ahead: int, asker: Asker
    ) -> Iterator[bytes]:
        """Give the bytes from `begin` to before `end` in blocks, `ahead` of them on their way.

        `block_bytes` is asked for the size of each. When the session proves lost on the way it
        is opened once more, and reading goes on where it was. Raises errors of `render.errors`,
        ClientGone before the next block when the asker has hung up.
        """
        position = begin
        resumed_at = -1
        while position < end and not self._closed:
            try:
                for block in self._blocks(position, end, block_bytes, ahead, asker):
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

    def _blocks(
        self, begin: int, end: int, block_bytes: Callable[[], int], ahead: int, asker: Asker
    ) -> Iterator[bytes]:
        under_way: deque[tuple[int, Pending]] = deque()
        asked = begin
        try:
            while True:
                while asked < end and len(under_way) < ahead and self._store is not None:
                    length = min(block_bytes(), end - asked)
                    pending = start("read the file", self._store.readAsync, asked, length)
                    under_way.append((length, pending))
                    asked += length
                if not under_way:
                    return
                length, pending = under_way.popleft()
                deadline = Deadline.after(_BLOCK_TIMEOUT_S, asker)
                deadline.check_wanted()
                block = pending.result(deadline, while_wanted=True)
                self._lease.answered()
                if len(block) != length:
                    raise SourceFailed(
                        f"OMERO.server sent {len(block)} bytes of a file instead of {length}"
                    )
                yield block
        finally:
            for _, pending in under_way:
                pending.cancel()


def _close_store(store: Any) -> None:
    try:
        call(Deadline.after(_CLOSE_TIMEOUT_S), "close a file store", store.closeAsync)
    except ServiceError as error:
        log.debug("closing a file store ended with: %s", error)
