"""Where everything lies in numpy's file of planes that follow each other."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from render.engine.cuts import Grid


@dataclass(frozen=True)
class NpyLayout:
    """A file with an array of `shape`, whose last two axes are those of one plane, y and x."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def levels(self) -> tuple[Grid, ...]:
        """How a plane lies in the file: as a whole."""
        height, width = self.shape[-2:]
        return (Grid.whole(width, height, self.dtype.itemsize),)

    @cached_property
    def _head(self) -> bytes:
        file = io.BytesIO()
        told = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(file, told)
        return file.getvalue()

    @property
    def head_bytes(self) -> int:
        """Bytes before the first value."""
        return len(self._head)

    @property
    def telling_bytes(self) -> int:
        """Bytes at the beginning by which two layouts differ if they differ at all."""
        return self.head_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        size = self.dtype.itemsize
        for side in self.shape:
            size *= side
        return self.head_bytes + size

    def head(self, begin: int, end: int) -> Iterator[bytes]:
        """Give the bytes from `begin` to before `end` of those before the first value."""
        yield self._head[begin:end]
