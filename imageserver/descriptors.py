"""File descriptors that one thread may close while another is about to use them."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator


class Descriptor:
    """One descriptor; the end of a session closes it whatever its calls are at.

    The number of a closed one soon is another file's, perhaps another user's: nobody gets it then.
    """

    def __init__(self, number: int) -> None:
        self._lock = threading.Lock()
        self._number: int | None = number

    @contextlib.contextmanager
    def in_use(self) -> Iterator[int]:
        """Give the number, and keep the file open in the block; OSError once it is closed."""
        with self._lock:
            if self._number is None:
                raise OSError(errno.EBADF, "it was closed")
            yield self._number

    def close(self) -> None:
        """Close it, when nobody uses it any more; may be called twice."""
        with self._lock:
            number, self._number = self._number, None
            if number is not None:
                os.close(number)

    def __del__(self) -> None:
        # A call that came late may have opened it for a session that had ended.
        self.close()
