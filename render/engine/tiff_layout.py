"""Where everything lies in a TIFF of tiles that are not compressed, and what its directories say.

The directories of all planes come first, then the pixels, plane by plane, each with its smaller
levels (SubIFDs) after it. Written after TIFF 6.0, its supplement on SubIFDs, and BigTIFF. All
numbers are big-endian, as pixels are that OMERO sends.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from render.engine.cuts import Grid, plane_bytes

#: From that many bytes on a file needs the offsets of 8 bytes that BigTIFF has.
CLASSIC_MAX_BYTES = 2**32 - 1

_ASCII, _SHORT, _LONG, _RATIONAL, _IFD, _LONG8, _IFD8 = 2, 3, 4, 5, 13, 16, 18
_TYPE_BYTES = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _IFD: 4, _LONG8: 8, _IFD8: 8}
_NUMPY = {_SHORT: ">u2", _LONG: ">u4", _IFD: ">u4", _LONG8: ">u8", _IFD8: ">u8"}
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
_CENTIMETRE = 3
_ALIGNMENT = 16
#: More than the first directory of any file takes, apart from texts and from its long lists.
_FIRST_DIRECTORY = 65536
#: Numbers that are made at a time of a long list.
_NUMBERS = 8192


@dataclass(frozen=True)
class _Numbers:
    """The numbers first, first + step, …: a list that may be too long to be held."""

    type: int
    count: int
    first: int
    step: int = 0

    @property
    def size_bytes(self) -> int:
        return self.count * _TYPE_BYTES[self.type]

    def take(self, begin: int, end: int) -> Iterator[bytes]:
        width = _TYPE_BYTES[self.type]
        for number in range(begin // width, -(-end // width), _NUMBERS):
            until = min(number + _NUMBERS, -(-end // width))
            values = self.first + self.step * np.arange(number, until, dtype=np.int64)
            content = values.astype(_NUMPY[self.type]).tobytes()
            at = number * width
            yield content[max(0, begin - at) : end - at]


@dataclass(frozen=True)
class _Content:
    """A value that is held as it stands in the file."""

    type: int
    content: bytes

    @property
    def count(self) -> int:
        return len(self.content) // _TYPE_BYTES[self.type]

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def take(self, begin: int, end: int) -> Iterator[bytes]:
        yield self.content[begin:end]


_Value = _Numbers | _Content


@dataclass(frozen=True)
class TiffLayout:
    """A file of `planes` planes, each with `levels`, the largest first.

    `dtype` is big-endian. `description` is ASCII, and stands in the first directory.
    `pixel_size_um` is (x, y) at the largest level, None where it is not known. A file above
    `classic_max_bytes` is a BigTIFF.
    """

    levels: tuple[Grid, ...]
    planes: int
    dtype: np.dtype
    description: bytes
    software: bytes
    pixel_size_um: tuple[float | None, float | None] = (None, None)
    classic_max_bytes: int = CLASSIC_MAX_BYTES

    @cached_property
    def big(self) -> bool:
        """Tell whether the file is a BigTIFF."""
        return self._head_bytes(big=False) + self.data_bytes > self.classic_max_bytes

    @cached_property
    def head_bytes(self) -> int:
        """Bytes before the first pixel."""
        return self._head_bytes(self.big)

    @property
    def telling_bytes(self) -> int:
        """Bytes at the beginning by which two layouts differ if they differ at all."""
        texts = len(self.description) + len(self.software)
        return min(self.head_bytes, texts + _FIRST_DIRECTORY)

    @property
    def data_bytes(self) -> int:
        """Bytes of the pixels."""
        return self.planes * plane_bytes(self.levels)

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return self.head_bytes + self.data_bytes

    def head(self, begin: int, end: int) -> Iterator[bytes]:
        """Give the bytes from `begin` to before `end` of those before the first pixel."""
        start = _start(self.big)
        yield start[begin:end]
        first, other = self._directories_bytes(0, self.big), self._directories_bytes(1, self.big)
        skipped = max(0, (begin - len(start) - first) // other)
        for plane in range(min(skipped, self.planes), self.planes):
            at = len(start) + (first + (plane - 1) * other if plane else 0)
            if at >= end:
                return
            yield from _clipped(self._directories(plane, at), begin - at, end - at)
        written = len(start) + first + (self.planes - 1) * other
        yield bytes(max(0, end - max(written, begin)))

    def _head_bytes(self, big: bool) -> int:
        first, other = self._directories_bytes(0, big), self._directories_bytes(1, big)
        size = len(_start(big)) + first + (self.planes - 1) * other
        return size + -size % _ALIGNMENT

    def _directories_bytes(self, plane: int, big: bool) -> int:
        """Bytes of the directories of a plane: all but the first plane's have as many."""
        return sum(_directory_bytes(self._values(plane, i, big, (), 0), big) for i in self._indices)

    @property
    def _indices(self) -> range:
        return range(len(self.levels))

    def _directories(self, plane: int, at: int) -> Iterator[_Value]:
        """Give what stands in the directories of a plane, which begin at the byte `at`."""
        size = self._directories_bytes(plane, self.big)
        following = at + size if plane + 1 < self.planes else 0
        starts = [at]
        for level in self._indices:
            values = self._values(plane, level, self.big, (), 0)
            starts.append(starts[-1] + _directory_bytes(values, self.big))
        pixels = self.head_bytes + plane * plane_bytes(self.levels)
        for level in self._indices:
            values = self._values(plane, level, self.big, starts[1:-1], pixels)
            yield from _directory(values, starts[level], 0 if level else following, self.big)
            pixels += self.levels[level].size_bytes

    def _values(
        self, plane: int, level: int, big: bool, below: Sequence[int], pixels: int
    ) -> dict[int, _Value]:
        """Give the fields of a directory by their tags, in order.

        `below` = where the directories of smaller levels begin, `pixels` = where the tiles do.
        """
        grid = self.levels[level]
        offset = _LONG8 if big else _LONG
        values: dict[int, _Value] = {
            254: _number(_LONG, 1 if level else 0),
            256: _number(_LONG, grid.width),
            257: _number(_LONG, grid.height),
            258: _number(_SHORT, 8 * self.dtype.itemsize),
            259: _number(_SHORT, 1),
            262: _number(_SHORT, 1),
        }
        if plane == 0 and level == 0:
            values[270] = _Content(_ASCII, self.description + b"\0")
        values[277] = _number(_SHORT, 1)
        resolution = None if level else self._resolution
        if resolution is not None:
            values |= {282: resolution[0], 283: resolution[1], 296: _number(_SHORT, _CENTIMETRE)}
        if plane == 0 and level == 0:
            values[305] = _Content(_ASCII, self.software + b"\0")
        values |= {
            322: _number(_LONG, grid.tile_width),
            323: _number(_LONG, grid.tile_height),
            324: _Numbers(offset, grid.tiles, pixels, grid.tile_bytes),
            325: _Numbers(_LONG, grid.tiles, grid.tile_bytes),
        }
        if level == 0 and len(self.levels) > 1:
            starts = below or [0] * (len(self.levels) - 1)
            content = np.array(starts, ">u8" if big else ">u4").tobytes()
            values[330] = _Content(_IFD8 if big else _IFD, content)
        values[339] = _number(_SHORT, _SAMPLE_FORMATS[self.dtype.kind])
        return dict(sorted(values.items()))

    @cached_property
    def _resolution(self) -> tuple[_Value, _Value] | None:
        found = [_per_centimetre(size) for size in self.pixel_size_um]
        if None in found:
            return None
        x, y = (_Content(_RATIONAL, content) for content in found if content is not None)
        return x, y


