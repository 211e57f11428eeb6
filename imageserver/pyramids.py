"""Reduced resolution levels of large images that have none, made once and kept on disk.

Each level halves the one before: a pixel is the mean of 2×2, at odd edges of what there is. The
levels of an image are one folder, that appears complete or not at all, with a TIFF for each
level. All folders together stay within a budget; the longest unused ones go first.
"""

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tifffile import TiffWriter

from imageserver.pixels import PixelBuffer
from imageserver.readers.base import Access, ImageFile
from imageserver.readers.resources import SegmentCache
from imageserver.readers.tiff import TiffImageFile
from imageserver.statistics import Accumulator, Extremes, Stopped

log = logging.getLogger(__name__)

#: An image of more pixels than this per plane needs reduced levels; OMERO's rule.
PLANE_PIXELS = 3192 * 3192

#: Levels are added until the longer side is no longer than this.
SMALLEST_SIDE = 512

TILE = 512

DEFAULT_BUDGET_BYTES = 20 * 1024**3

#: How often a use is noted on disk, at most.
_TOUCH_S = 60.0

#: Reduced levels hold a third of the image; packed they are rarely smaller than a third of that.
_PACKED = 9

_MANIFEST = "levels.json"
_UNFINISHED = ".unfinished-"


class OverBudget(Exception):
    """The levels of an image do not fit into what is left of the budget."""


@dataclass(frozen=True)
class BuiltPyramid:
    """`levels` are (width, height) from half size on; `extremes` those of all of level 0."""

    levels: tuple[tuple[int, int], ...]
    extremes: tuple[Extremes | None, ...]


def needs_pyramid(levels: tuple[tuple[int, int], ...]) -> bool:
    """Say whether an image with these levels is too large to be shown without reduced ones."""
    return len(levels) == 1 and levels[0][0] * levels[0][1] > PLANE_PIXELS


