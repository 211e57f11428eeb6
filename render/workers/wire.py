"""Messages on a pipe: eight bytes of length, then as many bytes.

Where a pipe does not block, both ends wait until the moment `until_s` of the monotonic clock, and
then raise TimeoutError: a message may be cut in two then, so the pipe is of no further use.
"""

import math
import os
import struct
import time

from render.workers.native import wait_readable, wait_writable

_LENGTH = struct.Struct(">Q")


def write_message(descriptor: int, message: bytes, until_s: float = math.inf) -> None:
    """Write one message whole; raise BrokenPipeError when nobody reads."""
    for part in (_LENGTH.pack(len(message)), message):
        view = memoryview(part)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                if not wait_writable(descriptor, until_s - time.monotonic()):
                    raise TimeoutError("nobody reads from the pipe") from None


def read_message(descriptor: int, until_s: float = math.inf) -> bytearray:
    """Read one message; raise EOFError when the other end was closed before its end."""
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, until_s))
    return _read(descriptor, length, until_s)


def _read(descriptor: int, length: int, until_s: float) -> bytearray:
    parts = bytearray(length)
    view, filled = memoryview(parts), 0
    while filled < length:
        try:
            count = os.readv(descriptor, [view[filled:]])
        except BlockingIOError:
            if not wait_readable(descriptor, until_s - time.monotonic()):
                raise TimeoutError("nobody writes to the pipe") from None
            continue
        if count == 0:
            raise EOFError("the pipe was closed")
        filled += count
    return parts
