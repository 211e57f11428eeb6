"""Images as large as one likes in little room: their tiles are the same few blocks again and again.

A TIFF says of each tile where in the file it lies; nothing forbids that many lie in one place.
What a server does for a tile is all there (finding it among all the others, reading, sending), but
for the disk, which these files leave out: their blocks stay in the system's memory.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.pyramids import SAMPLES, TILE

BLOCKS = 64
_BLOCK_BYTES = TILE * TILE * 2
_SHORT, _LONG, _ASCII, _LONG8, _IFD8 = 3, 4, 2, 16, 18
_FORMATS = {_SHORT: "H", _LONG: "I", _LONG8: "Q", _IFD8: "Q"}
_IMAGE_DESCRIPTION, _SUB_IFDS = 270, 330


@dataclass(frozen=True)
class Size:
    """What an image is like: pixels of a side, and number of channels of 16 bits."""

    side: int
    channels: int = 3

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"{self.side}-{self.channels}.ome.tif"

    @property
    def level_sides(self) -> list[int]:
        """Sides of the levels, halved down to one tile."""
        sides = [self.side]
        while sides[-1] > TILE:
            sides.append(-(-sides[-1] // 2))
        return sides


def make(folder: Path, size: Size) -> Path:
    """Write an image of this size if it is missing in `folder`; give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / size.name
    if not path.exists():
        part = path.with_suffix(".part")
        _write(part, size)
        part.rename(path)
    return path


def _write(path: Path, size: Size) -> None:
    """Write a BigTIFF: the blocks, then the levels of each channel's plane, then its main entry."""
    chance = np.random.default_rng(size.side)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        first_block = file.tell()
        for block in _blocks():
            file.write(block)
        link = 8
        for channel in range(size.channels):
            directories = []
            for level, side in enumerate(size.level_sides):
                count = (-(-side // TILE)) ** 2
                chosen = first_block + chance.integers(0, BLOCKS, count) * _BLOCK_BYTES
                tags = _tags(side, chosen, is_reduced=level > 0)
                if level == 0 and channel == 0:
                    tags[_IMAGE_DESCRIPTION] = (_ASCII, _ome_xml(size).encode() + b"\0")
                directories.append(tags)
            full, *reduced = directories
            full[_SUB_IFDS] = (_IFD8, [_write_directory(file, tags)[0] for tags in reduced])
            if not reduced:
                del full[_SUB_IFDS]
            here, next_link = _write_directory(file, full)
            # What came before ends with where this one lies.
            file.seek(link)
            file.write(struct.pack("<Q", here))
            file.seek(0, 2)
            link = next_link


def _blocks() -> list[bytes]:
    """Cut blocks out of the worms, anywhere, going on at the other side."""
    planes = tifffile.imread(SAMPLES / "worms.ome.tif")
    chance = np.random.default_rng(1)
    blocks = []
    for _ in range(BLOCKS):
        plane = planes[chance.integers(len(planes))]
        y, x = (np.arange(TILE) + chance.integers(side) for side in plane.shape)
        block = plane.take(y, 0, mode="wrap").take(x, 1, mode="wrap")
        blocks.append(block.astype("<u2").tobytes())
    return blocks


def _tags(side: int, offsets: np.ndarray, *, is_reduced: bool) -> dict[int, tuple[int, object]]:
    return {
        254: (_LONG, [int(is_reduced)]),
        256: (_LONG, [side]),
        257: (_LONG, [side]),
        258: (_SHORT, [16]),
        259: (_SHORT, [1]),
        262: (_SHORT, [1]),
        277: (_SHORT, [1]),
        322: (_LONG, [TILE]),
        323: (_LONG, [TILE]),
        324: (_LONG8, offsets.tolist()),
        325: (_LONG, [_BLOCK_BYTES] * len(offsets)),
        339: (_SHORT, [1]),
    }


def _write_directory(file, tags: dict[int, tuple[int, object]]) -> tuple[int, int]:
    """Write a directory at the file's end; give where it lies, and where the next one is named."""
    entries = b""
    for number, (kind, values) in sorted(tags.items()):
        if kind == _ASCII:
            data, count = values, len(values)
        else:
            data, count = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values), len(values)
        if len(data) > 8:
            file.seek(-(-file.tell() // 8) * 8)
            place = struct.pack("<Q", file.tell())
            file.write(data)
        else:
            place = data.ljust(8, b"\0")
        entries += struct.pack("<HHQ", number, kind, count) + place
    file.seek(-(-file.tell() // 8) * 8)
    here = file.tell()
    file.write(struct.pack("<Q", len(tags)) + entries)
    next_link = file.tell()
    file.write(bytes(8))
    return here, next_link


def _ome_xml(size: Size) -> str:
    channels = "".join(
        f'<Channel ID="Channel:0:{c}" Name="c{c + 1}" SamplesPerPixel="1"/>'
        for c in range(size.channels)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0" Name="{size.name}"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        f'Type="uint16" SizeX="{size.side}" SizeY="{size.side}" SizeC="{size.channels}" '
        f'SizeZ="1" SizeT="1" BigEndian="false">{channels}<TiffData/></Pixels></Image></OME>'
    )
