"""Raw planes in two tiers: arrays in this process's memory, bytes in that of all its workers."""

import struct
from collections.abc import Hashable, Sequence

import numpy as np

from app.imaging.areas import SourceArea
from cache.figures import CacheFigures
from cache.memory import MemoryCache, MemoryStats
from cache.shared_memory import SharedMemory
from render.values import ImageInfo, PlaneIndex

#: Before each array's bytes: type as numpy writes it, height, width; 16 bytes keep it aligned.
_SHAPE = struct.Struct("<8sII")


def plane_key(info: ImageInfo, area: SourceArea, plane: PlaneIndex) -> str:
    """Give the key of an area of a plane as it comes from the source."""
    region = area.region
    return (
        f"{info.pixels_id} z {plane.z} c {plane.c} t {plane.t} level {area.level} region "
        f"{region.x} {region.y} {region.width} {region.height} version {info.pixels_version}"
    )


class RawTiles:
    """Two-dimensional arrays by key, not to be written to, least recently used out first.

    A new window, colour or lookup table finds them here, whichever worker is asked. `source_name`
    tells one server's planes from those of another in the shared memory.
    """

    def __init__(
        self, max_bytes: int, shared: SharedMemory | None = None, source_name: str = ""
    ) -> None:
        self._source_name = source_name
        self._own: MemoryCache[np.ndarray] = MemoryCache(max_bytes)
        self._shared = shared

    def get(self, key: Hashable) -> np.ndarray | None:
        """Give the array, (height, width), or None."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[Hashable]) -> list[np.ndarray | None]:
        """Give the array of each key, or None."""
        arrays = [self._own.get(key) for key in keys]
        missing = [index for index, array in enumerate(arrays) if array is None]
        if missing and self._shared is not None:
            values = self._shared.get_many([self._name(keys[index]) for index in missing])
            for index, value in zip(missing, values, strict=True):
                if value is not None:
                    array = arrays[index] = _array_of(value)
                    self._own.set(keys[index], array, array.nbytes)
        return arrays

    def has(self, key: Hashable) -> bool:
        """Tell whether the array is there; counts as no use."""
        if self._own.peek(key) is not None:
            return True
        return self._shared is not None and self._shared.has(self._name(key))

    def set_many(self, arrays: Sequence[tuple[Hashable, np.ndarray]]) -> None:
        """Keep arrays, (height, width), none of which is a view of a larger one."""
        for key, array in arrays:
            self._own.set(key, array, array.nbytes)
        if self._shared is not None:
            self._shared.set_many([(self._name(key), _parts_of(array)) for key, array in arrays])

    def stats(self) -> MemoryStats:
        """Give the figures of this process's own memory."""
        return self._own.stats()

    def figures(self) -> tuple[CacheFigures, ...]:
        """Give the figures of each tier."""
        memory = self._own.stats().figures("raw-tiles")
        if self._shared is None:
            return (memory,)
        shared = self._shared.stats()
        host = CacheFigures(
            cache="raw-tiles",
            tier="host",
            entries=shared.entries,
            size_bytes=shared.size_bytes,
            max_bytes=shared.max_bytes,
            hits=shared.hits,
            misses=shared.misses,
            stored=shared.stored,
            refused=shared.refused,
        )
        return memory, host

    def _name(self, key: Hashable) -> str:
        # Keys are text, or made of numbers and of value objects that print all that they are.
        return f"{self._source_name} {key}"


def _parts_of(array: np.ndarray) -> tuple[bytes, memoryview]:
    packed = np.ascontiguousarray(array)
    shape = _SHAPE.pack(packed.dtype.str.encode(), *packed.shape)
    return shape, packed.reshape(-1).view(np.uint8).data


def _array_of(value: bytes) -> np.ndarray:
    dtype, height, width = _SHAPE.unpack_from(value)
    data = np.frombuffer(value, np.dtype(dtype.rstrip(b"\0").decode()), offset=_SHAPE.size)
    return data.reshape(height, width)
