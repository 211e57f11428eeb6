"""Reduced levels of large images: made in the background, exact, bounded on disk, crash-safe."""

import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imageserver import pyramids
from imageserver.pixels import PixelBuffer
from imageserver.pyramids import OverBudget, PyramidStore, halve, needs_pyramid, reduced_sizes
from imageserver.readers.base import UnreadableFile
from imageserver.statistics import Stopped, channel_extremes

from .conftest import noise, wait_until


def mean_of_2x2(plane: np.ndarray) -> np.ndarray:
    """Reduce plainly, as a check: means over what there is, halves upwards for integers."""

    def block_sums(values: np.ndarray) -> np.ndarray:
        rows = np.add.reduceat(values, range(0, values.shape[0], 2), axis=0)
        return np.add.reduceat(rows, range(0, values.shape[1], 2), axis=1)

    mean = block_sums(plane.astype(float)) / block_sums(np.ones(plane.shape))
    return np.floor(mean + 0.5) if plane.dtype.kind in "ui" else mean


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (1, 5), (2, 1)])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
)
def test_halving_is_the_mean_of_2x2(shape, dtype):
    plane = noise(shape, dtype).astype(np.dtype(dtype).newbyteorder(">"))
    halved = halve(plane)
    assert halved.dtype == np.dtype(dtype)
    np.testing.assert_allclose(
        halved, mean_of_2x2(plane).astype(dtype), rtol=1e-6 * (dtype[0] == "f")
    )


def test_which_images_need_levels():
    assert not needs_pyramid(((3192, 3192),))
    assert needs_pyramid(((3192, 3193),))
    assert needs_pyramid(((1_000_000, 11),))
    assert not needs_pyramid(((50_000, 50_000), (25_000, 25_000)))
    assert reduced_sizes(4001, 1000) == ((2001, 500), (1001, 250), (501, 125))


def array_buffer(data: np.ndarray, on_read=lambda: None) -> PixelBuffer:
    """Make a buffer over one (z, c, y, x) array."""

    def read(level, z, c, t, x, y, width, height):
        on_read()
        return data[z, c, y : y + height, x : x + width]

    size_z, size_c, height, width = data.shape
    return PixelBuffer("uint16", (size_z, size_c, 1), ((width, height),), (256, 256), read)


def build(store: PyramidStore, key: str, buffer: PixelBuffer, *, evict: bool = True, stop=None):
    return store.build(key, buffer, evict=evict, stop=stop or threading.Event())


def test_levels_are_made_of_every_plane(tmp_path):
    data = noise((2, 2, 900, 1101), "uint16")
    store = PyramidStore(tmp_path, 1 << 30)
    built = build(store, "1-1", array_buffer(data))
    assert built.levels == store.levels("1-1") == ((551, 450), (276, 225))
    assert built.extremes == tuple((data[:, c].min(), data[:, c].max()) for c in range(2))
    for z in range(2):
        for c in range(2):
            expected = data[z, c]
            for number, (width, height) in enumerate(built.levels):
                expected = mean_of_2x2(expected).astype("uint16")
                file = store.open("1-1", number)
                plane = pyramids.plane_number((2, 2, 1), z, c, 0)
                np.testing.assert_array_equal(
                    file.read(0, 0, 0, 0, plane, 0, 0, width, height), expected
                )
                file.close()


