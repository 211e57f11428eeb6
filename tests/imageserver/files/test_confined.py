"""Nothing leads from one folder directly below the served one into another, where that counts."""

import json

import pytest
import tifffile

from imageserver.catalog import Catalog, UnknownId
from imageserver.readers.base import Access, OutsideFolder, UnreadableFile
from tests.imageserver.files.test_tiff_reader import noise, write_set
from tests.imageserver.files.test_zarr_reader import write_ome_zarr

PLANE = (20, 30)


@pytest.fixture
def folder(folder):
    for name in ("alice", "bob"):
        (folder / name).mkdir()
    tifffile.imwrite(folder / "bob" / "secret.tif", noise(PLANE, "uint8"))
    return folder


def problems(catalog: Catalog) -> dict[str, str | None]:
    return {image.path: image.problem for image in catalog.images()}


def test_links_into_another_folder_are_refused(folder, make_catalog):
    tifffile.imwrite(folder / "alice" / "own.tif", noise(PLANE, "uint8"))
    (folder / "alice" / "link.tif").symlink_to(folder / "bob" / "secret.tif")
    (folder / "alice" / "fine.tif").symlink_to("own.tif")
    (folder / "top.tif").symlink_to("bob/secret.tif")
    catalog = make_catalog(confined=True)
    found = problems(catalog)
    assert "another folder's owner" in found["alice/link.tif"]
    assert "another folder's owner" in found["top.tif"]
    assert found["alice/fine.tif"] is None and found["bob/secret.tif"] is None
    for image in catalog.images():
        if image.problem:
            with pytest.raises(UnknownId):
                catalog.file(image.file_ids[0])
    assert {file.relative_path for file in catalog.files()} == {
        "alice/own.tif", "alice/fine.tif", "bob/secret.tif",
    }  # fmt: skip


def test_without_owners_links_inside_the_folder_are_followed(folder, make_catalog):
    (folder / "alice" / "link.tif").symlink_to(folder / "bob" / "secret.tif")
    assert problems(make_catalog()) == {"alice/link.tif": None, "bob/secret.tif": None}


def test_what_was_read_before_there_were_owners_is_read_again(folder, make_catalog):
    (folder / "alice" / "link.tif").symlink_to(folder / "bob" / "secret.tif")
    write_set(
        folder / "alice",
        {name: noise(PLANE, "uint8") for name in ("a.ome.tif", "../bob/part.ome.tif")},
    )
    catalog = make_catalog()
    assert set(problems(catalog).values()) == {None}
    catalog.close()
    confined = make_catalog(confined=True)
    found = problems(confined)
    for name in ("link.tif", "a.ome.tif"):
        assert "another folder's owner" in found[f"alice/{name}"]
    assert found["bob/secret.tif"] is None


def test_ome_xml_names_no_file_of_another_folder(folder, make_catalog, open_image):
    for name in ("../bob/secret.tif", str(folder / "bob" / "secret.tif")):
        write_set(folder / "alice", {"a.ome.tif": noise(PLANE, "uint8"), name: None})
        access = Access(folder.resolve(), confined=True)
        with pytest.raises(OutsideFolder):
            open_image(folder / "alice" / "a.ome.tif", access)
    binary_only = '<BinaryOnly MetadataFile="../bob/secret.companion.ome" UUID="urn:uuid:0"/>'
    xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{binary_only}</OME>'
    tifffile.imwrite(
        folder / "alice" / "b.ome.tif", noise(PLANE, "uint8"), description=xml, metadata=None
    )
    (folder / "bob" / "secret.companion.ome").write_text(xml)
    with pytest.raises(OutsideFolder):
        open_image(folder / "alice" / "b.ome.tif", Access(folder.resolve(), confined=True))
    write_set(folder / "alice", {n: noise(PLANE, "uint8") for n in ("a.ome.tif", "b.ome.tif")})
    opened = open_image(folder / "alice" / "a.ome.tif", Access(folder.resolve(), confined=True))
    assert len(opened.paths) == 2


def test_no_zarr_reaches_into_another_folder(folder, open_image):
    data = noise((16, 16), "uint8")
    access = Access(folder.resolve(), confined=True)
    secret = folder / "bob" / "secret.zarr"
    for path in (folder / "alice" / "a.zarr", folder / "own.zarr", secret):
        write_ome_zarr(path, [data], "yx", "0.4")
        assert open_image(path, access).read(0, 0, 0, 0, 0, 0, 0, 4, 4).shape == (4, 4)
    for path, up in ((folder / "alice" / "a.zarr", "../../bob"), (folder / "own.zarr", "../bob")):
        chunk = path / "0" / "0.0"
        chunk.unlink()
        chunk.symlink_to(secret / "0" / "0.0")
        with pytest.raises(OutsideFolder):
            open_image(path, access).read(0, 0, 0, 0, 0, 0, 0, 4, 4)
        attributes = json.loads((path / ".zattrs").read_text())
        attributes["multiscales"][0]["datasets"][0]["path"] = f"{up}/secret.zarr/0"
        (path / ".zattrs").write_text(json.dumps(attributes))
        with pytest.raises(UnreadableFile):
            open_image(path, access)
