"""A folder of OME-Zarr: pixels, regions and masks of its images, whichever way they are found."""

import logging
from abc import abstractmethod
from math import prod
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from imageserver.readers import ome_xml
from imageserver.readers.base import Access, ImageFile, UnreadableFile
from imageserver.readers.objects import RoiMetadata, ShapeMetadata
from imageserver.readers.ome_regions import regions
from imageserver.readers.zarr_images import MALFORMED, OpenImage
from imageserver.readers.zarr_labels import (
    LabelImage,
    LabelRead,
    label_names,
    mask_of,
    open_label_image,
    regions_of,
)
from imageserver.readers.zarr_parts import Level

log = logging.getLogger(__name__)

#: Where bioformats2raw writes the OME-XML.
XML = Path("OME", "METADATA.ome.xml")


class ZarrFolder(ImageFile):
    """An opened OME-Zarr; `paths` is the folder itself alone. Nothing is held open."""

    def __init__(self, path: Path, access: Access) -> None:
        super().__init__()
        self._access = access
        self.paths = (path,)

    @abstractmethod
    def image(self, series: int) -> OpenImage:
        """Give one of the images, opened. Raises UnreadableFile."""

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
        """Decode only the chunks under the rectangle."""
        source = self.image(series).levels[level]
        return self._read(source, (series, level), z, c, t, x, y, width, height)

    def _read(
        self,
        source: Level,
        level_key: tuple[int, int | str],
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        index = source.axes.index(z, c, t)
        chunks = source.array.chunks
        tall, wide = chunks[source.axes.y], chunks[source.axes.x]
        block = np.empty((height, width), source.array.dtype)
        for row in range(y // tall, -(-(y + height) // tall)):
            y0, y1 = max(y, row * tall), min(y + height, (row + 1) * tall)
            for column in range(x // wide, -(-(x + width) // wide)):
                x0, x1 = max(x, column * wide), min(x + width, (column + 1) * wide)
                position = list(index)
                position[source.axes.y], position[source.axes.x] = row * tall, column * wide
                chunk = self._chunk(source, level_key, position)
                within = [i % size for i, size in zip(position, chunks, strict=True)]
                cut: list[Any] = list(within)
                cut[source.axes.y] = slice(y0 - row * tall, y1 - row * tall)
                cut[source.axes.x] = slice(x0 - column * wide, x1 - column * wide)
                part = chunk[tuple(cut)]
                if source.axes.x < source.axes.y:
                    part = part.T
                block[y0 - y : y1 - y, x0 - x : x1 - x] = part
        return block

    def _chunk(
        self, source: Level, level_key: tuple[int, int | str], position: list[int]
    ) -> np.ndarray:
        array = source.array
        corner = tuple(i // size * size for i, size in zip(position, array.chunks, strict=True))
        size_bytes = prod(array.chunks) * array.dtype.itemsize

        def decode() -> np.ndarray:
            whole = tuple(
                slice(start, min(start + size, end))
                for start, size, end in zip(corner, array.chunks, array.shape, strict=True)
            )
            with self._access.segments.one_at_a_time(size_bytes):
                try:
                    return np.ascontiguousarray(array[whole])
                except UnreadableFile:
                    raise
                except Exception as error:
                    raise UnreadableFile(f"a chunk cannot be decoded ({error!s:.120})") from error

        return self._access.segment((self.token, level_key, corner), decode)

    def rois(self, series: int) -> tuple[RoiMetadata, ...]:
        """Read those of the OME-XML; make one of each label, with a mask for each of its planes."""
        opened = self.image(series)
        full, ome = opened.levels[0], opened.described
        found: list[RoiMetadata] = []
        if ome is not None and ome.roi_ids:
            found += regions(self.xml(), ome.roi_ids)
        for name in label_names(opened.group):
            try:
                image = open_label_image(opened.group, name, full)
                found += regions_of(image, full, self._reader_of(series, image), found)
            except MALFORMED as error:
                log.warning("labels %s of %s are left out: %s", name, self.paths[0].name, error)
        return tuple(found)

    def mask(self, series: int, shape: ShapeMetadata) -> bytes:
        """Read the rectangle of a mask in its label image."""
        if shape.label is None:
            raise UnreadableFile("the shape comes from no label")
        opened = self.image(series)
        image = open_label_image(opened.group, shape.label.image, opened.levels[0])
        return mask_of(shape, self._reader_of(series, image))

    def _reader_of(self, series: int, image: LabelImage) -> LabelRead:
        def read(z: int, t: int, x: int, y: int, width: int, height: int) -> np.ndarray:
            key = (series, image.name)
            return self._read(image.level, key, z, 0, t, x, y, width, height)

        return read

    def xml(self) -> Element:
        """Read the OME-XML."""
        return read_xml(self.paths[0], self._access)

    def close(self) -> None:
        """Nothing is held open."""


def read_xml(path: Path, access: Access) -> Element:
    """Read the OME-XML in a folder."""
    return ome_xml.parse(access.resolve(path / XML).read_text("utf-8"))
