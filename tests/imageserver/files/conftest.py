"""Small image files made for each test, and ways to read them piece by piece."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from imageserver.catalog import Catalog
from imageserver.readers import all_readers, reader_for
from imageserver.readers.base import Access, ImageFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to be served."""
    path = tmp_path / "images"
    path.mkdir()
    return path


@pytest.fixture
def open_image(folder: Path) -> Iterator[Callable[..., ImageFile]]:
    """Opens a file of the folder by the reader that claims it."""
    opened = []

    def open_(path: Path, access: Access | None = None) -> ImageFile:
        reader = reader_for(path, all_readers())
        assert reader is not None, path
        file = reader.open(path.resolve(), access or Access(folder.resolve()))
        opened.append(file)
        return file

    yield open_
    for file in opened:
        file.close()


@pytest.fixture
def make_catalog(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Catalog]]:
    """Makes a catalog of the folder, started, with everything read once."""
    made = []

    def make(*, start: bool = True, wait: bool = True, **options) -> Catalog:
        options.setdefault("watch", False)
        options.setdefault("rescan_s", 0)
        catalog = Catalog(
            options.pop("folder", folder), options.pop("cache_dir", tmp_path / "cache"), **options
        )
        made.append(catalog)
        if start:
            catalog.start()
            if wait:
                assert catalog.wait_scanned(30)
        return catalog

    yield make
    for catalog in made:
        catalog.close()


def plane_by_tiles(
    file: ImageFile, series: int, level: int, z: int, c: int, t: int, tile: tuple[int, int]
) -> np.ndarray:
    """Put a plane together from tiles of any size, edge tiles included."""
    width, height = file.series[series].levels[level]
    rows = []
    for y in range(0, height, tile[1]):
        rows.append(
            np.hstack(
                [
                    file.read(
                        series, level, z, c, t, x, y,
                        min(tile[0], width - x), min(tile[1], height - y),
                    )
                    for x in range(0, width, tile[0])
                ]
            )
        )  # fmt: skip
    return np.vstack(rows)


def assert_planes(
    file: ImageFile, expected_tczyx: np.ndarray, *, series: int = 0, level: int = 0
) -> None:
    """Compare every plane with a (t, c, z, y, x) array, read by tiles that fit nothing."""
    metadata = file.series[series]
    size_t, size_c, size_z, height, width = expected_tczyx.shape
    assert (metadata.size_t, metadata.size_c, metadata.size_z) == (size_t, size_c, size_z)
    assert metadata.levels[level] == (width, height)
    for t in range(size_t):
        for c in range(size_c):
            for z in range(size_z):
                plane = plane_by_tiles(file, series, level, z, c, t, (23, 19))
                np.testing.assert_array_equal(plane, expected_tczyx[t, c, z])


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Make an array of values over the whole range of a type (a part of it for floats)."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if kind.kind in "ui":
        limits = np.iinfo(kind)
        return random.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
    return random.normal(0, 1000, shape).astype(kind)


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Wait for something that happens in the background."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
