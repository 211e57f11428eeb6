"""How many downloads a process sends at a time, in how much memory, and when they give way."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from app.downloads.courtesy import Courtesy
from app.downloads.turns import Turns
from app.settings import Settings
from render.deadline import Deadline
from render.errors import Overloaded

#: Blocks on their way here while one is on its way to the client, of few downloads.
_BLOCKS_AHEAD = 2
#: More downloads than that read in turns, so many at a time, and nothing ahead: a tile that is
#: asked for meanwhile waits for a few blocks on the connection, not for one of each.
_FEW = 4
_SMALLEST_BLOCK_BYTES = 32 * 1024
_LARGEST_BLOCK_BYTES = 1024 * 1024
#: While somebody waits for a picture, blocks are no larger.
_COURTEOUS_BLOCK_BYTES = 512 * 1024
#: However many downloads give way, each of them gets a block within this time.
_LONGEST_ROUND_S = 10.0
#: How long a download that gives way may sleep before it looks whether it still has to.
_LOOK_S = 0.02
_RETRY_AFTER_S = 10.0


class DownloadGate:
    """Lets a bounded number of downloads in; the more there are, the smaller their blocks.

    While somebody on the host waits for a picture, blocks are read one after the other, each
    `download_pause_s` after the one before it: few enough to be in nobody's way, and none waits
    for ever.
    """

    def __init__(self, settings: Settings, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._pause_s = settings.download_pause_s
        self._next_s = 0.0
        self._most = settings.downloads_max
        self._most_per_viewer = settings.downloads_max_per_viewer
        self._buffer_bytes = settings.downloads_buffer_max_bytes
        self._lock = threading.Lock()
        self._turns = Turns(_FEW)
        self._by_viewer: Counter[Hashable] = Counter()
        self._count = 0

    @property
    def count(self) -> int:
        """Number of downloads under way."""
        return self._count

    def enter(self, viewer: Hashable) -> Callable[[], None]:
        """Count a download in, and give what counts it out again, once, however often called.

        Raises Overloaded when too many are under way.
        """
        with self._lock:
            if self._by_viewer[viewer] >= self._most_per_viewer:
                raise Overloaded(
                    f"{self._most_per_viewer} downloads of yours are under way already "
                    "(setting downloads_max_per_viewer)",
                    retry_after_s=_RETRY_AFTER_S,
                )
            if self._count >= self._most:
                raise Overloaded(
                    f"{self._most} downloads are under way already (setting downloads_max)",
                    retry_after_s=_RETRY_AFTER_S,
                )
            self._by_viewer[viewer] += 1
            self._count += 1
        return _Once(lambda: self._leave(viewer))

    def block_bytes(self) -> int:
        """Give the size of the next block of any download."""
        # One comes and one goes, besides those ahead.
        held = self.blocks_ahead() + 2
        share = self._buffer_bytes // (max(1, self._count) * held)
        most = _COURTEOUS_BLOCK_BYTES if self._gives_way else _LARGEST_BLOCK_BYTES
        return min(most, max(_SMALLEST_BLOCK_BYTES, share))

    def blocks_ahead(self) -> int:
        """Give how many blocks of a download may be on their way while one is sent on."""
        return _BLOCKS_AHEAD if self._count <= _FEW and not self._gives_way else 0

    def turn(self, deadline: Deadline) -> contextlib.AbstractContextManager[object]:
        """Give what to hold while reading a block for which nothing is ahead.

        Entering it raises DeadlineExceeded, and ClientGone.
        """
        if self._count <= _FEW and not self._gives_way:
            return contextlib.nullcontext()
        return self._turn(deadline)

    @property
    def _gives_way(self) -> bool:
        return self._pause_s > 0 and self._courtesy.is_due

    @contextlib.contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        with self._turns.take(deadline):
            if self._gives_way:
                self._wait_for_place(deadline)
            yield

    def _wait_for_place(self, deadline: Deadline) -> None:
        """Wait until the next block may be read beside pictures, or nobody waits for one."""
        with self._lock:
            at_s = max(time.monotonic(), self._next_s)
            self._next_s = at_s + min(self._pause_s, _LONGEST_ROUND_S / max(1, self._count))
        while (left_s := at_s - time.monotonic()) > 0 and self._gives_way:
            deadline.check_wanted()
            time.sleep(min(left_s, _LOOK_S))

    def _leave(self, viewer: Hashable) -> None:
        with self._lock:
            self._count -= 1
            self._by_viewer[viewer] -= 1
            if not self._by_viewer[viewer]:
                del self._by_viewer[viewer]


class _Once:
    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def __call__(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()
