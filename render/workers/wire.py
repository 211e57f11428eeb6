"""Messages on a pipe: eight bytes of length, then as many bytes."""

import os
import struct

_LENGTH = struct.Struct(">Q")


def write_message(descriptor: int, message: bytes) -> None:
    """Write one message whole; raise BrokenPipeError when nobody reads."""
    for part in (_LENGTH.pack(len(message)), message):
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def read_message(descriptor: int) -> bytearray:
    """Read one message; raise EOFError when the other end was closed before its end."""
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size))
    return _read(descriptor, length)


def _read(descriptor: int, length: int) -> bytearray:
    parts = bytearray(length)
    view, filled = memoryview(parts), 0
    while filled < length:
        count = os.readv(descriptor, [view[filled:]])
        if count == 0:
            raise EOFError("the pipe was closed")
        filled += count
    return parts