def reduced_sizes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Give the sizes of the levels that are made, from half size on."""
    sizes = []
    while max(width, height) > SMALLEST_SIDE:
        width, height = (width + 1) // 2, (height + 1) // 2
        sizes.append((width, height))
    return tuple(sizes)


def halve(block: np.ndarray) -> np.ndarray:
    """Reduce (height, width) to half, rounded up: each value the mean of 2×2, halves upwards."""
    height, width = block.shape
    if height % 2 or width % 2:
        block = np.pad(block, ((0, height % 2), (0, width % 2)), mode="edge")
    wide: type = np.float64
    if block.dtype.kind in "ui":
        wide = np.int64 if block.dtype.itemsize == 4 else np.int32
    values: np.ndarray = block.astype(wide)
    total = values[0::2, 0::2] + values[1::2, 0::2] + values[0::2, 1::2] + values[1::2, 1::2]
    mean = (total + 2) >> 2 if block.dtype.kind in "ui" else total / 4
    return mean.astype(block.dtype.newbyteorder("="))


class PyramidStore:
    """The folders of levels, one for each key; a key names an image and a version of it."""

    def __init__(
        self, directory: Path, budget_bytes: int, segments: SegmentCache | None = None
    ) -> None:
        self.budget_bytes = budget_bytes
        self.on_removed: Callable[[str], None] = lambda key: None
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = Path(os.path.realpath(directory))
        self._access = Access(self._directory, segments=segments or SegmentCache())
        self._lock = threading.Lock()
        self._touched: dict[str, float] = {}
        self._remove_unfinished()

    def levels(self, key: str) -> tuple[tuple[int, int], ...]:
        """Give the sizes of the levels that are there, from half size on; none: empty."""
        try:
            manifest = json.loads((self._directory / key / _MANIFEST).read_bytes())
            return tuple((int(width), int(height)) for width, height in manifest["levels"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("reduced levels %s are damaged and are made again: %s", key, error)
            self.remove(key)
            return ()

    def open(self, key: str, number: int) -> ImageFile:
        """Open level `number` of a key, 0 being half size; its planes are its timepoints."""
        path = self._directory / key / f"level-{number}.tif"
        self._access.descriptors.forget(path)
        return TiffImageFile(path, self._access)

    def touch(self, key: str) -> None:
        """Note that the levels are in use."""
        now = time.monotonic()
        with self._lock:
            if now - self._touched.get(key, -_TOUCH_S) < _TOUCH_S:
                return
            self._touched[key] = now
        with suppress(OSError):
            os.utime(self._directory / key)

    def size_bytes(self) -> int:
        """Give how many bytes all finished levels take."""
        return sum(size for _, size, _ in self._folders())

    def has_room(self, buffer: PixelBuffer) -> bool:
        """Say whether the levels of an image have a chance to fit without others going."""
        width, height = buffer.levels[0]
        size_z, size_c, size_t = buffer.sizes
        raw = width * height * size_z * size_c * size_t * buffer.dtype.itemsize
        return self.size_bytes() + raw // _PACKED <= self.budget_bytes

    def build(
        self, key: str, buffer: PixelBuffer, *, evict: bool, stop: threading.Event
    ) -> BuiltPyramid:
        """Make all levels, holding a few tiles at a time, and put them in place at the end.

        With `evict`, others make room. Raises OverBudget, Stopped when `stop` is set, and
        UnreadableFile or OSError if reading or writing fails; nothing is left behind then.
        """
        room = self.budget_bytes if evict else self.budget_bytes - self.size_bytes()
        unfinished = self._directory / f"{_UNFINISHED}{os.getpid()}-{key}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        accumulator = Accumulator(buffer.sizes[1])
        sizes = reduced_sizes(*buffer.levels[0])
        written = 0
        above: ImageFile | None = None
        try:
            for number, size in enumerate(sizes):
                path = unfinished / f"level-{number}.tif"
                blocks = (
                    _from_buffer(buffer, size, accumulator)
                    if above is None
                    else _from_level(above, sizes[number - 1], size, _planes(buffer))
                )
                shape = (_planes(buffer), size[1], size[0])
                _write_level(path, blocks, shape, buffer.dtype, room - written, stop)
                if above is not None:
                    above.close()
                above = TiffImageFile(path, self._access)
                written += path.stat().st_size
                self._access.descriptors.forget(path)
            manifest = unfinished / _MANIFEST
            with manifest.open("w") as file:
                json.dump({"levels": sizes}, file)
                file.flush()
                os.fsync(file.fileno())
            if evict:
                self._make_room(written, keep=key)
            with self._lock:
                shutil.rmtree(self._directory / key, ignore_errors=True)
                unfinished.rename(self._directory / key)
        finally:
            if above is not None:
                above.close()
                self._access.segments.drop(above.token)
            for number in range(len(sizes)):
                self._access.descriptors.forget(unfinished / f"level-{number}.tif")
            shutil.rmtree(unfinished, ignore_errors=True)
        return BuiltPyramid(sizes, accumulator.extremes)

    def remove(self, key: str) -> None:
        """Remove the levels of a key; who reads them at that moment gets to the end."""
        with self._lock, suppress(FileNotFoundError):
            files = list((self._directory / key).iterdir())
            gone = self._directory / f"{_UNFINISHED}{os.getpid()}-{key}-gone"
            (self._directory / key).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            # A file that stays open would keep its place on the disk.
            for path in files:
                self._access.descriptors.forget(path)
        self.on_removed(key)

    def close(self) -> None:
        """Close all files."""
        self._access.descriptors.close()

    def _make_room(self, size_bytes: int, keep: str) -> None:
        folders = sorted(self._folders())
        total = sum(size for _, size, _ in folders)
        for _, size, key in folders:
            if total + size_bytes <= self.budget_bytes:
                return
            if key != keep:
                self.remove(key)
                total -= size

    def _folders(self) -> list[tuple[float, int, str]]:
        """Give (last use, bytes, key) of each finished folder."""
        found = []
        for folder in self._directory.iterdir():
            if folder.name.startswith("."):
                continue
            with suppress(OSError):
                size = sum(file.stat().st_size for file in folder.iterdir())
                found.append((folder.stat().st_mtime, size, folder.name))
        return found

    def _remove_unfinished(self) -> None:
        for folder in self._directory.glob(f"{_UNFINISHED}*"):
            pid = folder.name.removeprefix(_UNFINISHED).partition("-")[0]
            # Another server may use the same cache folder and be at work in its own.
            if pid == str(os.getpid()) or not pid.isdigit() or not Path("/proc", pid).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _planes(buffer: PixelBuffer) -> int:
    size_z, size_c, size_t = buffer.sizes
    return size_z * size_c * size_t


def plane_number(sizes: tuple[int, int, int], z: int, c: int, t: int) -> int:
    """Give where a plane stands in the files of reduced levels."""
    size_z, size_c, _ = sizes
    return (t * size_z + z) * size_c + c


def _from_buffer(
    buffer: PixelBuffer, size: tuple[int, int], accumulator: Accumulator
) -> Iterator[np.ndarray]:
    width, height = buffer.levels[0]
    size_z, size_c, size_t = buffer.sizes
    for t in range(size_t):
        for z in range(size_z):
            for c in range(size_c):
                for x, y in _tiles(size):
                    block = buffer.read(
                        0, z, c, t, 2 * x, 2 * y,
                        min(2 * TILE, width - 2 * x), min(2 * TILE, height - 2 * y),
                    )  # fmt: skip
                    accumulator.add(c, block)
                    yield halve(block)


def _from_level(
    above: ImageFile, above_size: tuple[int, int], size: tuple[int, int], planes: int
) -> Iterator[np.ndarray]:
    width, height = above_size
    for plane in range(planes):
        for x, y in _tiles(size):
            yield halve(
                above.read(
                    0, 0, 0, 0, plane, 2 * x, 2 * y,
                    min(2 * TILE, width - 2 * x), min(2 * TILE, height - 2 * y),
                )
            )  # fmt: skip


def _tiles(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for y in range(0, size[1], TILE):
        for x in range(0, size[0], TILE):
            yield x, y


def _write_level(
    path: Path,
    blocks: Iterator[np.ndarray],
    shape: tuple[int, int, int],
    dtype: np.dtype,
    room_bytes: int,
    stop: threading.Event,
) -> None:
    def watched() -> Iterator[np.ndarray]:
        for block in blocks:
            if stop.is_set():
                raise Stopped
            if path.stat().st_size > room_bytes:
                raise OverBudget
            yield block

    with TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            watched(),
            shape=shape,
            dtype=dtype.newbyteorder("="),
            tile=(TILE, TILE),
            compression="zstd",
            compressionargs={"level": 1},
            photometric="minisblack",
            metadata=None,
            maxworkers=1,
        )
    if path.stat().st_size > room_bytes:
        raise OverBudget
    with path.open("rb") as file:
        os.fsync(file.fileno())
