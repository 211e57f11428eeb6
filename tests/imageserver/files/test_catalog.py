"""The catalog over real folders: ids, names, changes while it runs, broken files, links."""

import logging
import os
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from imageserver.catalog import UnknownId
from imageserver.readers.base import PIXEL_TYPES, UnreadableFile

from .conftest import noise, wait_until
from .test_tiff_reader import write_set
from .test_zarr_reader import write_ome_zarr

SAMPLES = Path(__file__).parents[3] / "samples"


def write(path: Path, seed: int = 0, shape=(40, 50), dtype="uint16") -> np.ndarray:
    data = noise(shape, dtype, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, data, photometric="minisblack", metadata=None, tile=(32, 32))
    return data


def ids(catalog):
    return {
        image.name: (
            image.id, image.pixels_id, image.fileset_id, image.dataset_id, image.file_ids,
            tuple(channel.id for channel in image.channels),
        )
        for image in catalog.images()
    }  # fmt: skip


def names(catalog):
    return [image.name for image in catalog.images()]


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


def test_ids_stay_across_restarts_and_when_files_are_added(folder, make_catalog):
    write(folder / "m.tif")
    write(folder / "sub" / "n.tif", shape=(3, 40, 50))
    with tifffile.TiffWriter(folder / "two.ome.tif") as writer:
        writer.write(noise((30, 40), "uint8"), metadata={"axes": "YX", "Name": "one"})
        writer.write(noise((20, 10), "uint8"), metadata={"axes": "YX", "Name": "other"})
    first = make_catalog()
    before = ids(first)
    assert sorted(before) == ["m.tif", "sub/n.tif", "two.ome.tif [one]", "two.ome.tif [other]"]
    files_before = {file.relative_path: file.id for file in first.files()}
    project = first.project()
    first.close()
    write(folder / "a.tif")
    write(folder / "z" / "z.tif")
    (folder / "m.tif").touch()
    second = make_catalog()
    after = ids(second)
    assert before.items() <= after.items()
    assert len(after) == 6
    assert len({entry[0] for entry in after.values()}) == 6
    assert files_before.items() <= {f.relative_path: f.id for f in second.files()}.items()
    assert second.project() == project


