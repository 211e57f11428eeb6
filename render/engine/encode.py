"""From a picture to the bytes of a file, and from a plane to the bytes of an array.

JPEG goes through libjpeg-turbo with the quantisation tables that OMERO's encoder uses. Those are
not always the ones of an integer quality (0.85, the default, is the best-known exception), so
they are always handed over explicitly. TurboJPEG's own interface would be a little faster, but
takes an integer quality only, and rounds differently below 96.
"""

import io
import math
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from render.errors import BadRequest, TooLarge
from render.values import Encoding

CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "tif": "image/tiff",
}

ARRAY_CONTENT_TYPES = {"npy": "application/x-npy", "raw": "application/octet-stream"}

#: Longest side that each format can hold, in pixels; libpng's own limit for PNG.
_LONGEST_SIDE = {"jpeg": 65535, "png": 1_000_000, "webp": 16383, "avif": 65535, "gif": 65535}

#: Speed before size: run-length matching and one fixed filter are about three times as fast as
#: zlib's level 1, and on microscopy pictures the files come out smaller.
_PNG = {"level": 1, "strategy": 3, "filter": 0x10}

_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)


def available_formats() -> tuple[str, ...]:
    """Name the picture formats that this installation can write."""
    return tuple(name for name in CONTENT_TYPES if name != "avif" or features.check("avif"))


def encode(picture: NDArray[np.uint8], encoding: Encoding) -> bytes:
    """Encode a picture, (height, width, 3 or 4) uint8; a fourth part is left out.

    Raises BadRequest for a format or quality that cannot be, TooLarge for a side that the
    format cannot hold.
    """
    if encoding.format not in available_formats():
        raise BadRequest(
            f"format '{encoding.format}' is not offered; the formats are "
            f"{', '.join(available_formats())}",
            parameter="format",
        )
    height, width = picture.shape[:2]
    check_sides(encoding.format, width, height, instead=("png", "tif"))
    if encoding.format == "jpeg":
        return _jpeg(picture, encoding.quality)
    # A copy even where numpy calls it contiguous: of a side of 1 it keeps the stride of four bytes,
    # which the PNG encoder refuses.
    colors = picture[..., :3].copy()
    if encoding.format == "png":
        return bytes(imagecodecs.png_encode(colors, **_PNG))
    image = Image.frombuffer("RGB", (width, height), colors, "raw", "RGB", 0, 1)
    if encoding.format == "tif":
        return save_image(image, "TIFF")
    # Both encoders have slower settings that save some bytes; a tile is worth milliseconds only.
    percent = round(100 * _checked_quality(encoding.quality))
    if encoding.format == "webp":
        return save_image(image, "WEBP", quality=percent, method=0)
    return save_image(image, "AVIF", quality=percent, speed=10)


def check_sides(name: str, width: int, height: int, instead: Sequence[str] = ()) -> None:
    """Raise TooLarge for a side that a format cannot hold, naming those of `instead` that can."""
    longest = max(width, height)
    limit = _LONGEST_SIDE.get(name, longest)
    if longest <= limit:
        return
    others = [
        f"format={other}" for other in instead if longest <= _LONGEST_SIDE.get(other, longest)
    ]
    advice = f"; {' or '.join(others)} can hold it" if others else ""
    raise TooLarge(
        f"{name} holds at most {limit} pixels per side, and the picture is {width} x {height}"
        f"{advice}"
    )


def encode_transparent(picture: NDArray[np.uint8]) -> bytes:
    """Write a picture with its alpha, (height, width, 4) uint8, as PNG; TooLarge as `encode`."""
    height, width = picture.shape[:2]
    check_sides("png", width, height)
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture), **_PNG))


def encode_array(plane: NDArray, name: str) -> bytes:
    """Write a plane in its own type: `npy` (numpy's file) or `raw` (its bytes as they are)."""
    if name == "raw":
        return plane.tobytes()
    if name == "npy":
        file = io.BytesIO()
        np.save(file, plane, allow_pickle=False)
        return file.getvalue()
    raise BadRequest(
        f"array format '{name}' is not offered; the formats are {', '.join(ARRAY_CONTENT_TYPES)}",
        parameter="format",
    )


@lru_cache(maxsize=256)
def quantization_tables(quality: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the luminance and chrominance tables of a quality of 0 to 1, 64 numbers each, by rows.

    In single precision, as OMERO's encoder works them out. Raises BadRequest outside 0 to 1.
    """
    value = np.float32(_checked_quality(quality))
    value = np.float32(0.01) if value == 0 else value
    one_half, two = np.float32(0.5), np.float32(2)
    scale = one_half / value if value < one_half else two - two * value
    luminance, chrominance = (
        np.clip(np.trunc(np.array(table, np.float32).ravel() * scale + one_half), 1, 255)
        for table in (_LUMINANCE, _CHROMINANCE)
    )
    return tuple(map(int, luminance)), tuple(map(int, chrominance))


def _jpeg(picture: NDArray[np.uint8], quality: float) -> bytes:
    luminance, chrominance = quantization_tables(quality)
    height, width, parts = picture.shape
    # Pictures of four bytes a pixel are handed over without a copy.
    mode = "RGBX" if parts == 4 else "RGB"
    pixels = np.ascontiguousarray(picture)
    image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    return save_image(
        image, "JPEG", qtables=[list(luminance), list(chrominance)], subsampling="4:2:0"
    )


def save_image(image: Image.Image, name: str, **options: Any) -> bytes:
    """Write a picture in one of Pillow's formats, letting other threads run meanwhile."""
    if not hasattr(os, "memfd_create"):
        memory = io.BytesIO()
        image.save(memory, name, **options)
        return memory.getvalue()
    # Pillow gives the interpreter lock back only while it writes to a true file; this one lives
    # in memory all the same.
    with os.fdopen(os.memfd_create("picture"), "w+b", buffering=0) as file:
        image.save(file, name, **options)
        file.seek(0)
        return file.readall()


def _checked_quality(quality: float) -> float:
    if math.isnan(quality) or not 0 <= quality <= 1:
        raise BadRequest(f"quality must lie between 0 and 1, not {quality:g}", parameter="q")
    return quality
