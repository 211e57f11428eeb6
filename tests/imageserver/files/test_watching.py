"""Which folders' events are listened to."""

import threading
from pathlib import Path

import numpy as np

from imageserver import scan
from imageserver.watching import FolderWatch
from tests.imageserver.files.conftest import noise, wait_until
from tests.imageserver.files.test_zarr_reader import write_ome_zarr


def watched(catalog) -> frozenset[Path]:
    return catalog._scanner._watch._folders


def test_changes_inside_a_small_zarr_are_noticed_at_once(folder: Path, make_catalog):
    write_ome_zarr(folder / "in" / "a.zarr", [noise((10, 12), "uint8")], "yx", "0.4")
    catalog = make_catalog(watch=True)
    inside = folder / "in" / "a.zarr"
    assert {folder, folder / "in", inside, inside / "0"} <= watched(catalog)
    first = catalog.images()[0]
    assert catalog.image(first.id).channels[0].stats != (0, 0)
    wait_until(lambda: catalog._scanner._watch._thread.is_alive())
    [chunk] = [path for path in (inside / "0").rglob("*") if path.name[:1].isdigit()][-1:]

    def rewrite() -> bool:
        # Until somebody listens.
        chunk.write_bytes(chunk.read_bytes())
        return catalog.images()[0].version > first.version

    wait_until(rewrite)


def test_large_zarrs_are_watched_from_outside(folder: Path, make_catalog, monkeypatch):
    monkeypatch.setattr(scan, "MAX_WATCHED_INSIDE", 2)
    for name, levels in (("small", 1), ("large", 3)):
        planes = [np.zeros((32 >> i, 32 >> i), np.uint8) for i in range(levels)]
        write_ome_zarr(folder / f"{name}.zarr", planes, "yx", "0.4")
    catalog = make_catalog(watch=True)
    small, large = folder / "small.zarr", folder / "large.zarr"
    assert watched(catalog) >= {folder, small, small / "0", large}
    assert not [path for path in watched(catalog) if large in path.parents]


def test_a_folder_that_goes_away_ends_nothing(tmp_path: Path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    noticed = threading.Event()
    watch = FolderWatch(noticed.set, frozenset())
    watch.start()
    try:
        folders[0].rmdir()
        watch.set_folders(frozenset(folders))
        assert noticed.wait(10)
        noticed.clear()
        watch.set_folders(frozenset(folders[1:]))
        # Said once when listening begins, and then for what comes.
        assert noticed.wait(10)
        noticed.clear()
        (folders[1] / "new").touch()
        assert noticed.wait(10)
    finally:
        watch.close()
