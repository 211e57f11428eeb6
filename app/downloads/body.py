"""The body of a download: pieces as they come, at a bounded pace, and an end that closes all."""

import errno
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from render.errors import ClientGone, ServiceError

log = logging.getLogger("blitzrender.downloads")


class DownloadBody:
    """Iterates over the pieces of a body; `close` runs what ends it, whether it was begun or not.

    A fault on the way cannot be told any more, since the answer has begun: it is logged in one
    line, and the connection is broken off so that the client sees that something is missing.
    """

    def __init__(
        self,
        pieces: Iterable[bytes],
        on_close: Iterable[Callable[[], None]],
        max_bytes_per_s: int,
        name: str,
    ) -> None:
        self._pieces = iter(_paced(pieces, max_bytes_per_s) if max_bytes_per_s else pieces)
        self._on_close = list(on_close)
        self._name = name

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except ServiceError as error:
            if not isinstance(error, ClientGone):
                log.warning("the download %s is broken off: %s", self._name, error)
            raise ConnectionResetError(errno.ECONNRESET, "the download is broken off") from None

    def close(self) -> None:
        """End the pieces, then run what has to be run at the end."""
        close = getattr(self._pieces, "close", None)
        try:
            if close is not None:
                close()
        finally:
            actions, self._on_close = self._on_close, []
            for action in actions:
                action()


def _paced(pieces: Iterable[bytes], max_bytes_per_s: int) -> Iterator[bytes]:
    """Give each piece no sooner than its bytes may have been sent."""
    begun_s, sent = time.monotonic(), 0
    for piece in pieces:
        ahead_s = sent / max_bytes_per_s - (time.monotonic() - begun_s)
        if ahead_s > 0:
            time.sleep(ahead_s)
        yield piece
        sent += len(piece)
