"""Plates that files tell of."""

from pathlib import Path

import numpy as np
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from imageserver.plate_json import plate_from_json, plate_to_json
from imageserver.readers.objects import (
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    ScreenMetadata,
    WellMetadata,
)
from imageserver.readers.zarr_plates import ZarrField, plate_of
from tests.imageserver.files.conftest import noise
from tests.imageserver.files.test_zarr_reader import write_ome_zarr
from tests.support.ome import image_xml, write_ome_tiff

KEYS = (
    "name", "rows", "columns", "wells", "acquisitions", "id", "path", "rowIndex", "columnIndex",
    "starttime", "endtime", "maximumfieldcount", "description", "acquisition",
)  # fmt: skip
_PLAIN = st.none() | st.booleans() | st.integers() | st.sampled_from([1.5, "A", "1", "A/1", ""])
JSON = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
PLANE = np.arange(30 * 40, dtype=np.uint8).reshape(1, 30, 40)
XML = (
    image_xml(0, PLANE, "one", "")
    + image_xml(1, PLANE, "two", "", first_ifd=1)
    + image_xml(2, PLANE, "three", "", first_ifd=2)
    + """
<Screen ID="Screen:0" Name="drugs &quot;α&quot;"><Description>all</Description>
  <PlateRef ID="Plate:0"/></Screen>
<Plate ID="Plate:0" Name="P1" Rows="8" Columns="12" RowNamingConvention="letter"
    ColumnNamingConvention="number" WellOriginX="1.5" WellOriginXUnit="mm" Status="done"
    ExternalIdentifier="X7">
  <Description>first</Description>
  <Well ID="Well:1" Row="1" Column="2" Type="control" Color="-16776961">
    <WellSample ID="S:2" Index="1"><ImageRef ID="Image:1"/></WellSample>
    <WellSample ID="S:1" Index="0" PositionX="3.5" PositionXUnit="µm" PositionY="-2">
      <ImageRef ID="Image:2"/></WellSample>
    <WellSample ID="S:3" Index="2"><ImageRef ID="Image:77"/></WellSample>
  </Well>
  <Well ID="Well:0" Row="0" Column="0"><WellSample ID="S:0"><ImageRef ID="Image:0"/></WellSample>
  </Well>
  <Well ID="Well:9" Row="0" Column="0"/><Well ID="Well:8" Row="-1" Column="0"/>
  <Well ID="Well:7" Row="0" Column="5000"/>
  <PlateAcquisition ID="A:0" Name="run 1" StartTime="2020-01-02T03:04:05" MaximumFieldCount="2">
    <WellSampleRef ID="S:1"/></PlateAcquisition>
</Plate>"""
)


def test_plates_of_ome_xml(folder: Path, open_image):
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, XML)
    (plate,) = open_image(folder / "a.ome.tif").plates
    assert plate == PlateMetadata(
        name="P1",
        description="first",
        rows=8,
        columns=12,
        row_naming="letter",
        column_naming="number",
        external_id="X7",
        status="done",
        origin_x=(1.5, "MILLIMETER"),
        acquisitions=(
            AcquisitionMetadata("run 1", started_at_s=1577934245.0, maximum_field_count=2),
        ),
        screen=ScreenMetadata(0, 'drugs "α"', "all"),
        wells=(
            WellMetadata(0, 0, (FieldMetadata(0),)),
            WellMetadata(
                1,
                2,
                (
                    FieldMetadata(2, 0, (3.5, "MICROMETER"), (-2.0, "REFERENCEFRAME")),
                    FieldMetadata(1),
                ),
                kind="control",
                color=(255, 0, 0, 255),
            ),
        ),
    )


def test_plates_keep_their_ids_and_all_they_tell(folder: Path, make_catalog):
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, XML)
    first = make_catalog()
    (plate,) = first.plates()
    assert [image.dataset_id for image in first.images()] == [first.datasets()[0].id] * 3
    assert [dataset.name for dataset in first.datasets()] == ["a.ome.tif"]
    first.close()
    assert list(make_catalog(start=False).plates()) == [plate]
    (folder / "a.ome.tif").unlink()
    gone = make_catalog()
    assert list(gone.plates()) == []
    gone.close()
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, XML)
    (again,) = make_catalog().plates()
    assert again == plate


def test_a_plate_that_is_told_of_no_more_is_away(folder: Path, make_catalog):
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, XML)
    catalog = make_catalog()
    catalog.close()
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, XML.partition("<Screen")[0])
    catalog = make_catalog()
    assert list(catalog.plates()) == []
    assert len(catalog.images()) == 3


def test_a_plate_without_a_name_has_that_of_its_file(folder: Path, make_catalog):
    xml = XML.replace('Name="P1"', "")
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 3, xml)
    assert [plate.name for plate in make_catalog().plates()] == ["a.ome.tif"]


def write_plate(path: Path, plate: dict, wells: dict[str, list[dict]]) -> None:
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["plate"] = plate
    for well, images in wells.items():
        group = root.create_group(well)
        group.attrs["well"] = {"images": images}
        for image in images:
            folder = path / well / image["path"]
            write_ome_zarr(folder, [noise((10, 10), "uint8")], "yx", "0.4")


def test_plates_of_ome_zarr(folder: Path, open_image):
    plate = {
        "name": "screened",
        "rows": [{"name": "A"}, {"name": "B"}],
        "columns": [{"name": "01"}, {"name": "02"}],
        "wells": [
            {"path": "B/02", "rowIndex": 1, "columnIndex": 1},
            {"path": "A/01", "rowIndex": 0, "columnIndex": 0},
        ],
        "acquisitions": [{"id": 7, "name": "run", "starttime": 1577934245}, {"id": 8}],
    }
    fields = {
        "B/02": [{"path": "0", "acquisition": 7}, {"path": "1", "acquisition": 8}],
        "A/01": [{"path": "0"}],
    }
    write_plate(folder / "p.zarr", plate, fields)
    file = open_image(folder / "p.zarr")
    assert [series.name for series in file.series] == ["B/02/0", "B/02/1", "A/01/0"]
    (found,) = file.plates
    assert found == PlateMetadata(
        name="screened",
        rows=2,
        columns=2,
        row_naming="letter",
        column_naming="number",
        acquisitions=(
            AcquisitionMetadata("run", started_at_s=1577934245.0),
            AcquisitionMetadata(),
        ),
        wells=(
            WellMetadata(0, 0, (FieldMetadata(2),)),
            WellMetadata(1, 1, (FieldMetadata(0, 0), FieldMetadata(1, 1))),
        ),
    )


@given(
    plate=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    attributes=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3),
)
@settings(deadline=None, max_examples=100)
def test_attributes_of_any_form_make_a_plate_that_can_be_kept(plate, attributes):
    found = plate_of(plate, {0: ZarrField("A/1", attributes)})
    assert plate_from_json(plate_to_json(found)) == found


def test_wells_without_indices_are_placed_by_their_names(folder: Path, open_image):
    wells = ["A/1", "AB/12", "H/3", "strange/1"]
    plate = {"wells": [{"path": path} for path in wells]}
    write_plate(folder / "p.zarr", plate, {path: [{"path": "0"}] for path in wells})
    (found,) = open_image(folder / "p.zarr").plates
    assert [(well.row, well.column) for well in found.wells] == [(0, 0), (7, 2), (27, 11)]
