"""Lookup tables: a built-in set under OMERO's names, and those of the folder as they are."""

import pytest
from cmap import Colormap

from imageserver.catalog import UnknownId
from imageserver.luts import BUILT_IN, MAX_LUT_BYTES


def tables(catalog):
    return {lut.path + lut.name: lut for lut in catalog.luts()}


def test_built_in_tables_are_raw_and_equal_their_colormaps(folder, make_catalog):
    catalog = make_catalog(start=False)
    found = tables(catalog)
    assert len(found) == len(BUILT_IN)
    for name, source in BUILT_IN.items():
        lut = found[f"/luts/{name}"]
        data = catalog.read_lut(lut.id)
        assert len(data) == lut.size_bytes == 768
        colors = Colormap(source).lut(256)
        for i in (0, 1, 100, 255):
            written = (data[i], data[256 + i], data[512 + i])
            # fire and ice are stretched from 32 colours, which shifts them by up to half a colour
            near = 12 if source in ("imagej:fire", "imagej:ice") else 0.5
            assert all(
                abs(a - b * 255) <= near for a, b in zip(written, colors[i, :3], strict=True)
            )


def test_well_known_colours():
    from imageserver.luts import built_in_table

    viridis = built_in_table("luts/matplotlib/viridis.lut")
    assert (viridis[0], viridis[256], viridis[512]) == (68, 1, 84)
    assert (viridis[255], viridis[511], viridis[767]) == (253, 231, 37)
    fire = built_in_table("luts/fire.lut")
    assert [fire[i] for i in (0, 8, 255)] == [0, 0, 255]
    assert [fire[512 + i] for i in (0, 4, 8, 12, 255)] == [0, 30, 61, 78, 255]
    assert built_in_table("luts/grays.lut") == bytes(range(256)) * 3


def test_files_of_the_folder_are_offered_as_they_are(folder, make_catalog):
    raw = bytes(range(256)) * 3
    nih = b"ICOL" + b"\x00" * 28 + raw
    text = b"".join(b"%d %d %d\n" % (i, i, i) for i in range(256))
    (folder / "luts" / "mine").mkdir(parents=True)
    for name, data in {"raw": raw, "nih": nih, "text": text}.items():
        (folder / "luts" / "mine" / f"{name}.lut").write_bytes(data)
    (folder / "luts" / "huge.lut").write_bytes(b"\x00" * (MAX_LUT_BYTES + 1))
    (folder / "luts" / "readme.txt").write_text("not a table")
    catalog = make_catalog()
    found = tables(catalog)
    assert len(found) == len(BUILT_IN) + 3
    for name, data in {"raw": raw, "nih": nih, "text": text}.items():
        lut = found[f"/luts/mine/{name}.lut"]
        assert (lut.name, lut.size_bytes) == (f"{name}.lut", len(data))
        assert catalog.read_lut(lut.id) == data


def test_a_file_takes_the_place_of_the_built_in_one(folder, make_catalog):
    (folder / "luts").mkdir()
    (folder / "luts" / "viridis.lut").write_bytes(b"\x07" * 768)
    catalog = make_catalog()
    (lut,) = [lut for lut in catalog.luts() if lut.name == "viridis.lut"]
    assert catalog.read_lut(lut.id) == b"\x07" * 768


def test_ids_stay_and_are_those_of_no_image_file(folder, make_catalog):
    (folder / "luts").mkdir()
    (folder / "luts" / "b.lut").write_bytes(b"\x07" * 768)
    catalog = make_catalog()
    before = {lut.name: lut.id for lut in catalog.luts()}
    catalog.close()
    (folder / "luts" / "a.lut").write_bytes(b"\x07" * 768)
    again = make_catalog()
    after = {lut.name: lut.id for lut in again.luts()}
    assert before.items() < after.items()
    assert not set(after.values()) & {file.id for file in again.files()}
    (folder / "luts" / "a.lut").unlink()
    with pytest.raises(UnknownId):
        again.read_lut(after["a.lut"])
