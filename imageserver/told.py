"""What files tell beside pixels, asked for when it is wanted: regions of interest, annotations."""

import logging
from collections.abc import Callable
from typing import Any

from imageserver.readers.base import UnreadableFile
from imageserver.readers.objects import AnnotationMetadata, RoiMetadata, ShapeMetadata
from imageserver.records import ImageRecord
from imageserver.remembered import Remembered

log = logging.getLogger(__name__)

#: Regions and shapes, and annotations, of all remembered files together.
MAX_SHAPES = 200_000
MAX_ANNOTATIONS = 100_000

Ask = Callable[[ImageRecord, Callable[[Any, int], Any]], Any]


class Told:
    """Asks files, and remembers what those asked last said; any thread may ask.

    `ask` puts a question to the file of an image.
    """

    def __init__(self, ask: Ask, max_shapes: int = MAX_SHAPES) -> None:
        self._ask = ask
        self._rois: Remembered[tuple[RoiMetadata, ...]] = Remembered(
            lambda rois: sum(1 + len(roi.shapes) for roi in rois), max_shapes
        )
        self._annotations: Remembered[tuple[AnnotationMetadata, ...]] = Remembered(
            lambda found: 1 + len(found), MAX_ANNOTATIONS
        )

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        """Give the regions of an image; none when its file cannot be read, with a warning."""
        if image.problem or not image.has_rois:
            return ()
        return self._from_file(
            self._rois, (image.id, image.version), image, lambda file, number: file.rois(number)
        )

    def annotations(self, image: ImageRecord) -> tuple[AnnotationMetadata, ...]:
        """Give all annotations in the file of an image; none when it cannot be read."""
        if image.problem:
            return ()
        key = (image.fileset_id, image.version)
        return self._from_file(
            self._annotations, key, image, lambda file, number: file.annotations()
        )

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        """Give the bits of a mask. Raises UnreadableFile."""
        if shape.label is None:
            return shape.values.get("bytes", b"")
        return self._ask(image, lambda file, number: file.mask(number, shape))

    def _from_file(
        self,
        known: Remembered[tuple[Any, ...]],
        key: tuple[int, int],
        image: ImageRecord,
        question: Callable[[Any, int], tuple[Any, ...]],
    ) -> tuple[Any, ...]:
        try:
            return known.get(key, lambda: self._ask(image, question))
        except (UnreadableFile, OSError) as error:
            log.warning("what %s tells cannot be read: %s", image.name, error)
            return ()
