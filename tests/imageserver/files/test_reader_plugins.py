"""A reader of another package is found by its entry point and needs nothing else."""

import logging
import sys

import numpy as np

from imageserver import readers
from imageserver.readers import all_readers
from tests.support.pages import blocks, entry_points

[MODULE] = [
    block.text
    for block in blocks("python", ["docs/extending.md"])
    if "class PlainReader" in block.text
]


def test_an_installed_reader_serves_its_files(folder, tmp_path, make_catalog, monkeypatch, caplog):
    site = tmp_path / "site"
    (site / "plain_reader-1.0.dist-info").mkdir(parents=True)
    (site / "plain_reader.py").write_text(MODULE)
    (site / "plain_reader-1.0.dist-info" / "METADATA").write_text(
        "Name: plain-reader\nVersion: 1.0\n"
    )
    (site / "plain_reader-1.0.dist-info" / "entry_points.txt").write_text(
        f"{entry_points('blitzrender.readers')}bad = no_such_module:Reader\n"
    )
    monkeypatch.syspath_prepend(site)
    readers._installed.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            found = all_readers()
        assert found[0].name == "plain"
        assert any("bad" in record.getMessage() for record in caplog.records)
        (folder / "a.plain").write_bytes(bytes(range(64)))
        catalog = make_catalog()
        (image,) = catalog.images()
        assert catalog.image(image.id).channels[0].stats == (0.0, 63.0)
        block = catalog.open_pixels(image.pixels_id).read(0, 0, 0, 0, 1, 1, 3, 2)
        np.testing.assert_array_equal(block, [[17, 18, 19], [33, 34, 35]])
    finally:
        readers._installed.cache_clear()
        sys.modules.pop("plain_reader", None)


def test_built_in_readers_need_no_packaging():
    assert [reader.name for reader in all_readers()][-3:] == ["OME-Zarr", "TIFF", "PNG and JPEG"]
