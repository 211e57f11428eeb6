"""The catalog while its folder changes: new, broken, half-copied and replaced files."""

import logging
import os
import threading
import time

import numpy as np
import pytest

from imageserver.catalog import UnknownId
from imageserver.readers.base import UnreadableFile

from .catalogs import names, write
from .conftest import noise, wait_until
from .test_tiff_reader import write_set


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
