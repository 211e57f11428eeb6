"""Bounds the time that a client may take to send a request's body.

gunicorn waits for the next byte for ever. A proxy that reads bodies in full before it asks bounds
this, too; without one, a few clients that stand still would keep all places for uploads.
"""

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from werkzeug.exceptions import RequestTimeout

#: What has to arrive within the time, again and again.
_PIECE_BYTES = 64 * 1024


class SlowBodies:
    """Stands before an application; what it reads of a body raises RequestTimeout when late."""

    def __init__(self, wsgi_app: Any, piece_s: float) -> None:
        self._wsgi_app = wsgi_app
        self._piece_s = piece_s

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # Told by gunicorn; a body without a length comes in chunks.
        connection = environ.get("gunicorn.socket")
        has_body = environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")
        if connection is not None and has_body:
            environ["wsgi.input"] = _Body(environ["wsgi.input"], connection, self._piece_s)
        return self._wsgi_app(environ, start_response)


class _Body:
    """A body of which each piece has to be there in time."""

    def __init__(self, body: Any, connection: socket.socket, piece_s: float) -> None:
        self._body = body
        self._connection = connection
        self._piece_s = piece_s
        self._is_late = False

    def read(self, size: int | None = -1) -> bytes:
        """Give so many bytes, fewer at the end; all for None and below 0."""
        left = -1 if size is None else size
        pieces = []
        while left:
            with self._in_time():
                piece = self._body.read(min(left, _PIECE_BYTES) if left > 0 else _PIECE_BYTES)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        """Give a line, or so many bytes of it."""
        with self._in_time():
            return self._body.readline(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """Give all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        watch = threading.Timer(self._piece_s, self._cut_off)
        watch.daemon = True
        watch.start()
        try:
            yield
        except Exception:
            if not self._is_late:
                raise
        finally:
            watch.cancel()
        if self._is_late:
            raise RequestTimeout(
                f"the body came too slowly: 64 KiB of it may take {self._piece_s:g} s"
            )

    def _cut_off(self) -> None:
        # Wakes who reads, in any kind of worker; the answer still finds its way.
        self._is_late = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RD)
