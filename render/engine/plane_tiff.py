"""One plane as a TIFF in one strip, in its own type and not compressed. Written after TIFF 6.0."""

import struct

import numpy as np
from numpy.typing import NDArray

_SHORT, _LONG = 3, 4
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
_HEAD_BYTES, _ENTRY_BYTES = 8, 12


def plane_tiff(plane: NDArray) -> bytes:
    """Give the file of a (height, width) plane; numbers are big-endian, as planes come."""
    height, width = plane.shape
    dtype = plane.dtype.newbyteorder(">")
    pixels = np.ascontiguousarray(plane, dtype).tobytes()
    entries = [
        (256, _LONG, width),
        (257, _LONG, height),
        (258, _SHORT, 8 * dtype.itemsize),
        (259, _SHORT, 1),  # not compressed
        (262, _SHORT, 1),  # 0 is black
        (273, _LONG, 0),  # where the strip begins, told below
        (277, _SHORT, 1),
        (278, _LONG, height),
        (279, _LONG, len(pixels)),
        (339, _SHORT, _SAMPLE_FORMATS[dtype.kind]),
    ]
    begin = _HEAD_BYTES + 2 + len(entries) * _ENTRY_BYTES + 4
    # Values of more than a byte begin where their size divides the place.
    begin += -begin % 16
    directory = b"".join(
        struct.pack(">HHI", tag, kind, 1)
        + (struct.pack(">HH", value, 0) if kind == _SHORT else struct.pack(">I", value))
        for tag, kind, value in ((t, k, begin if t == 273 else v) for t, k, v in entries)
    )
    head = struct.pack(">2sHI", b"MM", 42, _HEAD_BYTES) + struct.pack(">H", len(entries))
    return (head + directory + bytes(4)).ljust(begin, b"\0") + pixels
