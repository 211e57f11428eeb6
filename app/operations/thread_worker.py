"""gunicorn's threaded worker, except that nobody holds a thread with half a request."""

import contextlib
import socket
import time
from typing import Any

from gunicorn.workers import gthread


class PunctualThreadWorker(gthread.ThreadWorker):
    """Hangs up on clients whose request's head is not there after `keepalive` seconds.

    gunicorn would wait for the rest of it for ever, in one of its few threads.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Connections whose head is being read, and until when it has to be there.
        self._heads: dict[gthread.TConn, float] = {}

    def handle(self, conn: gthread.TConn) -> Any:
        """Read a request and answer it; called in a thread of its own."""
        self._heads[conn] = time.monotonic() + self.cfg.keepalive
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: gthread.TConn) -> bool:
        """Answer a request whose head is there."""
        self._heads.pop(conn, None)
        return bool(super().handle_request(req, conn))

    def notify(self) -> None:
        """Tell the master that the worker lives; called every second by the main thread."""
        super().notify()
        now = time.monotonic()
        for conn, until in list(self._heads.items()):
            if until < now:
                # Wakes the thread that reads; the client may have gone by itself.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
