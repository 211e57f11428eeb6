"""Pixels of an image at any resolution level, whichever file they come from."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from imageserver.readers.base import PIXEL_TYPES, ImageFile, UnreadableFile

#: Image files that stay open although nobody reads them at the moment.
MAX_OPEN_FILES = 32


#: Which file set or pyramid (its id), and which version or level of it.
Key = tuple[int | str, int]


class OpenFiles:
    """Opened image files by key; the longest unused ones are closed, never one that is read."""

    def __init__(
        self, on_close: Callable[[ImageFile], None], max_open: int = MAX_OPEN_FILES
    ) -> None:
        """`on_close` gets each file that is closed, after that."""
        self._on_close = on_close
        self._max_open = max_open
        self._lock = threading.Lock()
        self._open: OrderedDict[Key, _Opened] = OrderedDict()

    @contextmanager
    def lease(self, key: Key, open_file: Callable[[], ImageFile]) -> Iterator[ImageFile]:
        """Give the file of that key, opened by `open_file` if it is not open; any thread."""
        with self._lock:
            opened = self._open.setdefault(key, _Opened())
            self._open.move_to_end(key)
            opened.users += 1
        try:
            with opened.opening:
                if opened.file is None:
                    opened.file = open_file()
            yield opened.file
        finally:
            with self._lock:
                opened.users -= 1
                if opened.file is None and opened.users == 0 and self._open.get(key) is opened:
                    del self._open[key]
                closing = self._retire_excess()
                if opened.retired and opened.users == 0 and opened.file is not None:
                    closing.append(opened.file)
            self._close(closing)

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Close the files whose key is unwanted; those being read are closed after that."""
        with self._lock:
            closing = []
            for key in [key for key in self._open if unwanted(key)]:
                opened = self._open.pop(key)
                opened.retired = True
                if opened.users == 0 and opened.file is not None:
                    closing.append(opened.file)
        self._close(closing)

    def close(self) -> None:
        """Close all."""
        self.drop(lambda key: True)

    def __len__(self) -> int:
        return len(self._open)

    def _close(self, files: list[ImageFile]) -> None:
        for file in files:
            file.close()
            self._on_close(file)

    def _retire_excess(self) -> list[ImageFile]:
        closing = []
        for key, opened in list(self._open.items()):
            if len(self._open) <= self._max_open:
                break
            if opened.users == 0:
                del self._open[key]
                if opened.file is not None:
                    closing.append(opened.file)
        return closing


class _Opened:
    __slots__ = ("file", "opening", "retired", "users")

    def __init__(self) -> None:
        self.file: ImageFile | None = None
        self.opening = threading.Lock()
        self.users = 0
        self.retired = False


#: Opens (or finds open) the file of a level and reads: (level, z, c, t, x, y, width, height).
LevelRead = Callable[[int, int, int, int, int, int, int, int], np.ndarray]


class PixelBuffer:
    """The pixels of one image as OMERO gives them; made cheaply, used by any number of threads.

    `levels` holds (width, height), index 0 is full size. `tile_size` is (width, height).
    `sizes` is (size_z, size_c, size_t). It stays valid when the file changes: reading then
    raises UnreadableFile, and a buffer opened anew knows the new pixels.
    """

    def __init__(
        self,
        pixel_type: str,
        sizes: tuple[int, int, int],
        levels: tuple[tuple[int, int], ...],
        tile_size: tuple[int, int],
        read: LevelRead,
    ) -> None:
        self.pixel_type = pixel_type
        self.sizes = sizes
        self.levels = levels
        self.tile_size = tile_size
        self.dtype = PIXEL_TYPES[pixel_type]
        self._read = read

    def read(
        self, level: int, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> np.ndarray:
        """Read a rectangle of one plane: (height, width), big-endian, contiguous.

        Raises IndexError for a level, plane or rectangle that does not lie wholly inside, and
        UnreadableFile when the file is damaged, changed or gone.
        """
        size_z, size_c, size_t = self.sizes
        if not 0 <= level < len(self.levels):
            raise IndexError(f"level {level} does not exist; there are {len(self.levels)}")
        for name, value, size in (("z", z, size_z), ("c", c, size_c), ("t", t, size_t)):
            if not 0 <= value < size:
                raise IndexError(f"{name} = {value} does not exist; there are {size}")
        level_width, level_height = self.levels[level]
        if not (0 <= x < x + width <= level_width and 0 <= y < y + height <= level_height):
            raise IndexError(
                f"rectangle {x},{y},{width},{height} is not inside level {level}, "
                f"which is {level_width} x {level_height}"
            )
        try:
            block = self._read(level, z, c, t, x, y, width, height)
        except UnreadableFile:
            raise
        except OSError as error:
            raise UnreadableFile(f"its file cannot be read now ({error.strerror})") from error
        except Exception as error:
            # Damaged files make the libraries fail in ways that nobody can list.
            raise UnreadableFile(f"reading it failed ({type(error).__name__})") from error
        return np.ascontiguousarray(block, dtype=self.dtype)

    def close(self) -> None:
        """Nothing is held: files are opened and closed as they are read."""
