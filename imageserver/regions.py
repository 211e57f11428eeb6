"""Regions of interest of images, read from their files when somebody asks, and remembered."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from imageserver.readers.base import UnreadableFile
from imageserver.readers.objects import RoiMetadata, ShapeMetadata
from imageserver.records import ImageRecord

log = logging.getLogger(__name__)

#: Regions and shapes of all remembered images together.
MAX_SHAPES = 200_000

_Key = tuple[int, int]
Ask = Callable[[ImageRecord, Callable[[Any, int], Any]], Any]


class Regions:
    """What files say about regions; any thread may ask.

    `ask` puts a question to the file of an image. The images used last are remembered, as many as
    have MAX_SHAPES regions and shapes; an image is read once, however many ask for it
    at the same time.
    """

    def __init__(self, ask: Ask, max_shapes: int = MAX_SHAPES) -> None:
        self._ask = ask
        self._max_shapes = max_shapes
        self._lock = threading.Lock()
        self._reading: dict[_Key, threading.Lock] = {}
        self._known: OrderedDict[_Key, tuple[RoiMetadata, ...]] = OrderedDict()
        self._shapes = 0

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        """Give the regions of an image; none when its file cannot be read, with a warning."""
        if image.problem or not image.has_rois:
            return ()
        key = (image.id, image.version)
        with self._lock:
            known = self._find(key)
            if known is not None:
                return known
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                known = self._find(key)
            if known is not None:
                return known
            try:
                found = self._ask(image, lambda file, number: file.rois(number))
            except (UnreadableFile, OSError) as error:
                log.warning("regions of %s cannot be read: %s", image.name, error)
                return ()
            finally:
                with self._lock:
                    self._reading.pop(key, None)
            with self._lock:
                self._keep(key, found)
        return found

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        """Give the bits of a mask. Raises UnreadableFile."""
        if shape.label is None:
            return shape.values.get("bytes", b"")
        return self._ask(image, lambda file, number: file.mask(number, shape))

    def _find(self, key: _Key) -> tuple[RoiMetadata, ...] | None:
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def _keep(self, key: _Key, rois: tuple[RoiMetadata, ...]) -> None:
        self._shapes += _weight(rois) - _weight(self._known.get(key, ()))
        self._known[key] = rois
        while self._shapes > self._max_shapes and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self._shapes -= _weight(dropped)


def _weight(rois: tuple[RoiMetadata, ...]) -> int:
    return sum(1 + len(roi.shapes) for roi in rois)
