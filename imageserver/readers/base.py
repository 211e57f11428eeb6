"""What a format must give so that its images can be served: the interface of all readers.

A format is one `Reader` (knows its files by name, opens one) and one `ImageFile` (an opened file:
the metadata of its images, and pixels by rectangle). To add a format, write both in a module of
your own and name the reader in the packaging of that module:

    [project.entry-points."blitzrender.readers"]
    myformat = "my_package.reader:MyReader"

Nothing else is needed: scanning, ids, statistics, reduced levels and Ice come by themselves.

What holds everywhere: indices start at 0, level 0 is full size, sizes are in pixels of the level,
physical sizes in µm, wavelengths in nm, times in seconds since the epoch, arrays (height, width).
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from imageserver.readers.objects import (
    AnnotationMetadata,
    PlateMetadata,
    RoiMetadata,
    ShapeMetadata,
)
from imageserver.readers.resources import Descriptors, SegmentCache

#: Numpy type of each of OMERO's pixel types, as samples travel: big-endian.
PIXEL_TYPES: dict[str, np.dtype] = {
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "int16": np.dtype(">i2"),
    "uint16": np.dtype(">u2"),
    "int32": np.dtype(">i4"),
    "uint32": np.dtype(">u4"),
    "float": np.dtype(">f4"),
    "double": np.dtype(">f8"),
}

#: A strip, tile or chunk that decodes to more bytes than this is refused: it would have to be
#: held in memory whole to read one pixel of it.
MAX_SEGMENT_BYTES = 512 * 1024 * 1024


class UnreadableFile(Exception):
    """A file that cannot be read as images; `str(error)` is one sentence for the listing."""


class Changed(UnreadableFile):
    """A file that is not any more what it was when it was listed."""


class OutsideFolder(UnreadableFile):
    """A file that is, or refers to, something outside the folder that is served."""


@dataclass(frozen=True)
class ChannelMetadata:
    """What a file tells about one channel; None where it tells nothing.

    `color` is (red, green, blue, alpha), 0 to 255. `lut` is a file name such as `cool.lut`.
    """

    name: str | None = None
    color: tuple[int, int, int, int] | None = None
    lut: str | None = None
    emission_wave: float | None = None
    excitation_wave: float | None = None


@dataclass(frozen=True)
class SeriesMetadata:
    """What a file tells about one of its images.

    `name` may be empty. `pixel_type` is a key of PIXEL_TYPES. `significant_bits` is None, or how
    many bits of an integer type carry data. `levels` holds the (width, height) of each resolution
    level that the file itself has, largest first. The tile size is the one that costs least to
    read at level 0. There are exactly `size_c` channels; the samples of RGB are channels.
    `has_rois` and `annotated` tell whether asking `ImageFile` for regions and for annotations is
    worth while.
    """

    name: str
    pixel_type: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    levels: tuple[tuple[int, int], ...]
    tile_width: int
    tile_height: int
    channels: tuple[ChannelMetadata, ...]
    description: str = ""
    significant_bits: int | None = None
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    nominal_magnification: float | None = None
    acquired_at_s: float | None = None
    has_rois: bool = False
    annotated: bool = False


@dataclass(frozen=True)
class Access:
    """How a reader gets at bytes: inside one folder, in bounded memory, with few open files.

    `folder` is absolute and resolved. One Access is shared by all files that are open. With
    `confined` nothing leads from one folder directly below it into another, as they may belong to
    different users.
    """

    folder: Path
    confined: bool = False
    descriptors: Descriptors = field(default_factory=Descriptors)
    segments: SegmentCache = field(default_factory=SegmentCache)

    def resolve(self, path: str | os.PathLike[str], origin: Path | None = None) -> Path:
        """Follow all links; raise OutsideFolder if the end lies where it may not.

        `origin` is the file that refers to `path`, where one does.
        """
        resolved = Path(os.path.realpath(path))
        if resolved != self.folder and self.folder not in resolved.parents:
            raise OutsideFolder("it is, or refers to, a file outside the folder that is served")
        if self.confined and self._top(origin or path) != self._top(resolved):
            raise OutsideFolder("it is, or refers to, a file of another folder's owner")
        return resolved

    def _top(self, path: str | os.PathLike[str]) -> str | None:
        parts = Path(os.path.normpath(path)).parts
        depth = len(self.folder.parts)
        inside = parts[:depth] == self.folder.parts and len(parts) > depth + 1
        return parts[depth] if inside else None

    def read_bytes(self, path: Path, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset` of a path that `resolve` gave; any thread."""
        return self.descriptors.read(path, offset, size)

    def segment(self, key: Hashable, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Give the decoded strip, tile or chunk `key`, calling `decode` if it is not kept.

        The key must be unique over all files and their versions: begin it with the ImageFile's
        `token`. The array is shared: it is read-only.
        """
        return self.segments.get(key, decode)


class ImageFile(ABC):
    """One opened file (or folder that acts as one), holding one or more images.

    `series` are its images, in the file's order; `paths` all files it reads, the opened one
    first, each absolute and resolved; `plates` those that the images belong to. All but `close`
    is called by several threads at once.
    """

    series: tuple[SeriesMetadata, ...]
    paths: tuple[Path, ...]
    plates: tuple[PlateMetadata, ...] = ()

    _tokens: ClassVar[list[int]] = [0]
    _tokens_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        with self._tokens_lock:
            self._tokens[0] += 1
            self.token = self._tokens[0]

    @abstractmethod
    def read(
        self,
        series: int,
        level: int,
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        """Read a rectangle of one plane: (height, width), the pixel type's values, any byte order.

        All indices exist and the rectangle lies inside the level: the caller has checked. Decode
        only what the rectangle touches. Raise UnreadableFile when the data are damaged.
        """

    def rois(self, series: int) -> tuple[RoiMetadata, ...]:
        """Give the regions of interest of an image, always in the same order.

        At most `objects.MAX_PER_IMAGE` with as many shapes. Raise UnreadableFile when the data
        are damaged.
        """
        return ()

    def mask(self, series: int, shape: ShapeMetadata) -> bytes:
        """Give the bits of a mask that comes from a label, the first of each byte the highest.

        Row by row without padding, `width` times `height` of them.
        """
        raise UnreadableFile("it has no labels")

    def annotations(self) -> tuple[AnnotationMetadata, ...]:
        """Give the annotations of everything in the file, always in the same order."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that is open; no read is under way, and none will follow."""


class Reader(ABC):
    """One file format. It is made once, without arguments, and used by several threads."""

    #: Short name, shown in messages.
    name: str

    @abstractmethod
    def claims(self, path: Path) -> bool:
        """Say whether this reader is the one for `path`, a file or a folder below the root.

        Called for each file and folder of each scan, so it looks at names, and into folders only
        for the presence of a well-known name. A folder that is claimed is one file set: what is
        inside is not scanned.
        """

    @abstractmethod
    def open(self, path: Path, access: Access) -> ImageFile:
        """Open what `claims` accepted. `path` is resolved and inside the folder.

        Read headers and metadata only. Raise UnreadableFile with one sentence that says what is
        wrong; other exceptions of the libraries in use count as that, too.
        """

    def reopen(self, path: Path, access: Access, known: Sequence[SeriesMetadata]) -> ImageFile:
        """Open a file that told of the images `known` before, to read them.

        Raise Changed when it tells of others now, or let reading do so. A file of very many
        images need not look at all of them again.
        """
        return self.unchanged(self.open(path, access), known)

    @staticmethod
    def unchanged(file: ImageFile, known: Sequence[SeriesMetadata]) -> ImageFile:
        """Give the file; close it and raise Changed when it tells of other images."""
        if file.series != tuple(known):
            file.close()
            raise Changed("it has changed and is being read again")
        return file


def pixel_type_of(dtype: np.dtype) -> str:
    """Name OMERO's pixel type that holds the samples of `dtype` without loss where there is one.

    Booleans become uint8 with the values 0 and 1 (OMERO's own `bit` is packed, and its clients
    cannot read it); half precision becomes float; 64-bit integers become double, exact up to
    2^53. Raises UnreadableFile for complex numbers and anything else.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return "uint8"
    if dtype.kind in "ui":
        bits = dtype.itemsize * 8
        return "double" if bits == 64 else f"{'u' if dtype.kind == 'u' else ''}int{bits}"
    if dtype.kind == "f" and dtype.itemsize in (2, 4, 8):
        return "double" if dtype.itemsize == 8 else "float"
    raise UnreadableFile(f"its samples are of a kind that OMERO has no pixel type for ({dtype})")


def significant_bits_of(dtype: np.dtype, stored_bits: int | None = None) -> int | None:
    """Give how many bits carry data, where that is fewer than the pixel type has; else None."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return 1
    if dtype.kind in "ui" and stored_bits and 0 < stored_bits < dtype.itemsize * 8:
        return stored_bits
    return None


def check_series(file: ImageFile) -> None:
    """Raise UnreadableFile, and close the file, if what it tells of its images cannot be."""
    for series in file.series:
        sizes = (series.size_x, series.size_y, series.size_z, series.size_c, series.size_t)
        if min(sizes) < 1:
            problem = "an image in it is empty"
        elif series.pixel_type not in PIXEL_TYPES or len(series.channels) != series.size_c:
            problem = "its reader tells of an odd pixel type or number of channels"
        elif not series.levels or series.levels[0] != sizes[:2]:
            problem = "its reader tells of levels that do not fit its size"
        elif min(series.tile_width, series.tile_height) < 1:
            problem = "its reader tells of empty tiles"
        else:
            continue
        file.close()
        raise UnreadableFile(problem)
    if not file.series:
        file.close()
        raise UnreadableFile("it holds no image")