def test_the_budget_holds_and_the_longest_unused_goes_first(tmp_path):
    buffer = array_buffer(noise((1, 1, 600, 600), "uint16"))
    store = PyramidStore(tmp_path, 1 << 30)
    build(store, "1-1", buffer)
    each = store.size_bytes()
    store = PyramidStore(tmp_path, 3 * each + each // 2)
    for i in range(2, 4):
        build(store, f"{i}-1", buffer)
    for i in range(1, 4):
        os.utime(tmp_path / f"{i}-1", (i, i))
    store.touch("1-1")
    build(store, "4-1", buffer)
    assert [bool(store.levels(f"{i}-1")) for i in range(1, 5)] == [True, False, True, True]
    assert store.size_bytes() <= store.budget_bytes


def test_without_eviction_nothing_goes_and_nothing_is_left_behind(tmp_path):
    buffer = array_buffer(noise((1, 1, 600, 600), "uint16"))
    store = PyramidStore(tmp_path, 1 << 30)
    build(store, "1-1", buffer)
    store = PyramidStore(tmp_path, store.size_bytes() * 3 // 2)
    with pytest.raises(OverBudget):
        build(store, "2-1", buffer, evict=False)
    small = PyramidStore(tmp_path, 1000)
    with pytest.raises(OverBudget):
        build(small, "2-1", buffer, evict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["1-1"]


def test_stopping_leaves_nothing_behind(tmp_path):
    stop = threading.Event()
    reads = []

    def on_read():
        reads.append(1)
        if len(reads) == 3:
            stop.set()

    store = PyramidStore(tmp_path, 1 << 30)
    with pytest.raises(Stopped):
        build(store, "1-1", array_buffer(noise((1, 1, 3000, 3000), "uint16"), on_read), stop=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_crash_in_the_middle_leaves_no_levels(tmp_path):
    script = """
import os, sys, threading
from pathlib import Path
import numpy as np
from imageserver.pixels import PixelBuffer
from imageserver.pyramids import PyramidStore
reads = []
def read(level, z, c, t, x, y, width, height):
    reads.append(1)
    if len(reads) == 5:
        os._exit(9)
    return np.zeros((height, width), "u2")
buffer = PixelBuffer("uint16", (1, 1, 1), ((4000, 4000),), (256, 256), read)
PyramidStore(Path(sys.argv[1]), 1 << 30).build("1-1", buffer, evict=True, stop=threading.Event())
"""
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=60)
    assert run.returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    store = PyramidStore(tmp_path, 1 << 30)
    assert list(tmp_path.iterdir()) == []
    assert store.levels("1-1") == ()
    build(store, "1-1", array_buffer(noise((1, 1, 600, 600), "uint16")))
    assert store.levels("1-1") == ((300, 300),)


def test_a_damaged_manifest_is_as_good_as_none(tmp_path):
    store = PyramidStore(tmp_path, 1 << 30)
    build(store, "1-1", array_buffer(noise((1, 1, 600, 600), "uint16")))
    (tmp_path / "1-1" / "levels.json").write_text("{torn")
    assert store.levels("1-1") == ()
    assert list(tmp_path.iterdir()) == []


def large_tiff(path: Path, side: int = 3300) -> np.ndarray:
    data = noise((2, side, side), "uint8")
    tifffile.imwrite(
        path, data, tile=(512, 512), compression="zstd", metadata={"axes": "CYX"},
        photometric="minisblack",
    )  # fmt: skip
    return data


def test_levels_appear_in_the_record_and_are_read(folder, make_catalog):
    data = large_tiff(folder / "a.ome.tif")
    catalog = make_catalog()
    image_id = catalog.images()[0].id
    version = catalog.images()[0].version
    wait_until(lambda: len(catalog.images()[0].levels) > 1, 60)
    image = catalog.image(image_id)
    assert image.levels == ((3300, 3300), (1650, 1650), (825, 825), (413, 413))
    assert image.version == version
    assert [channel.stats for channel in image.channels] == [
        (float(plane.min()), float(plane.max())) for plane in data
    ]
    buffer = catalog.open_pixels(image.pixels_id)
    half = halve(data[1])
    np.testing.assert_array_equal(buffer.read(1, 0, 1, 0, 1600, 1500, 50, 150), half[1500:, 1600:])
    quarter = halve(half)
    np.testing.assert_array_equal(buffer.read(2, 0, 1, 0, 0, 0, 825, 825), quarter)
    catalog.close()
    again = make_catalog(start=False)
    assert again.images()[0].levels == image.levels


def test_a_changed_file_gets_new_levels(folder, make_catalog):
    large_tiff(folder / "a.ome.tif")
    catalog = make_catalog()
    wait_until(lambda: len(catalog.images()[0].levels) > 1, 60)
    data = np.zeros((3200, 3300), "uint8")
    tifffile.imwrite(folder / "a.ome.tif", data, tile=(512, 512), compression="zstd")
    catalog.rescan()
    wait_until(lambda: catalog.images()[0].size_y == 3200, 30)
    wait_until(lambda: len(catalog.images()[0].levels) > 1, 60)
    image = catalog.images()[0]
    assert image.levels[1] == (1650, 1600)
    assert not catalog.open_pixels(image.pixels_id).read(1, 0, 0, 0, 0, 0, 1650, 1600).any()


def test_looking_at_an_image_pushes_out_what_was_not_looked_at(folder, make_catalog):
    for name in "ab":
        large_tiff(folder / f"{name}.ome.tif")
    catalog = make_catalog()
    wait_until(lambda: all(len(image.levels) > 1 for image in catalog.images()), 60)
    both = catalog._pyramids.size_bytes()
    catalog.close()
    catalog = make_catalog(pyramid_budget_bytes=both * 3 // 4)
    a, b = catalog.images()
    buffer_of_a = catalog.open_pixels(a.pixels_id)
    buffer_of_a.read(1, 0, 0, 0, 0, 0, 8, 8)
    catalog._pyramids.remove(f"{b.pixels_id}-{b.version}")
    with pytest.raises(UnreadableFile):
        catalog.open_pixels(b.pixels_id).read(1, 0, 0, 0, 0, 0, 8, 8)
    assert len(catalog.image(b.id).levels) == 1
    catalog.open_pixels(b.pixels_id)
    wait_until(lambda: len(catalog.image(b.id).levels) > 1, 60)
    wait_until(lambda: len(catalog.image(a.id).levels) == 1)
    assert catalog._pyramids.size_bytes() <= both * 3 // 4
    with pytest.raises(UnreadableFile):
        buffer_of_a.read(1, 0, 0, 0, 0, 0, 8, 8)
    assert buffer_of_a.read(0, 0, 0, 0, 0, 0, 8, 8).shape == (8, 8)


def test_levels_that_fit_no_budget_are_tried_once_and_statistics_are_there(
    folder, make_catalog, monkeypatch
):
    monkeypatch.setattr(
        "imageserver.upkeep.channel_extremes", partial(channel_extremes, budget_bytes=1_000_000)
    )
    large_tiff(folder / "a.ome.tif")
    catalog = make_catalog(pyramid_budget_bytes=100_000)
    builds = []
    real = PyramidStore.build

    def build_(self, *arguments, **options):
        builds.append(options["evict"])
        return real(self, *arguments, **options)

    monkeypatch.setattr(PyramidStore, "build", build_)
    image = catalog.images()[0]
    for _ in range(3):
        catalog.open_pixels(image.pixels_id)
        time.sleep(0.3)
    assert builds == [True]
    assert len(catalog.image(image.id).levels) == 1
    assert catalog.image(image.id).channels[0].stats is not None


def test_no_budget_makes_no_levels(folder, make_catalog):
    large_tiff(folder / "a.ome.tif")
    catalog = make_catalog(pyramid_budget_bytes=0)
    catalog.open_pixels(catalog.images()[0].pixels_id)
    time.sleep(0.5)
    assert len(catalog.images()[0].levels) == 1


@pytest.mark.slow
def test_memory_stays_bounded_for_an_image_of_many_gigabytes(tmp_path):
    """60,000 × 60,000 uint16, 7.2 GB of samples, in a file that is nearly empty."""
    script = """
import resource, sys, threading, time
from pathlib import Path
import numpy as np, tifffile
from imageserver.catalog import Catalog
folder, cache = Path(sys.argv[1]), Path(sys.argv[2])
def tiles():
    yield np.full((1024, 1024), 9, "uint16")
    for _ in range(59 * 59 - 1):
        yield None
tifffile.imwrite(folder / "a.tif", tiles(), shape=(60000, 60000), dtype="uint16",
                 tile=(1024, 1024), compression="zstd", metadata=None)
catalog = Catalog(folder, cache, watch=False)
catalog.start()
assert catalog.wait_scanned(30)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image = catalog.images()[0]
buffer = catalog.open_pixels(image.pixels_id)
for i in range(0, 58000, 2000):
    buffer.read(0, 0, 0, 0, i, i, 1024, 1024)
deadline = time.monotonic() + 100
while len(catalog.images()[0].levels) == 1 and time.monotonic() < deadline:
    time.sleep(0.2)
image = catalog.image(image.id)
assert image.levels[1] == (30000, 30000), image.levels
assert image.channels[0].stats == (0.0, 9.0)
assert catalog.open_pixels(image.pixels_id).read(1, 0, 0, 0, 0, 0, 4, 4).tolist() == [[9] * 4] * 4
catalog.close()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    folder = tmp_path / "images"
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(tmp_path / "cache")],
        capture_output=True, text=True, timeout=115, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) < 300
