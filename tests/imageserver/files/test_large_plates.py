"""Plates with more fields than anybody wants to open: listed quickly, opened when asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from imageserver import scan
from imageserver.readers import zarr_fields
from imageserver.readers.base import Access, Changed
from imageserver.readers.zarr import ZarrReader
from imageserver.readers.zarr_plate_file import MAX_OPEN_FIELDS
from tests.imageserver.files.conftest import wait_until

WELLS, FIELDS = 96, 22
SIZE = 6
#: One that is another size, one with other colours, one with labels, one that is not there.
ODD, COLORED, LABELED, MISSING = "A/2/1", "A/3/0", "A/4/3", "B/1/7"


def write(folder: Path, **attributes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps(attributes))


def write_array(folder: Path, size: int, values: np.ndarray | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "zarr_format": 2, "shape": [2, size, size], "chunks": [2, size, size], "dtype": "<u2",
        "compressor": None, "fill_value": 7, "order": "C", "filters": None,
    }  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(told))
    if values is not None:
        (folder / "0.0.0").write_bytes(values.astype("<u2").tobytes())


def write_field(folder: Path, name: str, size: int = SIZE) -> None:
    levels = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 3]}]}]
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    colors = ("00FF00", "FF00FF") if name == COLORED else ("0000FF", "FF0000")
    write(
        folder,
        multiscales=[{"version": "0.4", "name": name, "axes": axes, "datasets": levels}],
        omero={"channels": [{"label": color, "color": color} for color in colors]},
    )
    write_array(folder / "0", size)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with one plate."""
    path = tmp_path_factory.mktemp("images") / "p.zarr"
    names = [f"{'ABCDEFGH'[i // 12]}/{i % 12 + 1}" for i in range(WELLS)]
    write(path, plate={"name": "large", "wells": [{"path": name} for name in names]})
    for name in names:
        write(path / name, well={"images": [{"path": str(i)} for i in range(FIELDS)]})
        for i in range(FIELDS):
            if (field := f"{name}/{i}") != MISSING:
                write_field(path / field, field, SIZE + 3 * (field == ODD))
    write(path / LABELED / "labels", labels=["cells"])
    values = np.arange(2 * SIZE * SIZE).reshape(2, SIZE, SIZE)
    write_array(path / COLORED / "0", SIZE, values)
    return path.parent


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The fields that were opened, not only listed."""
    names: list[str] = []
    open_field = zarr_fields.PlateFields.open

    def note(fields, name):
        names.append(name)
        return open_field(fields, name)

    monkeypatch.setattr(zarr_fields.PlateFields, "open", note)
    return names


def test_all_fields_are_listed_and_one_of_each_kind_is_opened(written, opened):
    access = Access(written)
    file = ZarrReader().open(written / "p.zarr", access)
    assert len(file.series) == WELLS * FIELDS - 1 > 2000
    assert sum(len(well.fields) for well in file.plates[0].wells) == len(file.series)
    # As eight wells are looked at together, some of one kind may be.
    assert {ODD} < set(opened) and len(opened) <= 10
    names = [series.name for series in file.series]
    assert MISSING not in names and names[:2] == ["A/1/0", "A/1/1"]
    # What was not opened is told just as if it had been.
    for name in ("A/1/0", "H/12/21", ODD, COLORED, LABELED):
        told = file.series[names.index(name)]
        assert file._fields.open(name)[1] == told
        assert told.size_x == (SIZE + 3 if name == ODD else SIZE)
        assert told.has_rois == (name == LABELED)
    assert file.series[names.index(COLORED)].channels[0].color == (0, 255, 0, 255)
    np.testing.assert_array_equal(
        file.read(names.index(COLORED), 0, 0, 1, 0, 1, 2, 3, 2), [[49, 50, 51], [55, 56, 57]]
    )


def test_what_is_known_is_not_looked_at_again_before_it_is_read(written, opened, make_catalog):
    catalog = make_catalog(folder=written)
    images = catalog.images()
    assert len(images) == WELLS * FIELDS - 1
    assert all(channel.stats is None for image in images for channel in image.channels)
    catalog.close()
    opened.clear()
    again = make_catalog(folder=written, start=False)
    assert again.images() == images and list(again.plates()) == list(catalog.plates())
    again.start()
    assert again.wait_scanned(30)
    assert opened == []
    image = next(image for image in images if image.name == f"p.zarr [{COLORED}]")
    block = again.open_pixels(image.pixels_id).read(0, 0, 1, 0, 0, 0, 6, 1)
    np.testing.assert_array_equal(block, [[36, 37, 38, 39, 40, 41]])
    assert opened == [COLORED]
    assert again.image(image.id).channels[1].stats == (36, 71)
    assert opened == [COLORED]
    # Few stay open, however many are read.
    for image in images[: MAX_OPEN_FIELDS + 20]:
        again.open_pixels(image.pixels_id).read(0, 0, 0, 0, 0, 0, 6, 6)
    file = ZarrReader().reopen(written / "p.zarr", Access(written), [])
    assert file.series == () and file._opened == {}
    held = next(iter(again._sources._open_files._open.values())).file
    assert len(held._opened) == MAX_OPEN_FIELDS


def test_a_scan_looks_at_the_plate_and_its_wells(written):
    files, folders = scan.folder_files(written / "p.zarr")
    path = written / "p.zarr"
    assert len(files) == 2 * (1 + WELLS) and folders == [path]
    assert {path / ".zattrs", path / "A/1/.zattrs", path / "H/12/.zgroup"} < set(files)


def test_a_field_that_became_another_is_noticed_when_it_is_read(folder, make_catalog, monkeypatch):
    # As if it were too large to be looked through.
    monkeypatch.setattr(scan, "MAX_FOLDER_FILES", 2)
    write(folder / "p.zarr", plate={"wells": [{"path": "A/1"}]})
    write(folder / "p.zarr/A/1", well={"images": [{"path": "0"}, {"path": "1"}]})
    for name in ("A/1/0", "A/1/1"):
        write_field(folder / "p.zarr" / name, name)
    catalog = make_catalog()
    first = catalog.images()[0]
    write_field(folder / "p.zarr" / "A/1/0", "A/1/0", SIZE + 1)
    assert catalog._scanner.scan() is False and catalog.images()[0] == first
    buffer = catalog.open_pixels(first.pixels_id)
    with pytest.raises(Changed):
        buffer.read(0, 0, 0, 0, 0, 0, 6, 6)
    wait_until(lambda: catalog.image(first.id, wait_stats_s=0).size_x == SIZE + 1)
    after = catalog.image(first.id)
    assert (after.id, after.name) == (first.id, first.name) and after.version > first.version
    assert catalog.open_pixels(first.pixels_id).read(0, 0, 0, 0, 0, 0, 7, 7).shape == (7, 7)


@pytest.mark.parametrize("place", ["../q.zarr/A/1", "/A/../../q.zarr/A/1", "A//1", "."])
@pytest.mark.parametrize("of", ["well", "field", "level"])
def test_no_path_leads_out_of_the_plate(folder, open_image, place, of):
    for name in ("p.zarr", "q.zarr"):
        wells = [{"path": "A/2"}, {"path": place if of == "well" else "A/1"}]
        write(folder / name, plate={"wells": wells})
        for well in ("A/1", "A/2"):
            write(folder / name / well, well={"images": [{"path": "0"}]})
            write_field(folder / name / well / "0", f"{well}/0")
    changed = folder / "p.zarr" / "A/1"
    if of == "field":
        write(changed, well={"images": [{"path": f"{place}/0"}]})
    if of == "level":
        write(changed / "0", multiscales=[{"datasets": [{"path": f"{place}/0/0"}]}])
    file = open_image(folder / "p.zarr")
    assert [series.name for series in file.series] == ["A/2/0"]


def test_links_are_followed_inside_the_served_folder_only(folder, tmp_path, open_image):
    inside, outside = folder / "elsewhere.zarr", tmp_path / "outside.zarr"
    for path in (inside, outside):
        write_field(path, "A/1/0")
    wells = [f"A/{number}" for number in range(1, 6)]
    path = folder / "p.zarr"
    write(path, plate={"wells": [{"path": well} for well in wells]})
    for well in wells[:4]:
        write(path / well, well={"images": [{"path": "0"}]})
    write_field(path / "A/1/0", "A/1/0")
    (path / "A/2/0").symlink_to(inside)
    (path / "A/3/0").symlink_to(outside)
    write_field(path / "A/4/0", "A/4/0")
    (path / "A/4/0/0/.zarray").unlink()
    (path / "A/4/0/0/.zarray").symlink_to(outside / "0" / ".zarray")
    write(outside.parent / "well", well={"images": [{"path": "0"}]})
    (path / "A/5").symlink_to(outside.parent / "well")
    file = open_image(path)
    assert [series.name for series in file.series] == ["A/1/0", "A/2/0"]
    assert file.read(1, 0, 0, 0, 0, 0, 0, 2, 2).tolist() == [[7, 7], [7, 7]]
