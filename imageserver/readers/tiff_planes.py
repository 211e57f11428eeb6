"""Pixels of one resolution level of a TIFF series, by rectangle.

tifffile knows where each strip or tile lies and how it is coded; what is added here is that a
rectangle touches only its own segments, that they are read at offsets from any thread, and that
they are kept for the neighbour that asks next.
"""

import threading
from math import prod
from pathlib import Path

import numpy as np
from tifffile import TiffFrame, TiffPage, TiffPageSeries

from imageserver.readers.axes import PlaneAxes, plane_axes
from imageserver.readers.base import MAX_SEGMENT_BYTES, Access, UnreadableFile

_JPEG = {6, 7, 34892, 33007}

#: Rows of uncompressed data are read in one piece as long as no more than this is read in vain.
_READ_THROUGH_BYTES = 64 * 1024


class LevelPlanes:
    """One resolution level of a series.

    `width` and `height` are its size in pixels, `axes` its axes as z, c and t.
    """

    def __init__(
        self, series: TiffPageSeries, access: Access, token: int, lock: threading.RLock
    ) -> None:
        self._series = series
        self._access = access
        self._token = token
        self._lock = lock
        self._paths: dict[str, Path] = {}
        keyframe = series.keyframe
        self._keyframe = keyframe
        if keyframe.dtype is None:
            raise UnreadableFile("its samples are of a kind that cannot be read")
        self._dtype = np.dtype(keyframe.dtype)
        axes = series.get_axes(squeeze=False)
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
        self._inverted = keyframe.photometric == 0 and self._dtype.kind in "bu"
        if not keyframe.is_final and prod(keyframe.chunks) * self._dtype.itemsize > (
            MAX_SEGMENT_BYTES
        ):
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
        if self._contiguous_at is not None:
            start = self._contiguous_at + page_index * self._keyframe.nbytes
            plane = self._read_rows(
                self._path(self._series.keyframe), start, separate, contig, x, y, width, height
            )
        else:
            with self._lock:
                page = self._series[page_index]
            if page is None:
                return np.zeros((height, width), self._dtype)
            if self._is_plain(page):
                plane = self._read_rows(
                    self._path(page), page.dataoffsets[0], separate, contig, x, y, width, height
                )
            else:
                plane = self._read_segments(page, page_index, separate, contig, x, y, width, height)
        if self._inverted:
            if plane.dtype.kind == "b":
                return ~plane
            return np.array((1 << self._keyframe.bitspersample) - 1, plane.dtype) - plane
        return plane

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
        written = page.parent.filehandle.path
        path = self._paths.get(written)
        if path is None:
            path = self._paths[written] = self._access.resolve(written)
        return path

    def _is_plain(self, page: TiffPage | TiffFrame) -> bool:
        if not self._keyframe.is_final or not page.dataoffsets:
            return False
        offsets, counts = page.dataoffsets, page.databytecounts
        return all(
            offsets[i] and offsets[i] + counts[i] == offsets[i + 1] for i in range(len(offsets) - 1)
        ) and bool(offsets[0])

    def _read_rows(
        self,
        path: Path,
        start: int,
        separate: int,
        contig: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        dtype = self._dtype.newbyteorder(self._series.keyframe.parent.byteorder)
        pixel = dtype.itemsize * self._contig
        row = self.width * pixel
        start += separate * self.height * row
        wanted = width * pixel
        if row - wanted <= _READ_THROUGH_BYTES:
            data = self._exactly(path, start + y * row, height * row)
            block = np.frombuffer(data, dtype).reshape(height, self.width, self._contig)
            return block[:, x : x + width, contig]
        block = np.empty((height, width), dtype)
        for i in range(height):
            data = self._exactly(path, start + (y + i) * row + x * pixel, wanted)
            block[i] = np.frombuffer(data, dtype).reshape(width, self._contig)[:, contig]
        return block

    def _exactly(self, path: Path, offset: int, size: int) -> bytes:
        data = self._access.read_bytes(path, offset, size)
        if len(data) != size:
            raise UnreadableFile("it ends before its pixel data do; it was not copied completely")
        return data

    def _read_segments(
        self,
        page: TiffPage | TiffFrame,
        page_index: int,
        separate: int,
        contig: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        tile_width, tile_height = self.tile
        across = -(-self.width // tile_width)
        down = -(-self.height // tile_height)
        block = np.empty((height, width), self._dtype)
        for row in range(y // tile_height, -(-(y + height) // tile_height)):
            top = row * tile_height
            y0, y1 = max(y, top), min(y + height, top + tile_height)
            for column in range(x // tile_width, -(-(x + width) // tile_width)):
                left = column * tile_width
                x0, x1 = max(x, left), min(x + width, left + tile_width)
                number = (separate * down + row) * across + column
                segment = self._segment(page, page_index, number)
                block[y0 - y : y1 - y, x0 - x : x1 - x] = (
                    self._keyframe.nodata
                    if segment is None
                    else segment[y0 - top : y1 - top, x0 - left : x1 - left, contig]
                )
        return block

    def _segment(
        self, page: TiffPage | TiffFrame, page_index: int, number: int
    ) -> np.ndarray | None:
        if number >= len(page.dataoffsets):
            raise UnreadableFile("it lacks some of its strips or tiles")
        offset, size = page.dataoffsets[number], page.databytecounts[number]
        if not offset or not size:
            return None
        keyframe = self._keyframe
        limit = prod(keyframe.chunks) * self._dtype.itemsize

        def decode() -> np.ndarray:
            # Some codecs (JPEG 2000, lossless WebP) can exceed the raw size, never by this much.
            if size > 2 * limit + 65536:
                raise UnreadableFile("one of its strips or tiles is longer than its pixels")
            with self._access.segments.one_at_a_time(limit):
                data = self._exactly(self._path(page), offset, size)
                options = {}
                if keyframe.compression in _JPEG:
                    options = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
                try:
                    segment = keyframe.decode(data, number, **options)[0]
                except Exception as error:
                    raise UnreadableFile(
                        f"a strip or tile cannot be decoded ({error!s:.120})"
                    ) from error
            if segment is None:
                raise UnreadableFile("a strip or tile is empty")
            return np.asarray(segment[0])

        return self._access.segment((self._token, id(self), page_index, number), decode)
