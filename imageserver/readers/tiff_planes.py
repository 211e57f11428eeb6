"""Pixels of one resolution level of a TIFF series, by rectangle.

tifffile knows where each strip or tile lies and how it is coded; what is added here is that a
rectangle touches only its own segments, that they are read at offsets from any thread, and that
they are kept for the neighbour that asks next.
"""

import threading
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from tifffile import TiffFrame, TiffPage, TiffPageSeries

from imageserver.readers.axes import PlaneAxes, plane_axes
from imageserver.readers.base import MAX_SEGMENT_BYTES, Access, UnreadableFile

_JPEG = {6, 7, 34892, 33007}

#: Rows of uncompressed data are read in one piece as long as no more than this is read in vain.
_READ_THROUGH_BYTES = 64 * 1024


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in pixels; right and bottom are exclusive."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column that is not inside."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row that is not inside."""
        return self.y + self.height

    def common(self, other: "Rectangle") -> "Rectangle":
        """Give what two rectangles that overlap have in common."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Rectangle(x, y, right - x, bottom - y)


class LevelPlanes:
    """One resolution level of a series.

    `width` and `height` are its size in pixels, `axes` its axes as z, c and t.
    """

    def __init__(
        self,
        series: TiffPageSeries,
        access: Access,
        token: int,
        lock: threading.RLock,
        *,
        axes: str | None = None,
    ) -> None:
        """Understand a series; `axes` overrules the letters that tifffile gives its axes."""
        self._series = series
        self._access = access
        self._token = token
        self._lock = lock
        self._paths: dict[int, Path] = {}
        self._contiguous_pages: dict[int, bool] = {}
        keyframe = series.keyframe
        self._keyframe = keyframe
        if keyframe.dtype is None:
            raise UnreadableFile("its samples are of a kind that cannot be read")
        self._dtype = np.dtype(keyframe.dtype)
        axes = axes or series.get_axes(squeeze=False)
        shape = series.get_shape(squeeze=False)
        self.axes: PlaneAxes = plane_axes(axes, shape)
        self._shape = shape
        self._samples_axis = axes.find("S")
        self.height, self.width = shape[self.axes.y], shape[self.axes.x]
        self._separate, depth, height, width, self._contig = keyframe.shaped
        if depth != 1 or (height, width) != (self.height, self.width):
            raise UnreadableFile(
                "it stores volumes or joined planes in one page, which is not read"
            )
        within = {self.axes.y, self.axes.x}
        if prod((self._separate, self._contig)) > 1:
            if self._samples_axis < 0:
                raise UnreadableFile("its samples per pixel are not among its axes")
            within.add(self._samples_axis)
        self._page_axes = [i for i in range(len(shape)) if i not in within]
        pages = prod(shape[i] for i in self._page_axes)
        self._contiguous_at = None if series.is_multifile else series.dataoffset
        if self._contiguous_at is None and len(series) < pages:
            raise UnreadableFile(f"it holds {len(series)} of the {pages} planes it announces")
        self._plain = (
            keyframe.compression == 1
            and keyframe.predictor == 1
            and keyframe.fillorder == 1
            and keyframe.sampleformat != 5
            and keyframe.bitspersample == 8 * self._dtype.itemsize
            and not keyframe.is_subsampled
        )
        self._inverted = keyframe.photometric == 0 and self._dtype.kind in "bu"
        if not self._plain and prod(keyframe.chunks) * self._dtype.itemsize > MAX_SEGMENT_BYTES:
            raise UnreadableFile(
                "its strips or tiles are too large to be read in part; saved tiled it can be shown"
            )

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of what is decoded at once."""
        keyframe = self._keyframe
        if keyframe.is_tiled:
            return keyframe.tilewidth, keyframe.tilelength
        return self.width, min(keyframe.rowsperstrip or self.height, self.height)

    def read(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Read a rectangle that lies inside: (height, width), the file's own sample type."""
        index = self.axes.index(z, c, t)
        sample = index[self._samples_axis] if self._samples_axis >= 0 else 0
        page_index = 0
        for axis in self._page_axes:
            page_index = page_index * self._shape[axis] + index[axis]
        separate, contig = (sample, 0) if self._separate > 1 else (0, sample)
        block = self._read_page(page_index, separate, contig, Rectangle(x, y, width, height))
        if not self._inverted:
            return block
        if block.dtype.kind == "b":
            return ~block
        return np.array((1 << self._keyframe.bitspersample) - 1, block.dtype) - block

    def _read_page(self, number: int, separate: int, contig: int, wanted: Rectangle) -> np.ndarray:
        whole = Rectangle(0, 0, self.width, self.height)
        if self._contiguous_at is not None:
            keyframe = self._keyframe
            start = self._contiguous_at + number * keyframe.nbytes
            start += separate * keyframe.nbytes // self._separate
            return self._read_plain(self._path(keyframe), start, contig, whole, wanted)
        with self._lock:
            page = self._series[number]
        if page is None:
            return np.zeros((wanted.height, wanted.width), self._dtype)
        if self._is_contiguous(page, number):
            start = page.dataoffsets[0] + separate * self._keyframe.nbytes // self._separate
            return self._read_plain(self._path(page), start, contig, whole, wanted)
        tile_width, tile_height = self.tile
        across = -(-self.width // tile_width)
        down = -(-self.height // tile_height)
        block: np.ndarray | None = None
        for row in range(wanted.y // tile_height, -(-wanted.bottom // tile_height)):
            for column in range(wanted.x // tile_width, -(-wanted.right // tile_width)):
                tile = Rectangle(
                    column * tile_width,
                    row * tile_height,
                    tile_width,
                    tile_height
                    if self._keyframe.is_tiled
                    else min(tile_height, self.height - row * tile_height),
                )
                part = wanted.common(tile)
                index = (separate * down + row) * across + column
                piece = self._read_tile(page, number, index, contig, tile, part)
                if part == wanted:
                    return piece
                if block is None:
                    block = np.empty((wanted.height, wanted.width), piece.dtype)
                block[
                    part.y - wanted.y : part.bottom - wanted.y,
                    part.x - wanted.x : part.right - wanted.x,
                ] = piece
        assert block is not None
        return block

    def _is_contiguous(self, page: TiffPage | TiffFrame, number: int) -> bool:
        # A page's key says so of the first of its kind only, and asking takes a look at each strip.
        if not self._plain or not self._keyframe.is_contiguous:
            return False
        known = self._contiguous_pages.get(number)
        if known is None:
            offsets, counts = page.dataoffsets, page.databytecounts
            known = bool(offsets and offsets[0]) and all(
                offsets[i] + counts[i] == offsets[i + 1] for i in range(len(offsets) - 1)
            )
            self._contiguous_pages[number] = known
        return known

    def _read_tile(
        self,
        page: TiffPage | TiffFrame,
        number: int,
        index: int,
        contig: int,
        tile: Rectangle,
        part: Rectangle,
    ) -> np.ndarray:
        if index >= len(page.dataoffsets):
            raise UnreadableFile("it lacks some of its strips or tiles")
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        if not offset or not size:
            dtype = self._dtype
            if self._plain:
                dtype = dtype.newbyteorder(self._series.keyframe.parent.byteorder)
            return np.full((part.height, part.width), self._keyframe.nodata, dtype)
        if self._plain:
            return self._read_plain(self._path(page), offset, contig, tile, part)
        segment = self._access.segment(
            (self._token, id(self), number, index), lambda: self._decode(page, index, offset, size)
        )
        return segment[
            part.y - tile.y : part.bottom - tile.y, part.x - tile.x : part.right - tile.x, contig
        ]

    def check_ends_inside(self) -> None:
        """Raise UnreadableFile if the first plane's data reach past the end of the file."""
        page = self._series.keyframe
        tile_width, tile_height = self.tile
        segments = -(-self.width // tile_width) * -(-self.height // tile_height) * self._separate
        if not page.dataoffsets or (not page.is_final and len(page.dataoffsets) < segments):
            raise UnreadableFile("it lacks some of its strips or tiles")
        end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=False)))
        if end > self._path(page).stat().st_size:
            raise UnreadableFile("it ends before its pixel data do")

    def _path(self, page: TiffPage | TiffFrame) -> Path:
        path = self._paths.get(id(page.parent))
        if path is None:
            path = self._access.resolve(page.parent.filehandle.path)
            self._paths[id(page.parent)] = path
        return path

    def _read_plain(
        self, path: Path, start: int, contig: int, stored: Rectangle, part: Rectangle
    ) -> np.ndarray:
        """Read a part of the rectangle whose samples are stored, row by row, at `start`."""
        dtype = self._dtype.newbyteorder(self._series.keyframe.parent.byteorder)
        pixel = dtype.itemsize * self._contig
        row = stored.width * pixel
        left = part.x - stored.x
        start += (part.y - stored.y) * row
        if row - part.width * pixel <= _READ_THROUGH_BYTES:
            data = self._exactly(path, start, part.height * row)
            block = np.frombuffer(data, dtype).reshape(part.height, stored.width, self._contig)
            return block[:, left : left + part.width, contig]
        block = np.empty((part.height, part.width), dtype)
        for i in range(part.height):
            data = self._exactly(path, start + i * row + left * pixel, part.width * pixel)
            block[i] = np.frombuffer(data, dtype).reshape(part.width, self._contig)[:, contig]
        return block

    def _exactly(self, path: Path, offset: int, size: int) -> bytes:
        data = self._access.read_bytes(path, offset, size)
        if len(data) != size:
            raise UnreadableFile("it ends before its pixel data do; it was not copied completely")
        return data

    def _decode(self, page: TiffPage | TiffFrame, index: int, offset: int, size: int) -> np.ndarray:
        keyframe = self._keyframe
        limit = prod(keyframe.chunks) * self._dtype.itemsize
        # Codecs can make noise longer than it is raw, but never by this much.
        if size > 2 * limit + 65536:
            raise UnreadableFile("one of its strips or tiles is longer than its pixels")
        with self._access.segments.one_at_a_time(limit):
            data = self._exactly(self._path(page), offset, size)
            options = {}
            if keyframe.compression in _JPEG:
                options = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
            try:
                segment = keyframe.decode(data, index, **options)[0]
            except Exception as error:
                raise UnreadableFile(
                    f"a strip or tile cannot be decoded ({error!s:.120})"
                ) from error
        if segment is None:
            raise UnreadableFile("a strip or tile is empty")
        return np.asarray(segment[0])
