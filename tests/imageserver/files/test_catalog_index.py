"""The catalog's index: ids that stay, restarts, damage, and several servers on one."""

import shutil
import sqlite3
import time

import numpy as np
import pytest
import tifffile

from imageserver.catalog import UnknownId

from .catalogs import ids, names, write
from .conftest import noise, wait_until
from .test_zarr_reader import write_ome_zarr


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


def test_two_folders_with_one_cache_never_share_ids(folder, tmp_path, make_catalog):
    write(folder / "a.tif")
    write(tmp_path / "other" / "a.tif")
    first = make_catalog()
    second = make_catalog(folder=tmp_path / "other")
    assert first.images()[0].id != second.images()[0].id
    assert first.images()[0].pixels_id != second.images()[0].pixels_id


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
