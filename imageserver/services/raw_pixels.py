"""RawPixelsStore: big-endian pixels of planes, tiles and hypercubes."""

import hashlib
from collections.abc import Sequence
from typing import Any

import Ice
import numpy as np

from imageserver.faults import fault, guarded, usage
from imageserver.services.opened_pixels import Opened, OpenedPixels, check_index, region_inside
from imageserver.services.plane_statistics import histogram, value_range
from render.blitz.slices import omero

_AXES = ("x", "y", "z", "c", "t")
_MOST_BINS = 1 << 16


@guarded(omero.api.RawPixelsStore)
class RawPixelsStore(OpenedPixels, omero.api.RawPixelsStore):
    """Reads pixels. One call at a time runs; those that come meanwhile wait their turn."""

    # -- choosing --------------------------------------------------------------------------

    def setPixelsId(  # noqa: N802
        self, pixels_id: int, bypass: bool, current: Ice.Current
    ) -> Any:
        return self._run(lambda: self._open(pixels_id))

    def getPixelsId(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: opened.image.pixels_id)

    def getPixelsPath(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(self._relative_path)

    def _relative_path(self, opened: Opened) -> str:
        return self._context.catalog.file(opened.image.file_ids[0]).relative_path

    def prepare(self, pixels_ids: list[int], current: Ice.Current) -> None:
        for pixels_id in pixels_ids:
            self._context.catalog.image_by_pixels(pixels_id, wait_stats_s=0)

    # -- pixels ----------------------------------------------------------------------------

    def getTile(  # noqa: N802
        self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, current: Ice.Current
    ) -> Any:
        return self._with(lambda opened: self._read(opened, z, c, t, x, y, w, h))

    def getPlane(self, z: int, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._read(opened, z, c, t, 0, 0, *opened.size))

    def getRow(self, y: int, z: int, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._read(opened, z, c, t, 0, y, opened.size[0], 1))

    def getCol(self, x: int, z: int, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._read(opened, z, c, t, x, 0, 1, opened.size[1]))

    def getStack(self, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: self._read_cube(
                opened, (0, 0, 0, c, t), (*opened.size, opened.image.size_z, 1, 1), (1,) * 5
            )
        )

    def getTimepoint(self, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: self._read_cube(
                opened,
                (0, 0, 0, 0, t),
                (*opened.size, opened.image.size_z, opened.image.size_c, 1),
                (1,) * 5,
            )
        )

    def getHypercube(  # noqa: N802
        self, offset: list[int], size: list[int], step: list[int], current: Ice.Current
    ) -> Any:
        return self._with(lambda opened: self._read_cube(opened, offset, size, step))

    def _read(
        self, opened: Opened, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> np.ndarray:
        image = opened.image
        check_index("z", z, image.size_z)
        check_index("c", c, image.size_c)
        check_index("t", t, image.size_t)
        size_x, size_y = opened.size
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > size_x or y + height > size_y:
            raise usage(
                f"The tile {x},{y} of {width}×{height} pixels is not inside the level, "
                f"which has {size_x}×{size_y} pixels."
            )
        self._check_bytes(width * height * opened.bytes_per_pixel)
        plane = opened.buffer.read(opened.level, z, c, t, x, y, width, height)
        # Ice copies an array of bytes as fast as bytes, which would be one copy more.
        return np.ascontiguousarray(plane).reshape(-1).view(np.uint8)

    def _read_cube(
        self, opened: Opened, offset: Sequence[int], size: Sequence[int], step: Sequence[int]
    ) -> bytes:
        if not len(offset) == len(size) == len(step) == len(_AXES):
            raise usage("Offset, size and step each have five numbers: x, y, z, c, t.")
        image = opened.image
        limits = (*opened.size, image.size_z, image.size_c, image.size_t)
        for axis, start, extent, stride, limit in zip(
            _AXES, offset, size, step, limits, strict=True
        ):
            if start < 0 or extent < 1 or stride < 1 or start + extent > limit:
                raise usage(
                    f"Along {axis}, {extent} from {start} in steps of {stride} is not inside "
                    f"the {limit} that there are."
                )
        counts = [-(-extent // stride) for extent, stride in zip(size, step, strict=True)]
        self._check_bytes(int(np.prod(counts, dtype=object)) * opened.bytes_per_pixel)
        # Steps choose from a plane that is read as a whole.
        self._check_bytes(size[0] * size[1] * opened.bytes_per_pixel)
        x, y, *_ = offset
        parts = []
        for t, c, z in _planes(offset, size, step):
            plane = opened.buffer.read(opened.level, z, c, t, x, y, size[0], size[1])
            parts.append(plane[:: step[1], :: step[0]].tobytes())
        return b"".join(parts)

    def _check_bytes(self, count: int) -> None:
        allowed = self._context.settings.max_reply_bytes
        if count > allowed:
            raise usage(f"This asks for {count} bytes at once; {allowed} are possible. Use tiles.")

    # -- sizes and offsets, in bytes at the present level ----------------------------------

    def getByteWidth(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: opened.bytes_per_pixel)

    def isSigned(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: not opened.image.pixel_type.startswith(("u", "bit")))

    def isFloat(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: opened.image.pixel_type.endswith(("float", "double", "complex"))
        )

    def getRowSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _strides(opened)[0])

    def getPlaneSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _strides(opened)[1])

    def getStackSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _strides(opened)[2])

    def getTimepointSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _strides(opened)[3])

    def getTotalSize(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _strides(opened)[3] * opened.image.size_t)

    def getRowOffset(  # noqa: N802
        self, y: int, z: int, c: int, t: int, current: Ice.Current
    ) -> Any:
        return self._with(lambda opened: _offset(opened, y, z, c, t))

    def getPlaneOffset(self, z: int, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _offset(opened, 0, z, c, t))

    def getStackOffset(self, c: int, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _offset(opened, 0, 0, c, t))

    def getTimepointOffset(self, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _offset(opened, 0, 0, 0, t))

    # -- statistics ------------------------------------------------------------------------

    def getHistogram(  # noqa: N802
        self,
        channels: list[int],
        bin_count: int,
        global_range: bool,
        plane: Any,
        current: Ice.Current,
    ) -> Any:
        return self._with(
            lambda opened: self._histogram(opened, channels, bin_count, global_range, plane)
        )

    def _histogram(
        self, opened: Opened, channels: list[int], bin_count: int, global_range: bool, plane: Any
    ) -> dict[int, list[int]]:
        if not 1 <= bin_count <= _MOST_BINS or plane is None:
            raise usage(f"A histogram needs a plane and 1 to {_MOST_BINS} bins.")
        # OMERO leaves the store at the level that it counted on, and so do we.
        opened.level = self._statistics_level(opened)
        x, y, width, height = region_inside(plane.region, opened.size)
        counts = {}
        for channel in dict.fromkeys(channels):
            values = self._array(opened, plane.z, channel, plane.t, x, y, width, height)
            stats = opened.image.channels[channel].stats if global_range else None
            counts[channel] = histogram(values, bin_count, stats)
        return counts

    def findMinMax(self, channels: list[int], current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._find_min_max(opened, channels))

    def _find_min_max(self, opened: Opened, channels: list[int]) -> dict[int, list[float]]:
        level = opened.level
        opened.level = self._statistics_level(opened)
        try:
            # The plane that OMERO takes for it.
            z, t = (opened.image.size_z - 1) // 2, (opened.image.size_t - 1) // 2
            return {
                channel: list(value_range(self._array(opened, z, channel, t, 0, 0, *opened.size)))
                for channel in dict.fromkeys(channels)
            }
        finally:
            opened.level = level

    def _statistics_level(self, opened: Opened) -> int:
        settings = self._context.settings
        most = settings.max_plane_width * settings.max_plane_height
        for level, (width, height) in enumerate(opened.levels):
            if width * height <= most:
                return level
        raise usage("Every resolution level is too large for statistics.")

    def _array(
        self, opened: Opened, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> np.ndarray:
        check_index("z", z, opened.image.size_z)
        check_index("c", c, opened.image.size_c)
        check_index("t", t, opened.image.size_t)
        return opened.buffer.read(opened.level, z, c, t, x, y, width, height)

    def calculateMessageDigest(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(self._digest)

    def _digest(self, opened: Opened) -> bytes:
        image = opened.image
        digest = hashlib.sha1(usedforsecurity=False)
        width, height = (int(side) for side in opened.levels[0])
        rows = max(1, self._context.settings.max_reply_bytes // (width * opened.bytes_per_pixel))
        for t, c, z in _planes(
            (0,) * 5, (1, 1, image.size_z, image.size_c, image.size_t), (1,) * 5
        ):
            for y in range(0, height, rows):
                band = opened.buffer.read(0, z, c, t, 0, y, width, min(rows, height - y))
                digest.update(np.ascontiguousarray(band).tobytes())
        return digest.digest()

    # -- writing ---------------------------------------------------------------------------

    def setTile(self, *arguments: Any) -> None:  # noqa: N802
        raise _read_only()

    setRegion = setRow = setPlane = setStack = setTimepoint = save = setTile  # noqa: N815


def _read_only() -> Exception:
    return fault(omero.SecurityViolation, "The files of this server are never written.")


def _planes(
    offset: Sequence[int], size: Sequence[int], step: Sequence[int]
) -> list[tuple[int, int, int]]:
    """List (t, c, z) in the order of a reply: t slowest, z fastest."""
    ranges = [range(o, o + s, d) for o, s, d in zip(offset, size, step, strict=True)]
    return [(t, c, z) for t in ranges[4] for c in ranges[3] for z in ranges[2]]


def _strides(opened: Opened) -> tuple[int, int, int, int]:
    """Give the bytes of a row, a plane, a stack and a timepoint."""
    width, height = opened.size
    row = width * opened.bytes_per_pixel
    plane = row * height
    stack = plane * opened.image.size_z
    return row, plane, stack, stack * opened.image.size_c


def _offset(opened: Opened, y: int, z: int, c: int, t: int) -> int:
    image = opened.image
    check_index("y", y, opened.size[1])
    check_index("z", z, image.size_z)
    check_index("c", c, image.size_c)
    check_index("t", t, image.size_t)
    return sum(i * s for i, s in zip((y, z, c, t), _strides(opened), strict=True))
