"""Raw planes for a picture: from memory where they are, else from the source, within a budget."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.raw_tiles import plane_key
from render.errors import TooLarge
from render.job import MinMaxJob
from render.values import ImageInfo, PlaneIndex, Region, dtype_named

#: What is read at a time of a plane of which only a summary is kept.
_BAND_BYTES = 8 * 1024**2


def read_planes(
    call: Call, info: ImageInfo, planes: Sequence[PlaneIndex], area: SourceArea
) -> list[np.ndarray]:
    """Read one area of several planes, as (height, width) big-endian arrays not to be written to.

    Raises TooLarge above `max_raw_bytes`.
    """
    _check_bytes(call, info, len(planes), area)
    with call.steps.step("read"):
        keys = [plane_key(info, area, plane) for plane in planes]
        arrays = call.parts.raw_planes.get_many(keys)
        missing = [index for index, array in enumerate(arrays) if array is None]
        if missing:
            wanted = [planes[index] for index in missing]
            call.fetches += 1
            with call.parts.read_ahead.request_first():
                read = call.session.read_regions(
                    info, wanted, area.level, area.region, call.deadline
                )
            for index, array in zip(missing, read, strict=True):
                arrays[index] = array
            remember_planes(call, [keys[index] for index in missing], read)
    return [array for array in arrays if array is not None]


def remember_planes(call: Call, keys: Sequence[Hashable], arrays: Sequence[np.ndarray]) -> None:
    """Keep arrays in memory, unless one alone would push out most of the others."""
    most_bytes = call.settings.raw_tiles_max_bytes // 4
    call.parts.raw_planes.set_many(
        [
            (key, _on_its_own(array))
            for key, array in zip(keys, arrays, strict=True)
            if array.nbytes <= most_bytes
        ]
    )


def _on_its_own(array: np.ndarray) -> np.ndarray:
    """Give the array, or a copy of it: a view would keep all it was cut from alive, uncounted."""
    base = array.base
    whole = base is None or getattr(base, "nbytes", None) == array.nbytes
    return array if whole else array.copy()


def bytes_per_pixel(info: ImageInfo) -> int:
    """Give the bytes of one raw pixel of one channel; BadRequest where none can be read."""
    return dtype_named(info.pixel_type).itemsize


def plane_extent(call: Call, info: ImageInfo, plane: PlaneIndex) -> tuple[float, float]:
    """Give the smallest and largest value of a plane, passing over NaN."""
    ends: list[tuple[float, float]] = []
    for _, band in read_bands(call, info, plane, 0):
        ends += call.work(MinMaxJob((band,), info.pixel_type))
    return min(low for low, _ in ends), max(high for _, high in ends)


def read_sampled(
    call: Call, info: ImageInfo, plane: PlaneIndex, level: int, stride: int
) -> np.ndarray:
    """Read every `stride`-th pixel of every `stride`-th row of a plane, however large it is."""
    parts = [
        band[-first_row % stride :: stride, ::stride].copy()
        for first_row, band in read_bands(call, info, plane, level)
    ]
    return np.concatenate(parts)


def read_bands(
    call: Call, info: ImageInfo, plane: PlaneIndex, level: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Read a whole plane in bands of full width; give each with the index of its first row."""
    width, height = info.levels[level]
    rows = max(1, _BAND_BYTES // (width * bytes_per_pixel(info)))
    for first_row in range(0, height, rows):
        region = Region(0, first_row, width, min(rows, height - first_row))
        call.fetches += 1
        with call.steps.step("read"), call.parts.read_ahead.request_first():
            band = call.session.read_region(info, plane, level, region, call.deadline)
        yield first_row, band


def _check_bytes(call: Call, info: ImageInfo, planes: int, area: SourceArea) -> None:
    needed = planes * area.pixels * bytes_per_pixel(info)
    if needed > call.settings.max_raw_bytes:
        raise TooLarge(
            f"this needs {needed} bytes of raw pixels at a time; at most "
            f"{call.settings.max_raw_bytes} are allowed (setting max_raw_bytes)"
        )
