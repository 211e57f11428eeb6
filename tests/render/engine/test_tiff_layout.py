"""Files laid out before a pixel is read: what tifffile and numpy find in them, from anywhere on."""

import io
import subprocess

import numpy as np
import pytest
import tifffile

from render.engine.cuts import Grid, next_cut
from render.engine.npy_layout import NpyLayout
from render.engine.tiff_layout import TiffLayout
from render.values import DTYPES
from tests.support.processes import require

#: Planes of two levels each; sizes that fill no tile.
SIZES = ((150, 61), (75, 31))
PLANES = 3


def planes(dtype: np.dtype) -> list[np.ndarray]:
    """Give one (plane, y, x) array for each level."""
    random = np.random.default_rng(5)
    return [
        random.integers(0, 120, (PLANES, height, width)).astype(dtype) for width, height in SIZES
    ]


def tiff(dtype: np.dtype, **options) -> TiffLayout:
    levels = tuple(
        Grid(width, height, 64, 32 if height > 32 else 16, dtype.itemsize)
        for width, height in SIZES
    )
    return TiffLayout(levels, PLANES, dtype, b"a description", b"a program", **options)


def written(layout, pixels: list[np.ndarray], begin: int, end: int, block_bytes: int) -> bytes:
    """Put a part of a file together as it is streamed."""
    head = layout.head_bytes
    parts = list(layout.head(begin, min(end, head))) if begin < head else []
    at = max(begin, head)
    while at < end:
        cut = next_cut(layout.levels, at - head, end - head, block_bytes)
        array = None
        if cut.region is not None:
            at_x, at_y = cut.region.x, cut.region.y
            array = pixels[cut.level][
                cut.plane, at_y : at_y + cut.region.height, at_x : at_x + cut.region.width
            ]
            assert array.shape == (cut.region.height, cut.region.width)
        parts.append(cut.write(array, layout.dtype))
        assert 0 < len(parts[-1]) == cut.size_bytes
        assert cut.tiles * cut.rows * layout.levels[cut.level].row_bytes <= max(
            block_bytes, layout.levels[cut.level].row_bytes
        )
        at += cut.size_bytes
    return b"".join(parts)


@pytest.mark.parametrize("pixel_type", DTYPES)
@pytest.mark.parametrize("big", [False, True])
def test_tifffile_finds_all_levels_of_all_planes(pixel_type, big):
    dtype = np.dtype(DTYPES[pixel_type])
    pixels = planes(dtype)
    layout = tiff(dtype, classic_max_bytes=1000 if big else 2**32)
    content = written(layout, pixels, 0, layout.size_bytes, 1 << 20)
    assert len(content) == layout.size_bytes
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.is_bigtiff is big
        assert len(file.pages) == PLANES
        assert file.pages[0].description == "a description" and file.pages[1].description == ""
        for number, page in enumerate(file.pages):
            assert page.dtype == dtype.newbyteorder("=") and page.is_tiled
            np.testing.assert_array_equal(page.asarray(), pixels[0][number])
            (smaller,) = page.pages
            assert smaller.is_reduced
            np.testing.assert_array_equal(smaller.asarray(), pixels[1][number])


@pytest.mark.parametrize("pixel_type", ["uint8", "int16", "double"])
@pytest.mark.parametrize("big", [False, True])
def test_libtiff_has_nothing_to_say_against_it(pixel_type, big, tmp_path):
    require("tiffcp", "libtiff-tools")
    dtype = np.dtype(DTYPES[pixel_type])
    pixels = planes(dtype)
    layout = tiff(dtype, classic_max_bytes=0 if big else 2**32, pixel_size_um=(0.5, 0.5))
    file, copy = tmp_path / "file.tif", tmp_path / "copy.tif"
    file.write_bytes(written(layout, pixels, 0, layout.size_bytes, 4096))
    for command in (["tiffinfo", "-D", str(file)], ["tiffcp", str(file), str(copy)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    with tifffile.TiffFile(copy) as copied:
        for page, expected in zip(copied.pages, pixels[0], strict=True):
            np.testing.assert_array_equal(page.asarray(), expected)


@pytest.mark.parametrize("kind", ["classic", "big", "npy"])
def test_every_part_is_that_of_the_whole(kind):
    dtype = np.dtype(">u2")
    pixels = planes(dtype)
    layout = tiff(dtype, classic_max_bytes=0 if kind == "big" else 2**32)
    if kind == "npy":
        layout = NpyLayout(pixels[0].shape, dtype)
    size, head = layout.size_bytes, layout.head_bytes
    whole = written(layout, pixels, 0, size, 1 << 20)
    for block_bytes in (100, 1000, 4096, 9000):
        assert written(layout, pixels, 0, size, block_bytes) == whole
    random = np.random.default_rng(2)
    for longest in (size, head + 200):
        for begin, end in np.sort(random.integers(0, longest + 1, (150, 2))).tolist():
            assert written(layout, pixels, begin, end, 777) == whole[begin:end]


def test_numpy_reads_its_own_file():
    dtype = np.dtype(">f4")
    pixels = planes(dtype)
    layout = NpyLayout((1, PLANES, *pixels[0].shape[1:]), dtype)
    content = written(layout, pixels, 0, layout.size_bytes, 500)
    assert len(content) == layout.size_bytes
    found = np.load(io.BytesIO(content))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, pixels[0][None])


@pytest.mark.parametrize("size_um", [0.1, 0.0137, 0.65, 3.25e-4, 12345.678, 1e6])
def test_the_resolution_is_that_of_the_pixels(size_um):
    dtype = np.dtype("u1")
    layout = tiff(dtype, pixel_size_um=(size_um, 2 * size_um))
    content = written(layout, planes(dtype), 0, layout.size_bytes, 1 << 20)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages[0].tags
        for name, expected in (("XResolution", size_um), ("YResolution", 2 * size_um)):
            pixels, centimetres = tags[name].value
            assert pixels / centimetres == pytest.approx(10_000 / expected, rel=1e-2)
        assert tags["ResolutionUnit"].value == 3


@pytest.mark.parametrize("size_um", [None, 0.0, -1.0, 1e-30, 1e30])
def test_sizes_that_no_fraction_tells_are_not_told(size_um):
    layout = tiff(np.dtype("u1"), pixel_size_um=(1.0, size_um))
    content = written(layout, planes(np.dtype("u1")), 0, layout.size_bytes, 1 << 20)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert "XResolution" not in file.pages[0].tags


def test_the_beginning_tells_files_apart_however_long_their_descriptions():
    long = b"x" * 300_000
    grid = Grid(100, 100, 64, 64, 1)
    layouts = [
        TiffLayout((grid,), planes, np.dtype("u1"), text, b"")
        for planes, text in ((2, long + b"a"), (2, long + b"b"), (3, long + b"a"))
    ]
    told = {b"".join(layout.head(0, layout.telling_bytes)) for layout in layouts}
    assert len(told) == 3


def test_places_far_inside_a_huge_file_are_found_without_walking_there():
    # A terabyte of 200,000 planes with lists of offsets that nobody could hold all of.
    grid = Grid(1_000_000, 1_000_000, 512, 512, 2)
    layout = TiffLayout((grid,), 200_000, np.dtype(">u2"), b"", b"")
    assert layout.big
    begin = layout.head_bytes // 2
    parts = list(layout.head(begin, begin + 100_000))
    assert sum(map(len, parts)) == 100_000 and max(map(len, parts)) <= 65536
    cut = next_cut((grid,), layout.data_bytes - 10, layout.data_bytes, 1 << 20)
    assert cut.plane == 199_999 and cut.size_bytes == 10
