"""The bytes of an exported file, from anywhere on, block by block as pixels come from the server.

Nothing is rendered, no file is written, and no more is held than the block that is sent on and
the next one.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from app.call import Call
from app.downloads.body import DownloadBody
from app.downloads.stacks import FileLayout, Stack
from render.deadline import Deadline
from render.engine.cuts import Cut, next_cut
from render.errors import SourceUnavailable
from render.values import Region
from render.waiting import Handoff, spawn

#: How long one block may take to arrive.
_BLOCK_TIMEOUT_S = 60.0
#: How long a server may be away before the exports from it are broken off.
_RESTART_S = 20.0
_RESTART_PAUSE_S = 0.5
#: Blocks on their way while one is sent on: those who look at the image read it too.
_AHEAD = 1


def stack_body(call: Call, stack: Stack, layout: FileLayout, begin: int, end: int) -> DownloadBody:
    """Give the file's bytes from `begin` to before `end`.

    Raises Overloaded when too many downloads are under way; what keeps the server from reading
    the image is told at once too.
    """
    name = f"of pixels of image {stack.info.image_id}"
    return held_body(call, stack, stack_pieces(call, stack, layout, begin, end), name)


def held_body(call: Call, first: Stack, pieces: Iterable[bytes], name: str) -> DownloadBody:
    """Give a body of pixels, and hold the viewer's session open until it ends.

    One pixel of `first` is read, so that a fault is told while it still can be.
    """
    _check_readable(call, first)
    leave = call.parts.downloads.enter(call.viewer.key)
    try:
        let_go = call.session.hold(call.deadline)
    except BaseException:
        leave()
        raise
    return DownloadBody(pieces, (let_go, leave), call.settings.download_max_bytes_per_s, name)


def _check_readable(call: Call, stack: Stack) -> None:
    corner = stack.areas[0]
    region = Region(corner.region.x, corner.region.y, 1, 1)
    call.session.read_region(stack.info, stack.plane(0), corner.level, region, call.deadline)


def stack_pieces(
    call: Call, stack: Stack, layout: FileLayout, begin: int, end: int
) -> Iterator[bytes]:
    """Give the file's bytes from `begin` to before `end`, in blocks of the size that the gate says.

    A server that is restarted meanwhile is waited for. Raises errors of `render.errors`.
    """
    gate = call.parts.downloads
    head = layout.head_bytes
    if begin < head:
        yield from filter(None, layout.head(begin, min(end, head)))
    asked = max(begin, head)
    ahead: deque[_Coming] = deque()

    def next_block() -> Callable[[], bytes]:
        nonlocal asked
        cut = next_cut(layout.levels, asked - head, end - head, gate.block_bytes())
        asked += cut.size_bytes
        return lambda: _block(call, stack, layout.dtype, cut)

    while ahead or asked < end:
        content = ahead.popleft().content(call) if ahead else next_block()()
        while asked < end and len(ahead) < min(_AHEAD, gate.blocks_ahead()):
            ahead.append(_Coming(next_block()))
        yield content


class _Coming:
    """A block that is read beside whoever will wait for it."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._handoff = Handoff()

        def run() -> None:
            try:
                self._handoff.fill(read())
            except BaseException as error:
                self._handoff.fill(error=error)

        spawn(run)

    def content(self, call: Call) -> bytes:
        """Wait for the block; raise what reading it raised, or ClientGone."""
        deadline = Deadline.after(_BLOCK_TIMEOUT_S + _RESTART_S, call.deadline.asker)
        content = self._handoff.wait_in_queue(deadline, "read the pixels")
        assert isinstance(content, bytes)
        return content


def _block(call: Call, stack: Stack, dtype: np.dtype, cut: Cut) -> bytes:
    return cut.write(None if cut.region is None else _read(call, stack, cut, cut.region), dtype)


def _read(call: Call, stack: Stack, cut: Cut, inside: Region) -> np.ndarray:
    area = stack.areas[cut.level]
    left, top = area.region.x + inside.x, area.region.y + inside.y
    region = Region(left, top, inside.width, inside.height)
    plane = stack.plane(cut.plane)
    until_s = time.monotonic() + _RESTART_S
    while True:
        deadline = Deadline.after(_BLOCK_TIMEOUT_S, call.deadline.asker)
        deadline.check_wanted()
        try:
            with call.parts.downloads.turn(deadline):
                return call.session.read_region(stack.info, plane, area.level, region, deadline)
        except SourceUnavailable:
            if time.monotonic() + _RESTART_PAUSE_S > until_s:
                raise
            time.sleep(_RESTART_PAUSE_S)
