"""What open files share so that memory and file handles stay bounded however many there are."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path

import numpy as np

#: Decoded strips, tiles and chunks kept, in bytes.
DEFAULT_SEGMENT_BYTES = 128 * 1024 * 1024

#: Files held open for reading at the same time.
DEFAULT_MAX_DESCRIPTORS = 64

#: Segments larger than this are decoded one at a time, so that threads do not add up.
LARGE_SEGMENT_BYTES = 32 * 1024 * 1024


class SegmentCache:
    """Decoded segments, least recently used first out; each is decoded once, by one thread.

    It never holds more than `max_bytes`, but for a single segment that is larger by itself.
    """

    def __init__(self, max_bytes: int = DEFAULT_SEGMENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._under_way: dict[Hashable, Future[np.ndarray]] = {}
        self._large = threading.Lock()
        self.size_bytes = 0
        self.decoded = 0

    def get(self, key: Hashable, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Give the segment, read-only; whoever asks while it is decoded waits for that."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            future = self._under_way.get(key)
            first = future is None
            if future is None:
                future = self._under_way[key] = Future()
        if not first:
            return future.result()
        try:
            segment = decode()
            segment.setflags(write=False)
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._under_way[key]
            self.decoded += 1
            self._keep(key, segment)
        future.set_result(segment)
        return segment

    def one_at_a_time(self, size_bytes: int) -> "threading.Lock | _Free":
        """Give the lock to hold while a segment of that size is decoded."""
        return self._large if size_bytes > LARGE_SEGMENT_BYTES else _FREE

    def drop(self, token: Hashable) -> None:
        """Forget the segments whose key begins with `token`."""
        with self._lock:
            for key in [k for k in self._kept if isinstance(k, tuple) and k[0] == token]:
                self.size_bytes -= self._kept.pop(key).nbytes

    def _keep(self, key: Hashable, segment: np.ndarray) -> None:
        self._kept[key] = segment
        self.size_bytes += segment.nbytes
        while self.size_bytes > self._max_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self.size_bytes -= oldest.nbytes


class _Free:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *unused: object) -> None:
        pass


_FREE = _Free()


class Descriptors:
    """Open files by path, read at offsets by any thread; the longest unused is closed first."""

    def __init__(self, max_open: int = DEFAULT_MAX_DESCRIPTORS) -> None:
        self._max_open = max_open
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, _Descriptor] = OrderedDict()
        self.bytes_read = 0

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; fewer only at the end of the file."""
        descriptor = self._take(path)
        try:
            parts = []
            left = size
            while left > 0:
                part = os.pread(descriptor.number, left, offset + size - left)
                if not part:
                    break
                parts.append(part)
                left -= len(part)
        finally:
            self._give_back(descriptor)
        with self._lock:
            self.bytes_read += size - left
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def forget(self, path: Path) -> None:
        """Close a path once nobody reads it: the file was replaced or is gone."""
        with self._lock:
            descriptor = self._open.pop(path, None)
            if descriptor is not None:
                descriptor.retired = True
                self._close_if_unused(descriptor)

    def forget_below(self, folder: Path) -> None:
        """Close all paths in a folder once nobody reads them."""
        with self._lock:
            paths = [path for path in self._open if folder in path.parents]
        for path in paths:
            self.forget(path)

    def close(self) -> None:
        """Close all; reads that are under way end first."""
        for path in list(self._open):
            self.forget(path)

    def _take(self, path: Path) -> "_Descriptor":
        with self._lock:
            descriptor = self._open.get(path)
            if descriptor is None:
                number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                descriptor = self._open[path] = _Descriptor(number)
            self._open.move_to_end(path)
            descriptor.users += 1
            while len(self._open) > self._max_open:
                _, oldest = self._open.popitem(last=False)
                oldest.retired = True
                self._close_if_unused(oldest)
            return descriptor

    def _give_back(self, descriptor: "_Descriptor") -> None:
        with self._lock:
            descriptor.users -= 1
            self._close_if_unused(descriptor)

    @staticmethod
    def _close_if_unused(descriptor: "_Descriptor") -> None:
        if descriptor.retired and descriptor.users == 0 and descriptor.number >= 0:
            os.close(descriptor.number)
            descriptor.number = -1


class _Descriptor:
    __slots__ = ("number", "retired", "users")

    def __init__(self, number: int) -> None:
        self.number = number
        self.users = 0
        self.retired = False
