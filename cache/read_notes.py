"""Which entries were read when, until it is written down."""

from cache.native import native_lock


class ReadNotes:
    """Keys with the time of their last read, in the order of it; beyond `most` the oldest go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = native_lock()
        self._noted: dict[str, float] = {}

    def add(self, key: str, now: float) -> None:
        """Note that a key was read, which takes the place of an earlier read."""
        with self._lock:
            self._noted.pop(key, None)
            self._noted[key] = now
            if len(self._noted) > self._most:
                del self._noted[next(iter(self._noted))]

    def forget(self, key: str) -> None:
        """Leave out the read of a value that is replaced or deleted."""
        with self._lock:
            self._noted.pop(key, None)

    def take(self) -> dict[str, float]:
        """Give all notes, and begin anew."""
        with self._lock:
            noted, self._noted = self._noted, {}
        return noted
