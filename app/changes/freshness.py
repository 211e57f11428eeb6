"""Tells all processes of a host at once that the stored settings of an image have changed.

A small file that every process maps holds a number for each image (several images may share one).
Who changes settings writes another number, and what is remembered of the image under the old one
is not found any more. Looking takes well under a microsecond, and no lock.
"""

import secrets
from collections.abc import Iterable
from pathlib import Path

from app.changes.shared_words import map_words

_IMAGES = 1 << 14
_WITHOUT = "other processes learn of saved settings only after image_info_max_age_s"

Generation = tuple[int, int]


class Freshness:
    """Generations of images. Without a usable file this process has numbers of its own."""

    def __init__(self, path: Path) -> None:
        # The first number is for all images.
        self._map = map_words(path, 1 + _IMAGES, _WITHOUT)
        self._words = memoryview(self._map).cast("Q")

    def generation(self, image_id: int) -> Generation:
        """Give what stays the same until settings of the image, or of all images, change.

        Take it before asking the server: what is learnt after that is at least as new.
        """
        words = self._words
        return words[0], words[1 + image_id % _IMAGES]

    def touch(self, image_ids: Iterable[int]) -> None:
        """Outdate what any process remembers of these images."""
        for image_id in image_ids:
            self._words[1 + image_id % _IMAGES] = secrets.randbits(64)

    def touch_all(self) -> None:
        """Outdate what any process remembers of any image."""
        self._words[0] = secrets.randbits(64)

    def close(self) -> None:
        """Let go of the file."""
        self._words.release()
        self._map.close()