def _start(big: bool) -> bytes:
    # The first directory follows at once.
    return (
        struct.pack(">2sHHHQ", b"MM", 43, 8, 0, 16) if big else struct.pack(">2sHL", b"MM", 42, 8)
    )


def _number(kind: int, value: int) -> _Numbers:
    return _Numbers(kind, 1, value)


def _directory_bytes(values: dict[int, _Value], big: bool) -> int:
    count, entry, following = (8, 20, 8) if big else (2, 12, 4)
    size = count + entry * len(values) + following
    inline = 8 if big else 4
    outside = sum(
        value.size_bytes + value.size_bytes % 2
        for value in values.values()
        if value.size_bytes > inline
    )
    return size + size % 2 + outside


def _directory(values: dict[int, _Value], at: int, following: int, big: bool) -> Iterator[_Value]:
    """Give a directory that begins at the byte `at`: its entries, then the values they refer to."""
    count, entry, offset, inline = (">Q", ">HHQ", ">Q", 8) if big else (">H", ">HHL", ">L", 4)
    place = at + struct.calcsize(count) + (20 if big else 12) * len(values) + inline
    place += place % 2
    written = struct.pack(count, len(values))
    outside: list[_Value] = []
    for tag, value in values.items():
        written += struct.pack(entry, tag, value.type, value.count)
        if value.size_bytes <= inline:
            written += b"".join(value.take(0, value.size_bytes)).ljust(inline, b"\0")
            continue
        written += struct.pack(offset, place)
        outside.append(value)
        place += value.size_bytes
        if value.size_bytes % 2:
            outside.append(_Content(_ASCII, b"\0"))
            place += 1
    written += struct.pack(offset, following)
    yield _Content(_ASCII, written + bytes(len(written) % 2))
    yield from outside


def _clipped(values: Iterator[_Value], begin: int, end: int) -> Iterator[bytes]:
    at = 0
    for value in values:
        size = value.size_bytes
        if at + size > begin and at < end:
            yield from value.take(max(0, begin - at), min(size, end - at))
        at += size
        if at >= end:
            return


def _per_centimetre(size_um: float | None) -> bytes | None:
    """Give pixels per centimetre as a fraction of 32-bit numbers, None where it cannot be told."""
    if size_um is None or not 1e-5 < size_um < 1e9:
        return None
    exact = 10_000 / Fraction(size_um)
    fraction = exact.limit_denominator(min(2**16, 2**32 // (int(exact) + 1)))
    if fraction <= 0:
        return None
    return struct.pack(">LL", fraction.numerator, fraction.denominator)
