"""Tells the downloads of all processes of a host that somebody is waiting for a picture.

A number in a file that every process maps holds the moment when a picture was last asked for or
drawn. It is outdated by itself, so a process that dies leaves nothing behind. The monotonic clock
is the host's; a number of before its last start lies in the future, or long ago.
"""

import time
from pathlib import Path

from app.changes.shared_words import map_words

#: For how long after that moment downloads give way: a viewer asks for tile after tile.
LINGER_S = 0.1
_LINGER_NS = int(LINGER_S * 1e9)
_WITHOUT = "downloads give way to pictures of their own process only"


class Courtesy:
    """Whether somebody waits for a picture. Asking and telling take about a microsecond."""

    def __init__(self, path: Path) -> None:
        self._words = memoryview(map_words(path, 1, _WITHOUT)).cast("Q")

    def ask_for(self) -> None:
        """Have downloads give way from now on, for a while."""
        self._words[0] = time.monotonic_ns()

    @property
    def is_due(self) -> bool:
        """Tell whether downloads should give way now."""
        return 0 <= time.monotonic_ns() - self._words[0] < _LINGER_NS
