"""An image of more than 4 GiB, most of it never written, read by tifffile through ranges alone."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import tifffile
import zarr

from tests.app.conftest import Gateway
from tests.app.downloads.served import served

pytestmark = pytest.mark.slow

SIDE = 50_000
#: Side of what is written at the lower right corner of each level.
CORNER = 300


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, list[np.ndarray]]]:
    """A gateway with one image of 50,000 x 50,000, and the corner of each of its levels."""
    folder = tmp_path_factory.mktemp("huge")
    group = zarr.open_group(folder / "huge.zarr", mode="w", zarr_format=2)
    random = np.random.default_rng(8)
    corners, sides = [], [SIDE >> level for level in range(8)]
    for level, side in enumerate(sides):
        array = group.create_array(
            str(level), shape=(side, side), dtype="uint16", chunks=(512, 512), fill_value=7
        )
        corner = random.integers(0, 60_000, (min(CORNER, side), min(CORNER, side)), np.uint16)
        array[-corner.shape[0] :, -corner.shape[1] :] = corner
        corners.append(corner)
    steps = [
        {"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": [s, s]}]}
        for level, s in enumerate(2.0**level for level in range(len(sides)))
    ]
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": steps}]
    with served(folder, tmp_path_factory) as gateway:
        yield gateway, corners


class Remote(io.RawIOBase):
    """A file of which only the parts that are read are asked for."""

    def __init__(self, gateway: Gateway, path: str) -> None:
        self._gateway, self._path, self._at = gateway, path, 0
        head = gateway.client.head(f"/webgateway/{path}")
        self.length = int(head.headers["Content-Length"])
        self.etag = head.headers["ETag"]
        self.asked = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = (
            offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        )
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        end = min(self._at + len(buffer), self.length)
        if end <= self._at:
            return 0
        headers = {"Range": f"bytes={self._at}-{end - 1}", "If-Range": self.etag}
        answer = self._gateway.get(self._path, headers=headers)
        assert answer.status_code == 206 and len(answer.data) == end - self._at
        buffer[: len(answer.data)] = answer.data
        self._at, self.asked = end, self.asked + len(answer.data)
        return len(answer.data)


def test_a_viewer_of_tiles_reads_a_huge_export_without_fetching_it(huge):
    gateway, corners = huge
    (image_id,) = gateway.ids.values()
    remote = Remote(gateway, f"render_ome_tiff/i/{image_id}/")
    assert remote.length > 2 * SIDE**2 > 2**32
    with tifffile.TiffFile(io.BufferedReader(remote, 8192), name="huge.ome.tiff") as file:
        assert file.is_bigtiff
        series = file.series[0]
        assert [level.shape for level in series.levels] == [
            (SIDE >> level, SIDE >> level) for level in range(8)
        ]
        for level, corner in zip(series.levels, corners, strict=True):
            page = level.keyframe
            # The last tile is filled up to the right of and below the image.
            inside = page.imagelength % page.tilelength or page.tilelength
            (last,) = [
                segment[0]
                for segment in file.filehandle.read_segments(
                    page.dataoffsets[-1:], page.databytecounts[-1:]
                )
            ]
            tile = np.frombuffer(last, ">u2").reshape(page.tilelength, page.tilewidth)
            seen = min(inside, len(corner))
            np.testing.assert_array_equal(
                tile[inside - seen : inside, inside - seen : inside], corner[-seen:, -seen:]
            )
            assert not tile[inside:].any() and not tile[:, inside:].any()
    assert remote.asked < 20 * 1024**2
