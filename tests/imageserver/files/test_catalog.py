"""The catalog over real folders: what is found in them, and its pixels."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from imageserver.catalog import UnknownId
from imageserver.readers.base import PIXEL_TYPES

from .catalogs import names, write
from .conftest import noise
from .test_zarr_reader import write_ome_zarr

SAMPLES = Path(__file__).parents[3] / "samples"


def test_samples_have_their_sizes_and_pixels(make_catalog):
    catalog = make_catalog(folder=SAMPLES)
    by_name = {image.name: image for image in catalog.images()}
    expected = {
        "embryo-timelapse.ome.tif": (542, 264, 1, 1, 21, "uint8"),
        "fly-cells.ome.tif": (1000, 1006, 1, 3, 1, "uint8"),
        "lung-histology-rgb.ome.tif": (1600, 1200, 1, 3, 1, "uint8"),
        "nuclei-3d.ome.tif": (57, 61, 31, 1, 1, "uint16"),
        "speckles.ome.tif": (1200, 1000, 1, 1, 1, "uint16"),
        "worms.ome.tif": (696, 520, 1, 3, 1, "uint16"),
    }
    for name, wanted in expected.items():
        i = by_name[name]
        assert (i.size_x, i.size_y, i.size_z, i.size_c, i.size_t, i.pixel_type) == wanted
        assert i.physical_size_x == 0.5
        data = tifffile.imread(SAMPLES / name)
        axes = tifffile.TiffFile(SAMPLES / name).series[0].axes
        data = np.moveaxis(data, axes.index("S"), 0) if "S" in axes else data
        planes = data.reshape(-1, i.size_y, i.size_x)
        buffer = catalog.open_pixels(i.pixels_id)
        z, c, t = i.size_z - 1, i.size_c - 1, i.size_t - 1
        tile = buffer.read(0, z, c, t, i.size_x - 50, i.size_y - 60, 50, 60)
        assert tile.dtype == PIXEL_TYPES[i.pixel_type]
        assert tile.flags.c_contiguous
        np.testing.assert_array_equal(tile, planes[-1, -60:, -50:])
        last = catalog.image(i.id).channels[-1]
        of_channel = planes[c :: i.size_c]
        assert last.stats == (of_channel.min(), of_channel.max())
    assert [channel.name for channel in by_name["worms.ome.tif"].channels] == [
        "Brightfield", "GFP", "mCherry",
    ]  # fmt: skip


def test_folders_become_datasets_of_one_project(folder, make_catalog):
    write(folder / "a.tif")
    write(folder / "x" / "y" / "b.tif")
    write(folder / "x" / "c.tif")
    (folder / "empty").mkdir()
    catalog = make_catalog()
    datasets = {dataset.name: dataset.id for dataset in catalog.datasets()}
    assert sorted(datasets) == [".", "x", "x/y"]
    found = {image.name: image.dataset_id for image in catalog.images()}
    assert found == {"a.tif": datasets["."], "x/y/b.tif": datasets["x/y"], "x/c.tif": datasets["x"]}
    assert catalog.project().name == folder.name


def test_links_that_lead_outside_are_refused(folder, tmp_path, make_catalog, caplog):
    write(tmp_path / "secret" / "s.tif")
    (tmp_path / "secret" / "s.lut").write_bytes(b"\x01" * 768)
    write(folder / "real.tif")
    (folder / "link.tif").symlink_to(tmp_path / "secret" / "s.tif")
    (folder / "linked-folder").symlink_to(tmp_path / "secret")
    (folder / "inside.tif").symlink_to(folder / "real.tif")
    (folder / "luts").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to("loop")
    with caplog.at_level(logging.WARNING):
        catalog = make_catalog()
    by_name = {image.name: image for image in catalog.images()}
    assert sorted(by_name) == ["inside.tif", "link.tif", "real.tif"]
    assert "outside" in by_name["link.tif"].problem
    assert by_name["inside.tif"].problem is None
    with pytest.raises(UnknownId):
        catalog.file(by_name["link.tif"].file_ids[0])
    assert all(record.relative_path != "link.tif" for record in catalog.files())
    assert all(lut.name != "s.lut" for lut in catalog.luts())
    assert any("linked-folder" in record.getMessage() for record in caplog.records)


def test_an_ome_zarr_is_one_file_set_with_all_its_files(folder, make_catalog):
    data = noise((2, 40, 50), "uint16")
    write_ome_zarr(folder / "sub" / "a.zarr", [data], "cyx", "0.4")
    catalog = make_catalog()
    (image,) = catalog.images()
    assert image.name == "sub/a.zarr"
    files = {file.relative_path for file in catalog.files()}
    assert "sub/a.zarr/.zattrs" in files
    assert (
        len(files)
        == len(image.file_ids)
        == len([path for path in (folder / "sub" / "a.zarr").rglob("*") if path.is_file()])
    )
    np.testing.assert_array_equal(
        catalog.open_pixels(image.pixels_id).read(0, 0, 1, 0, 0, 0, 50, 40), data[1]
    )


def test_the_folder_itself_may_be_an_ome_zarr(tmp_path, make_catalog):
    write_ome_zarr(tmp_path / "a.zarr", [noise((20, 30), "uint8")], "yx", "0.5")
    (image,) = make_catalog(folder=tmp_path / "a.zarr").images()
    assert (image.name, image.size_x) == ("a.zarr", 30)


def test_many_threads_read_many_files_with_few_open(folder, make_catalog):
    data = {}
    for i in range(60):
        data[f"{i}.tif"] = write(folder / f"{i}.tif", seed=i)
    catalog = make_catalog()
    images = catalog.images()
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    peak = []

    def read(n: int) -> bool:
        image = images[n % len(images)]
        buffer = catalog.open_pixels(image.pixels_id)
        x, y = n % 20, n % 13
        block = buffer.read(0, 0, 0, 0, x, y, 30, 27)
        peak.append(len(list(Path("/proc/self/fd").iterdir())))
        return bool((block == data[image.name][y : y + 27, x : x + 30]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(600)))
    assert max(peak) - open_before < 32 + 64 + 16


def test_reading_outside_is_an_index_error(folder, make_catalog):
    write(folder / "a.tif")
    catalog = make_catalog()
    buffer = catalog.open_pixels(catalog.images()[0].pixels_id)
    for arguments in [
        (1, 0, 0, 0, 0, 0, 1, 1), (-1, 0, 0, 0, 0, 0, 1, 1), (0, 1, 0, 0, 0, 0, 1, 1),
        (0, 0, -1, 0, 0, 0, 1, 1), (0, 0, 0, 1, 0, 0, 1, 1), (0, 0, 0, 0, -1, 0, 1, 1),
        (0, 0, 0, 0, 0, 0, 51, 1), (0, 0, 0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 30, 1, 11),
    ]:  # fmt: skip
        with pytest.raises(IndexError):
            buffer.read(*arguments)


def test_unknown_ids(folder, make_catalog):
    catalog = make_catalog()
    for ask in (
        catalog.image, catalog.image_by_pixels, catalog.file, catalog.read_lut, catalog.open_pixels
    ):  # fmt: skip
        with pytest.raises(UnknownId):
            ask(12345)


def test_names_that_are_not_utf8_are_left_out_with_one_warning(folder, make_catalog, caplog):
    write(folder / "good.tif")
    (folder / "good.tif").rename(folder / os.fsdecode(b"bad\xff.tif"))
    write(folder / "good.tif")
    with caplog.at_level(logging.WARNING):
        catalog = make_catalog(rescan_s=0.1)
        time.sleep(0.5)
    assert names(catalog) == ["good.tif"]
    assert len([r for r in caplog.records if "UTF-8" in r.getMessage()]) == 1


@pytest.mark.parametrize("kind", ["zarr", "samples", "png"])
def test_threads_that_read_one_file_disturb_one_another_not_at_all(folder, make_catalog, kind):
    data = noise((3, 90, 120), "uint8")
    if kind == "zarr":
        write_ome_zarr(folder / "a.zarr", [data], "cyx", "0.5", chunks=(3, 32, 32))
    elif kind == "samples":
        tifffile.imwrite(
            folder / "a.tif", np.moveaxis(data, 0, -1), photometric="rgb", tile=(32, 32),
            compression="zlib",
        )  # fmt: skip
    else:
        (folder / "a.png").write_bytes(imagecodecs.png_encode(np.moveaxis(data, 0, -1).copy()))
    catalog = make_catalog()
    buffer = catalog.open_pixels(catalog.images()[0].pixels_id)

    def read(n: int) -> bool:
        x, y, c = n % 80, n % 50, n % 3
        return bool(
            (buffer.read(0, 0, c, 0, x, y, 40, 40) == data[c, y : y + 40, x : x + 40]).all()
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(400)))
