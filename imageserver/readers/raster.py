"""PNG and JPEG: one image of 8 or 16 bits, its samples as channels, no metadata of a microscope.

The whole picture is decoded to read a part of it, once for all its tiles while it is kept.
"""

import warnings
from math import prod
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from imageserver.readers.base import (
    MAX_SEGMENT_BYTES,
    Access,
    ChannelMetadata,
    ImageFile,
    Reader,
    SeriesMetadata,
    UnreadableFile,
)

EXTENSIONS = (".png", ".jpg", ".jpeg")

_RED = ChannelMetadata(name="Red", color=(255, 0, 0, 255))
_GREEN = ChannelMetadata(name="Green", color=(0, 255, 0, 255))
_BLUE = ChannelMetadata(name="Blue", color=(0, 0, 255, 255))
# White and black, so that a grey picture with transparency shows its grey.
_GREY = ChannelMetadata(name="Grey", color=(255, 255, 255, 255))
_ALPHA = ChannelMetadata(name="Alpha", color=(0, 0, 0, 255))

_CHANNELS = {
    1: (_GREY,),
    2: (_GREY, _ALPHA),
    3: (_RED, _GREEN, _BLUE),
    4: (_RED, _GREEN, _BLUE, _ALPHA),
}

#: Samples per pixel of each colour type of a PNG's header; a palette decodes to its colours.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}

# Sizes are bounded here, more tightly than where Pillow begins to warn.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class RasterReader(Reader):
    """Opens PNG and JPEG files."""

    name = "PNG and JPEG"

    def claims(self, path: Path) -> bool:
        """Take files by their ending."""
        return path.suffix.lower() in EXTENSIONS and path.is_file()

    def open(self, path: Path, access: Access) -> ImageFile:
        """Read the header only."""
        return RasterImageFile(path, access)


class RasterImageFile(ImageFile):
    """One picture."""

    def __init__(self, path: Path, access: Access) -> None:
        super().__init__()
        self._path = path
        self._access = access
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                self._format = picture.format
                width, height = picture.size
                if self._format == "PNG":
                    bit_depth, samples = _png_header(path)
                    samples += samples in (1, 3) and "transparency" in picture.info
                else:
                    bit_depth, samples = 8, 1 if picture.mode == "L" else 3
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
            raise UnreadableFile(
                f"it is not a PNG or JPEG that can be read ({error!s:.120})"
            ) from (error)
        self._dtype = np.dtype("u2" if bit_depth == 16 else "u1")
        self._shape = (height, width, samples)
        if prod(self._shape) * self._dtype.itemsize > MAX_SEGMENT_BYTES:
            raise UnreadableFile(
                f"it has {width} x {height} pixels, too many for a format that is decoded whole"
            )
        self.paths = (path,)
        self.series = (
            SeriesMetadata(
                name="",
                pixel_type="uint16" if bit_depth == 16 else "uint8",
                size_x=width,
                size_y=height,
                size_z=1,
                size_c=samples,
                size_t=1,
                levels=((width, height),),
                tile_width=min(width, 1024),
                tile_height=min(height, 1024),
                channels=_CHANNELS[samples],
            ),
        )

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
        """Cut the rectangle out of the decoded picture."""
        picture = self._access.segment((self.token, 0), self._decode)
        return picture[y : y + height, x : x + width, c]

    def _decode(self) -> np.ndarray:
        with self._access.segments.one_at_a_time(prod(self._shape) * self._dtype.itemsize):
            try:
                if self._format == "PNG":
                    size = self._path.stat().st_size
                    data = self._access.read_bytes(self._path, 0, size)
                    picture = imagecodecs.png_decode(data)
                else:
                    with Image.open(self._path, formats=("JPEG",)) as opened:
                        plain = opened if opened.mode in ("L", "RGB") else opened.convert("RGB")
                        picture = np.asarray(plain)
            except Exception as error:
                raise UnreadableFile(f"its pixels cannot be decoded ({error!s:.120})") from error
        picture = picture.reshape(*picture.shape[:2], -1)
        if picture.shape != self._shape:
            raise UnreadableFile(f"its pixels decode to {picture.shape}, not to {self._shape}")
        return picture.astype(self._dtype, copy=False)

    def close(self) -> None:
        """Nothing is held open."""


def _png_header(path: Path) -> tuple[int, int]:
    """Give bits per sample and samples per pixel; Pillow tells neither for all kinds."""
    with path.open("rb") as file:
        header = file.read(26)
    return header[24], _PNG_SAMPLES[header[25]]