def test_ids_come_back_with_the_file(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    write(folder / "b.tif")
    catalog = make_catalog()
    before = ids(catalog)
    shutil.move(folder / "a.tif", tmp_path / "a.tif")
    catalog.close()
    catalog = make_catalog()
    assert names(catalog) == ["b.tif"]
    with pytest.raises(UnknownId):
        catalog.image(before["a.tif"][0])
    shutil.move(tmp_path / "a.tif", folder / "a.tif")
    catalog.close()
    assert ids(make_catalog()) == before


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


def test_two_folders_with_one_cache_never_share_ids(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    write(tmp_path / "other" / "a.tif")
    first = make_catalog()
    second = make_catalog(folder=tmp_path / "other")
    assert first.images()[0].id != second.images()[0].id
    assert first.images()[0].pixels_id != second.images()[0].pixels_id


@pytest.mark.parametrize("options", [{"watch": True}, {"rescan_s": 0.3}])
def test_files_appear_change_and_disappear_while_it_runs(folder, make_catalog, options):
    write(folder / "a.tif")
    catalog = make_catalog(**options)
    time.sleep(0.5)
    revision = catalog.revision()
    data = write(folder / "new" / "b.tif", seed=1)
    wait_until(lambda: names(catalog) == ["a.tif", "new/b.tif"])
    assert catalog.revision() > revision
    b = catalog.image(catalog.images()[1].id)
    assert b.channels[0].stats == (data.min(), data.max())
    buffer = catalog.open_pixels(b.pixels_id)
    np.testing.assert_array_equal(buffer.read(0, 0, 0, 0, 0, 0, 50, 40), data)

    changed = write(folder / "new" / "b.tif", seed=2, shape=(44, 55))
    wait_until(lambda: catalog.images()[1].size_x == 55)
    again = catalog.image(b.id)
    assert again.version > b.version
    assert again.pixels_id == b.pixels_id
    assert again.channels[0].stats == (changed.min(), changed.max())
    with pytest.raises(UnreadableFile):
        buffer.read(0, 0, 0, 0, 0, 0, 50, 40)
    np.testing.assert_array_equal(
        catalog.open_pixels(b.pixels_id).read(0, 0, 0, 0, 0, 0, 55, 44), changed
    )

    (folder / "a.tif").unlink()
    wait_until(lambda: names(catalog) == ["new/b.tif"])


def test_a_broken_file_is_listed_warned_of_once_and_stops_nothing(folder, make_catalog, caplog):
    write(folder / "good.tif")
    (folder / "broken.tif").write_bytes(b"II*\x00nothing of use here")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("not an image")
    for broken in folder.glob("broken.*"):
        os.utime(broken, (1, 1))
    with caplog.at_level(logging.WARNING):
        catalog = make_catalog(rescan_s=0.2)
        time.sleep(1)
    assert names(catalog) == ["broken.png", "broken.tif", "good.tif"]
    for image in catalog.images()[:2]:
        assert image.description == f"Unreadable: {image.problem}"
        assert (image.size_x, image.size_y, image.size_c, image.channels) == (0, 0, 0, ())
        assert image.levels == ()
        with pytest.raises(UnreadableFile):
            catalog.open_pixels(image.pixels_id)
    warned = [record.getMessage() for record in caplog.records]
    assert sum("broken.tif" in message for message in warned) == 1
    assert sum("broken.png" in message for message in warned) == 1
    good = catalog.images()[2]
    assert catalog.open_pixels(good.pixels_id).read(0, 0, 0, 0, 0, 0, 5, 5).shape == (5, 5)


def test_a_picture_whose_pixels_are_damaged_becomes_unreadable(folder, make_catalog):
    from PIL import Image

    Image.fromarray(noise((100, 100), "uint8")).save(folder / "a.png")
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    catalog = make_catalog()
    image_id = catalog.images()[0].id
    assert catalog.image(image_id).problem
    (folder / "a.png").write_bytes(whole)
    catalog.rescan()
    wait_until(lambda: catalog.images()[0].problem is None)
    assert catalog.images()[0].id == image_id
    assert catalog.image(image_id).size_x == 100


def test_a_file_that_is_still_being_copied_is_not_called_broken(folder, make_catalog, caplog):
    whole = folder.parent / "whole.tif"
    write(whole)
    content = whole.read_bytes()
    catalog = make_catalog(rescan_s=0.2)
    with caplog.at_level(logging.WARNING):
        (folder / "a.tif").write_bytes(content[:200])
        time.sleep(0.7)
        assert names(catalog) == []
        (folder / "a.tif").write_bytes(content)
        wait_until(lambda: names(catalog) == ["a.tif"])
    assert catalog.images()[0].problem is None
    assert not caplog.records


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


def test_a_file_replaced_by_a_link_outside_is_not_followed(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    write(tmp_path / "secret.tif")
    catalog = make_catalog()
    image = catalog.images()[0]
    (folder / "a.tif").unlink()
    (folder / "a.tif").symlink_to(tmp_path / "secret.tif")
    with pytest.raises(UnknownId):
        catalog.file(image.file_ids[0])
    catalog._sources.close()
    with pytest.raises(UnreadableFile):
        catalog.open_pixels(image.pixels_id).read(0, 0, 0, 0, 0, 0, 5, 5)


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


def test_a_set_of_files_is_one_image_until_a_part_goes(folder, make_catalog):
    planes = {f"{n}.ome.tif": noise((20, 30), "uint8", i) for i, n in enumerate("abc")}
    write_set(folder, planes)
    catalog = make_catalog(rescan_s=0.2)
    (image,) = catalog.images()
    assert (image.name, image.size_t) == ("a.ome.tif", 3)
    assert [catalog.file(i).name for i in image.file_ids] == list(planes)
    buffer = catalog.open_pixels(image.pixels_id)
    np.testing.assert_array_equal(buffer.read(0, 0, 0, 2, 0, 0, 30, 20), planes["c.ome.tif"])
    (folder / "a.ome.tif").unlink()
    wait_until(lambda: names(catalog) == ["b.ome.tif"])


def test_a_damaged_index_is_set_aside(folder, tmp_path, make_catalog, caplog):
    write(folder / "a.tif")
    make_catalog().close()
    database = tmp_path / "cache" / "index.sqlite"
    database.write_bytes(b"this is no database" * 1000)
    catalog = make_catalog()
    assert names(catalog) == ["a.tif"]
    assert list((tmp_path / "cache").glob("index.sqlite.damaged-*"))


def test_a_crash_in_the_middle_of_a_change_leaves_a_whole_index(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    catalog = make_catalog()
    before = ids(catalog)
    catalog.close()
    # A writer that dies between two statements of one change: what it did must not count.
    dying = sqlite3.connect(tmp_path / "cache" / "index.sqlite", isolation_level=None)
    dying.execute("begin immediate")
    dying.execute("update filesets set path = 'torn'")
    dying.execute("delete from images")
    dying.close()
    assert ids(make_catalog()) == before


def test_versions_rise_even_when_the_index_is_lost(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    catalog = make_catalog()
    version = catalog.images()[0].version
    catalog.close()
    time.sleep(1.1)
    shutil.rmtree(tmp_path / "cache")
    assert make_catalog().images()[0].version > version


def test_second_start_lists_all_at_once_and_opens_nothing(folder, make_catalog, monkeypatch):
    for i in range(30):
        write(folder / f"{i}.tif", shape=(8, 8))
    catalog = make_catalog()
    before = {image.name: catalog.image(image.id) for image in catalog.images()}
    catalog.close()
    opened = []
    monkeypatch.setattr(
        "imageserver.readers.tiff.TiffFile", lambda *a, **k: opened.append(a) or 1 / 0
    )
    catalog = make_catalog(start=False)
    assert {image.name: image for image in catalog.images()} == before
    catalog.start()
    assert catalog.wait_scanned(10)
    assert {image.name: image for image in catalog.images()} == before
    assert not opened


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


def test_cache_folder_inside_the_served_folder_is_left_out(folder, make_catalog):
    write(folder / "a.tif")
    catalog = make_catalog(cache_dir=folder / "cache")
    write(folder / "cache" / "pyramids" / "x" / "level-0.tif")
    catalog.rescan()
    time.sleep(0.5)
    assert names(catalog) == ["a.tif"]


def test_closing_leaves_no_thread(folder, make_catalog):
    write(folder / "a.tif")
    before = set(threading.enumerate())
    catalog = make_catalog(watch=True, rescan_s=30)
    catalog.close()
    assert not {t.name for t in set(threading.enumerate()) - before if t.name != "zarr_io"}


def test_names_that_are_not_utf8_are_left_out_with_one_warning(folder, make_catalog, caplog):
    write(folder / "good.tif")
    (folder / "good.tif").rename(folder / os.fsdecode(b"bad\xff.tif"))
    write(folder / "good.tif")
    with caplog.at_level(logging.WARNING):
        catalog = make_catalog(rescan_s=0.1)
        time.sleep(0.5)
    assert names(catalog) == ["good.tif"]
    assert len([r for r in caplog.records if "UTF-8" in r.getMessage()]) == 1


def test_pixels_are_read_after_a_restart(folder, make_catalog):
    data = write(folder / "a.tif")
    with tifffile.TiffWriter(folder / "b.ome.tif") as writer:
        writer.write(
            noise((2, 30, 40), "uint8"),
            metadata={
                "axes": "CYX", "Name": "one", "PhysicalSizeX": 0.1,
                "Channel": {"Name": ["A", "B"], "Color": [255, -1]},
            },
        )  # fmt: skip
    write_ome_zarr(folder / "c.zarr", [noise((20, 30), "uint8")], "yx", "0.4")
    make_catalog().close()
    again = make_catalog(start=False)
    assert len(again.images()) == 3
    for image in again.images():
        buffer = again.open_pixels(image.pixels_id)
        assert buffer.read(0, 0, 0, 0, 0, 0, 5, 5).shape == (5, 5)
    buffer = again.open_pixels(again.images()[0].pixels_id)
    np.testing.assert_array_equal(buffer.read(0, 0, 0, 0, 0, 0, 50, 40), data)


def test_two_servers_may_share_a_cache_folder(folder, make_catalog):
    for i in range(40):
        write(folder / f"{i}.tif", shape=(8, 8))
    first = make_catalog(wait=False)
    second = make_catalog(wait=False)
    assert first.wait_scanned(30)
    assert second.wait_scanned(30)
    assert ids(first) == ids(second)
    assert len(ids(first)) == 40


def test_a_full_index_stops_neither_the_others_nor_the_next_try(folder, make_catalog, monkeypatch):
    from imageserver.index import Index

    write(folder / "a.tif")
    write(folder / "b.tif")
    real = Index.store
    failed = []

    def store(self, path, *arguments, **options):
        if path == "a.tif" and not failed:
            failed.append(path)
            raise sqlite3.OperationalError("database or disk is full")
        return real(self, path, *arguments, **options)

    monkeypatch.setattr(Index, "store", store)
    catalog = make_catalog(rescan_s=0.2)
    assert failed
    wait_until(lambda: names(catalog) == ["a.tif", "b.tif"])


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
