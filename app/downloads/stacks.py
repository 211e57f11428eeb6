"""What is exported of an image, in its own pixel type, and the file that holds it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.keys import digest, stack_text
from app.imaging.levels import whole_level
from render.engine.cuts import Grid
from render.engine.npy_layout import NpyLayout
from render.errors import TooLarge
from render.values import DTYPES, ImageInfo, PlaneIndex


class FileLayout(Protocol):
    """A file whose beginning and whose pixels' places are known before a pixel is read."""

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def levels(self) -> tuple[Grid, ...]: ...

    @property
    def head_bytes(self) -> int: ...

    @property
    def telling_bytes(self) -> int: ...

    @property
    def size_bytes(self) -> int: ...

    def head(self, begin: int, end: int) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Stack:
    """Planes of an image: the same areas, one for each level, the largest first, of each of them.

    Planes are in the order XYZCT: z-sections are next to each other.
    """

    info: ImageInfo
    areas: tuple[SourceArea, ...]
    sections: range
    timepoints: range
    channels: tuple[int, ...]

    @property
    def planes(self) -> int:
        """Number of planes."""
        return len(self.sections) * len(self.channels) * len(self.timepoints)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes of the axes t, c, z, y, x at the largest level."""
        region = self.areas[0].region
        counts = len(self.timepoints), len(self.channels), len(self.sections)
        return (*counts, region.height, region.width)

    def plane(self, number: int) -> PlaneIndex:
        """Give a plane by its number in the file."""
        rest, z = divmod(number, len(self.sections))
        t, c = divmod(rest, len(self.channels))
        return PlaneIndex(self.sections[z], self.channels[c], self.timepoints[t])


def whole_stack(info: ImageInfo) -> Stack:
    """Give all of an image, with its smaller levels."""
    return Stack(
        info,
        tuple(whole_level(info, level) for level in range(len(info.levels))),
        range(info.size_z),
        range(info.size_t),
        tuple(range(info.size_c)),
    )


def npy_layout(stack: Stack) -> NpyLayout:
    """Lay out numpy's file of a stack at its largest level, with the axes t, c, z, y, x."""
    return NpyLayout(stack.shape, np.dtype(DTYPES[stack.info.pixel_type]))


def stack_headers(stack: Stack) -> list[tuple[str, str]]:
    """Tell type, byte order, and shape by the axes t, c, z, y, x, with the channels from 1."""
    return [
        ("X-Pixel-Type", stack.info.pixel_type),
        ("X-Byte-Order", "big-endian"),
        ("X-Shape", ",".join(map(str, stack.shape))),
        ("X-Channels", ",".join(str(index + 1) for index in stack.channels)),
    ]


def check_size(call: Call, layouts: Sequence[FileLayout]) -> None:
    """Raise TooLarge when files together are larger than what may be exported at a time."""
    total, most = sum(layout.size_bytes for layout in layouts), call.settings.max_export_bytes
    if total > most:
        raise TooLarge(
            f"the export has {total} bytes; at most {most} are allowed (setting max_export_bytes)"
        )


def file_etag(call: Call, stack: Stack, layout: FileLayout) -> str:
    """Give a strong validator: files with the same one are equal byte for byte."""
    told = hashlib.blake2b(digest_size=16)
    for content in layout.head(0, layout.telling_bytes):
        told.update(content)
    planes = [stack.plane(0), stack.plane(stack.planes - 1)]
    text = stack_text(
        call.parts.source_name, stack.info, stack.areas, planes, stack.channels, told.hexdigest()
    )
    return digest(text)
