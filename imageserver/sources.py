"""From an image's record to its pixels: which file, which of its images, which reduced level."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from imageserver.index import IndexedFileset
from imageserver.listing import Listing
from imageserver.pixels import OpenFiles, PixelBuffer
from imageserver.pyramids import PyramidStore, plane_number
from imageserver.readers import reader_for
from imageserver.readers.base import Access, Changed, ImageFile, Reader, UnreadableFile
from imageserver.records import ImageRecord

Answer = TypeVar("Answer")


class Sources:
    """Opens what is listed; few files at a time, however many buffers are about."""

    def __init__(
        self,
        access: Access,
        listing: Listing,
        pyramids: PyramidStore,
        readers: Sequence[Reader],
        on_changed: Callable[[str], None] = lambda path: None,
    ) -> None:
        """`on_changed` gets the path of a file set that is not any more as it is listed."""
        self._access = access
        self._listing = listing
        self._pyramids = pyramids
        self._readers = readers
        self._on_changed = on_changed
        self._open_files = OpenFiles(lambda file: access.segments.drop(file.token))
        pyramids.on_removed = lambda key: self._open_files.drop(lambda k: k[0] == key)

    def buffer(self, record: ImageRecord) -> PixelBuffer:
        """Give the pixels of a readable image, as they are listed in `record`."""
        place = self._listing.place(record.id)
        if place is None:
            raise UnreadableFile("it is not there any more")
        fileset, number = place
        native = len(fileset.series[number].levels)
        sizes = (record.size_z, record.size_c, record.size_t)
        key = pyramid_key(record.pixels_id, record.version)

        def read(
            level: int, z: int, c: int, t: int, x: int, y: int, width: int, height: int
        ) -> np.ndarray:
            if level < native:
                with self._opened(fileset) as file:
                    return file.read(number, level, z, c, t, x, y, width, height)
            self._pyramids.touch(key)
            try:
                with self._open_files.lease(
                    (key, level), lambda: self._pyramids.open(key, level - native)
                ) as file:
                    plane = plane_number(sizes, z, c, t)
                    return file.read(0, 0, 0, 0, plane, x, y, width, height)
            except UnreadableFile:
                if not self._pyramids.levels(key):
                    self._listing.refresh(record.id)
                raise

        return PixelBuffer(
            record.pixel_type, sizes, record.levels, (record.tile_width, record.tile_height), read
        )

    def ask(self, record: ImageRecord, question: Callable[[ImageFile, int], Answer]) -> Answer:
        """Put a question to the file of an image, with the image's number in it.

        Raises UnreadableFile when the file cannot be read.
        """
        place = self._listing.place(record.id)
        if place is None:
            raise UnreadableFile("it is not there any more")
        fileset, number = place
        with self._opened(fileset) as file:
            return question(file, number)

    def forget(self, filesets: Sequence[IndexedFileset]) -> None:
        """Close the files of file sets that changed or went."""
        ids = {fileset.id for fileset in filesets}
        self._open_files.drop(lambda key: key[0] in ids)
        for fileset in filesets:
            for path in fileset.paths:
                self._access.descriptors.forget(self._access.folder / path)

    def close(self) -> None:
        """Close all files."""
        self._open_files.close()

    @contextmanager
    def _opened(self, fileset: IndexedFileset) -> Iterator[ImageFile]:
        key = (fileset.id, fileset.version)
        try:
            with self._open_files.lease(key, lambda: self._open(fileset)) as file:
                yield file
        except Changed:
            self._on_changed(fileset.path)
            raise

    def _open(self, fileset: IndexedFileset) -> ImageFile:
        path = self._access.folder / fileset.path
        reader = reader_for(path, self._readers)
        if reader is None:
            raise UnreadableFile("it is not there any more")
        resolved = self._access.resolve(path)
        if path.is_dir():
            self._access.descriptors.forget_below(resolved)
        else:
            for member in fileset.paths:
                self._access.descriptors.forget(
                    Path(os.path.realpath(self._access.folder / member))
                )
        return reader.reopen(resolved, self._access, fileset.series)


def pyramid_key(pixels_id: int, version: int) -> str:
    """Name the reduced levels of one version of an image."""
    return f"{pixels_id}-{version}"
