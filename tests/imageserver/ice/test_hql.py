"""The HQL reader, over a small index made by hand."""

import time
from collections.abc import Iterable
from typing import Any

import pytest

from imageserver.accounts import View, local_accounts
from imageserver.accounts.model import LOCAL_GROUP_ID, LOCAL_USER_ID
from imageserver.accounts.views import ALL_GROUPS, view_of
from imageserver.definitions import Definitions
from imageserver.graph import Graph
from imageserver.hql import Paging, QueryError, select_entities, select_rows
from imageserver.hql.functions import like
from imageserver.readers.objects import (
    MAX_PER_IMAGE,
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    RoiMetadata,
    ScreenMetadata,
    ShapeMetadata,
    WellMetadata,
)
from imageserver.readers.ome_plates import MAX_SIDE
from imageserver.records import (
    ChannelRecord,
    DatasetRecord,
    FileRecord,
    ImageRecord,
    PlateRecord,
    ProjectRecord,
)
from imageserver.wire import unwrap


def make_image(identifier: int, name: str, dataset: int = 1, **changes: Any) -> ImageRecord:
    first = identifier * 10
    known: dict[str, Any] = {
        "id": identifier,
        "pixels_id": 100 + identifier,
        "fileset_id": 200 + identifier,
        "dataset_id": dataset,
        "file_ids": (300 + identifier,),
        "name": name,
        "description": "",
        "pixel_type": "uint16",
        "significant_bits": 12,
        "size_x": 64 * identifier,
        "size_y": 48,
        "size_z": 5,
        "size_c": 2,
        "size_t": 1,
        "physical_size_x": 0.5,
        "physical_size_y": None,
        "physical_size_z": None,
        "channels": (
            ChannelRecord(first, first, "DAPI", (0, 0, 255, 255), None, 450.0, None, (3, 9)),
            ChannelRecord(first + 1, first + 1, None, None, "cool.lut", None, 560.0, None),
        ),
        "levels": ((64 * identifier, 48),),
        "tile_width": 64,
        "tile_height": 48,
        "nominal_magnification": None,
        "acquired_at_s": None,
        "imported_at_s": 1000.0 + identifier,
        "version": 1,
    }
    return ImageRecord(**{**known, **changes})


#: Two regions in one image, one in another.
REGIONS = {
    2: (
        RoiMetadata(
            (
                ShapeMetadata("Rectangle", {"x": 1.0, "y": 2.0, "theZ": 3}),
                ShapeMetadata("Point", {"x": 5.0, "y": 6.0, "strokeWidth": (2.0, "PIXEL")}),
            ),
            name="first",
        ),
        RoiMetadata(()),
    ),
    3: (RoiMetadata((ShapeMetadata("Mask", {"x": 0.0, "width": 8.0, "height": 4.0}),)),),
}
#: Two wells, one of them with an image that is not there.
PLATE = PlateMetadata(
    name="plate",
    rows=8,
    row_naming="letter",
    acquisitions=(AcquisitionMetadata("run", started_at_s=12.5),),
    screen=ScreenMetadata(1, "screen"),
    wells=(
        WellMetadata(0, 1, (FieldMetadata(0, 0, (2.5, "MICROMETER")), FieldMetadata(1))),
        WellMetadata(2, 3, (FieldMetadata(2),), kind="control"),
    ),
)
FIRST_WELL = 5 * MAX_SIDE * MAX_SIDE + 1
SECOND = 2 * MAX_PER_IMAGE


class HandMadeIndex:
    """Two folders with three images, one of them with an objective, and one unreadable."""

    def __init__(self) -> None:
        self._images = [
            make_image(1, "beta"),
            make_image(2, "Alpha", nominal_magnification=20.0, acquired_at_s=99.5),
            make_image(3, "gamma_1", dataset=2),
            make_image(4, "broken", problem="it is empty", channels=(), size_c=0),
        ]

    def revision(self) -> int:
        return 1

    def project(self, path: str = ".") -> ProjectRecord:
        return ProjectRecord(1, "images", path=path)

    def datasets(self) -> Iterable[DatasetRecord]:
        return [DatasetRecord(1, "."), DatasetRecord(2, "more")]

    def images(self) -> Iterable[ImageRecord]:
        return self._images

    def image(self, image_id: int, *, wait_stats_s: float = 0) -> ImageRecord:
        return next(image for image in self._images if image.id == image_id)

    def files(self) -> Iterable[FileRecord]:
        return [
            FileRecord(300 + i.id, i.name, f"a/{i.name}", f"/x/{i.name}", 1000 * i.id, 5.0, "x")
            for i in self._images
        ]

    def luts(self) -> Iterable[Any]:
        return []

    def plates(self) -> Iterable[PlateRecord]:
        return [PlateRecord(5, 202, "plate", PLATE, (2, 3, 99))]

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        return REGIONS.get(image.id, ())

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        return b"\x80"

    def definitions(self) -> Definitions:
        return Definitions()


def local_view() -> View:
    accounts = local_accounts()
    return view_of(accounts, accounts.users[LOCAL_USER_ID], ALL_GROUPS)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph(HandMadeIndex(), local_view(), started_s=7.0)


def rows(graph: Graph, text: str, paging: Paging | None = None, **values: Any) -> list[list[Any]]:
    found = select_rows(graph, text, values, paging or Paging())
    return [[unwrap(cell) for cell in row] for row in found]


def names(graph: Graph, condition: str, **values: Any) -> list[str]:
    found = rows(graph, f"select i.name from Image i where {condition} order by i.id", **values)
    return [name for [name] in found]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("i.id = 2", ["Alpha"]),
        ("2 = i.id", ["Alpha"]),
        ("i.id <> 2 and i.id != 4", ["beta", "gamma_1"]),
        ("i.id in (1, 3)", ["beta", "gamma_1"]),
        ("i.id not in (1, 3)", ["Alpha", "broken"]),
        ("i.id in (:ids)", ["beta", "Alpha"]),
        ("i.id in :ids", ["beta", "Alpha"]),
        ("i.id > 1 and not i.id >= 3", ["Alpha"]),
        ("i.id between 2 and 3", ["Alpha", "gamma_1"]),
        ("i.id < 2 or i.name = 'gamma_1'", ["beta", "gamma_1"]),
        ("i.id < 2 or i.id = 2 and i.name = 'x'", ["beta"]),
        ("(i.id < 2 or i.id = 2) and i.name = 'Alpha'", ["Alpha"]),
        ("i.name like '%a'", ["beta", "Alpha"]),
        ("i.name not like '%a'", ["gamma_1", "broken"]),
        ("i.name like 'gamma\\_1'", ["gamma_1"]),
        ("i.name like '_eta'", ["beta"]),
        ("i.name like '%a%a%'", ["gamma_1"]),
        ("i.name like 'g%m%_1'", ["gamma_1"]),
        ("i.name like 'beta%beta'", []),
        ("i.name like '%%b%%e%%'", ["beta", "broken"]),
        ("i.name like '____'", ["beta"]),
        ("i.name like 'bet'", []),
        ("lower(i.name) = 'alpha'", ["Alpha"]),
        ("i.acquisitionDate is null", ["beta", "gamma_1", "broken"]),
        ("i.acquisitionDate is not null", ["Alpha"]),
        # A comparison with null is neither true nor false.
        ("not (i.acquisitionDate = 1)", ["Alpha"]),
        ("i.acquisitionDate = 1 or i.id = 1", ["beta"]),
        ("i.pixels is empty", ["broken"]),
        ("size(i.pixels) = 1 and i.id < 3", ["beta", "Alpha"]),
        ("i.details.owner.omeName = 'local' and i.id = 1", ["beta"]),
        ("i.details.group.id = :group", ["beta", "Alpha", "gamma_1", "broken"]),
        ("i.fileset.id = 203", ["gamma_1"]),
        ("i.objectiveSettings.objective.nominalMagnification = 20.0", ["Alpha"]),
        ("exists (select p from Pixels p where p.image = i.id and p.sizeX = 192)", ["gamma_1"]),
        ("not exists (select p from Pixels p where p.image = i)", ["broken"]),
        ("i.id in (select p.image.id from Pixels p where p.sizeX > 64)", ["Alpha", "gamma_1"]),
        ("not exists (from DatasetImageLink l where l.child = i and l.parent.id = 1)", ["gamma_1"]),
        ("i.id + 1 = 3 * 1", ["Alpha"]),
        ("i.id = -1 + 2", ["beta"]),
        ("true = false", []),
    ],
)
def test_conditions_choose_as_told(graph: Graph, condition: str, expected: list[str]) -> None:
    assert names(graph, condition, ids=[1, 2], group=LOCAL_GROUP_ID) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select count(i) from Image i", [[4]]),
        ("select count(*) from Image where id > 2", [[2]]),
        ("select count(distinct l.parent) from DatasetImageLink l", [[2]]),
        ("select min(p.sizeX), max(p.sizeX), sum(p.sizeX) from Pixels p", [[64, 192, 384]]),
        ("select max(row), max(column) from Well where plate.id = 5", [[2, 3]]),
        ("select avg(p.sizeX) from Pixels p", [[128.0]]),
        (
            "select l.parent.name, count(l.id) from DatasetImageLink l group by l.parent.name "
            "order by l.parent.name",
            [[".", 3], ["more", 1]],
        ),
        ("select i.name from Image i order by lower(i.name) desc", "gamma_1 broken beta Alpha"),
        # Nulls come last, as in PostgreSQL, and first the other way round.
        ("select i.id from Image i order by i.acquisitionDate, i.id desc", [[2], [4], [3], [1]]),
        ("select i.id from Image i order by i.acquisitionDate desc, i.id", [[1], [3], [4], [2]]),
        ("select distinct l.parent.id from DatasetImageLink l order by l.parent.id", [[1], [2]]),
        # Image 4 is in the first dataset again, which was seen before the second.
        ("select distinct l.parent.id from DatasetImageLink l order by l.id", [[1], [2]]),
        (
            "select c.id, index(c), lc.name, lc.emissionWave.value from Pixels p join p.channels c "
            "join c.logicalChannel lc where p.image.id = 1 order by index(c) desc",
            [[11, 1, None, None], [10, 0, "DAPI", 450.0]],
        ),
        (
            "select i.id, os.id from Image i left outer join i.objectiveSettings os order by i.id",
            [[1, None], [2, 2], [3, None], [4, None]],
        ),
        ("select i.id from Image i inner join i.objectiveSettings os", [[2]]),
        (
            "select case when i.id = 1 then 'one' when i.id = 2 then 'two' else 'many' end "
            "from Image i where i.id < 4 order by i.id",
            [["one"], ["two"], ["many"]],
        ),
        ("select i.name from Image i, Dataset d where d.id = 2 and i.id = d.id", [["Alpha"]]),
        ("select coalesce(i.acquisitionDate, i.details.creationEvent.time) from Image i "
         "where i.id=1", [[1001.0]]),
        ("SELECT I.name FROM ome.model.core.Image AS I WHERE I.id = 1", [["beta"]]),
        ("select p.pixelsType.value, p.pixelsType.bitSize from Pixels p where p.id = 101",
         [["uint16", 16]]),
        ("select e.id from Experimenter e where exists (select gem from "
         "GroupExperimenterMap as gem where gem.child = e.id and gem.parent.id = 3)", [[2]]),
    ],
)  # fmt: skip
def test_projections(graph: Graph, text: str, expected: Any) -> None:
    wanted = [[word] for word in expected.split()] if isinstance(expected, str) else expected
    assert rows(graph, text) == wanted


def test_paging_cuts_after_ordering(graph: Graph) -> None:
    text = "select i.id from Image i order by i.id desc"
    assert rows(graph, text, Paging(1, 2)) == [[3], [2]]
    assert rows(graph, text, Paging(3, 5)) == [[1]]


def test_a_map_has_names_units_and_permissions(graph: Graph) -> None:
    [[found]] = rows(
        graph,
        "select new map(p.id as id, p.physicalSizeX as size, p.physicalSizeY as none, "
        "p.details.permissions as p_details_permissions) from Pixels p where p.image.id in (:ids)",
        ids=[2],
    )
    permissions = found.pop("p_details_permissions")
    size = {"value": 0.5, "unit": "MICROMETER", "symbol": "µm"}
    assert found == {"id": 102, "size": size, "none": None}
    assert permissions["perm"] == "rwr---"
    assert (permissions["canAnnotate"], permissions["canDelete"]) == (True, False)


def test_distinct_rows_may_hold_maps(graph: Graph) -> None:
    text = "select distinct i.details.permissions, l.parent.id from Image i join i.datasetLinks l"
    assert [row[1] for row in rows(graph, f"{text} order by l.parent.id")] == [1, 2]


def test_only_what_is_fetched_is_loaded(graph: Graph) -> None:
    [pixels] = select_entities(
        graph, "select distinct p from Pixels p join fetch p.channels c where p.id = 101", {}
    )
    assert pixels.loaded and pixels.channelsLoaded and not pixels.settingsLoaded
    assert [c.loaded for c in pixels.channelsSeq] == [True, True]
    assert all(c.pixels is pixels for c in pixels.channelsSeq)
    assert not pixels.image.loaded and pixels.image.id.val == 1
    assert not pixels.pixelsType.loaded
    assert not pixels.details.owner.loaded and pixels.details.owner.id.val == 2
    assert pixels.details.permissions.perm1


def test_a_joined_alias_leads_the_fetch_on(graph: Graph) -> None:
    found = select_entities(
        graph,
        "select p from Pixels p join fetch p.image as i "
        "left outer join fetch i.details.creationEvent "
        "left join fetch i.objectiveSettings os left join fetch os.objective where i.id in (:ids)",
        {"ids": [1, 2]},
    )
    assert [p.image.name.val for p in found] == ["beta", "Alpha"]
    assert found[0].image.objectiveSettings is None
    assert found[1].image.objectiveSettings.objective.nominalMagnification.val == 20.0
    assert found[1].image.details.creationEvent.time.val == 1_002_000


def test_a_row_per_joined_element_repeats_the_object(graph: Graph) -> None:
    text = "select {} p from Pixels p join fetch p.channels where p.id = 101"
    repeated = select_entities(graph, text.format(""), {})
    assert len(repeated) == 2 and repeated[0] is repeated[1]
    assert len(select_entities(graph, text.format("distinct"), {})) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("select", "cannot be read"),
        ("delete from Image", "cannot be read"),
        ("select i from Image i where", "cannot be read"),
        ("select i from Image i where i.id = 1; drop table image", "cannot be read"),
        ("select i from Picture i", "no class Picture"),
        ("select i from Image i where i.colour = 1", "Image has no member colour"),
        ("select x from Image i", "no alias"),
        ("select i from Image i where i.id = :id", ":id has no value"),
        ("select i from Image i join i.name n", "no association"),
        ("select i from Image i, Image i", "given twice"),
        ("select i.pixels.id from Image i", "collection"),
        ("select median(i.id) from Image i", "median"),
        ("select i from Image i where i.name < 3", "order"),
        ("select i from Image i where i.id = 1 / 0", "cannot be calculated"),
        ("select i from Image i where " + "(" * 5000 + "1=1" + ")" * 5000, "cannot be read"),
    ],
)
def test_what_cannot_be_answered_is_told_in_a_sentence(
    graph: Graph, text: str, reason: str
) -> None:
    with pytest.raises(QueryError, match=reason):
        select_rows(graph, text, {})


def test_a_value_is_no_object(graph: Graph) -> None:
    with pytest.raises(QueryError, match="projection"):
        select_entities(graph, "select i.name from Image i", {})


def test_conditions_on_ids_do_not_look_at_every_row() -> None:
    index = HandMadeIndex()
    index._images = [make_image(i, f"image {i}") for i in range(1, 20_001)]
    graph = Graph(index, local_view(), started_s=0)
    text = (
        "select c.id from Pixels p join p.image i join p.channels c where i.id = :id "
        "and exists (select l from DatasetImageLink l where l.child.id = i.id)"
    )
    rows(graph, text, id=1)
    entity_reads = 0
    original = graph.member

    def counting(*arguments: Any) -> Any:
        nonlocal entity_reads
        entity_reads += 1
        return original(*arguments)

    graph.member = counting  # type: ignore[method-assign]
    assert rows(graph, text, id=15_000) == [[150_000], [150_001]]
    assert entity_reads < 50


def test_a_pattern_with_many_wildcards_takes_no_time() -> None:
    began_s = time.perf_counter()
    assert like("a" * 5000, "%a" * 60 + "b") is False
    assert time.perf_counter() - began_s < 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select r.id, r.name from Roi r where r.image.id = 2 order by r.id",
         [[SECOND, "first"], [SECOND + 1, None]]),
        ("select r.id from Roi r left outer join r.shapes s where r.image.id = 2 and s is null",
         [[SECOND + 1]]),
        ("select s.id from Shape s where s.roi.image.id = 2 order by s.id",
         [[SECOND], [SECOND + 1]]),
        ("select s.theZ from Shape s where s.id = :second", [[3]]),
        ("select p.strokeWidth.value from Point p where p.roi.id = :second", [[2.0]]),
        ("select max(m.width * m.height) from Mask m where m.roi.image.id = 3", [[32.0]]),
        ("select max(m.width * m.height) from Mask m where m.roi.image.id = 2", [[None]]),
        ("select r.id from Roi r where r.id = 77", []),
        ("select r.id from Roi r where r.image.id = 99", []),
        ("select count(r) from Roi r", [[3]]),
        ("select count(s) from Shape s", [[3]]),
        ("select i.id from Image i where exists (select r.id from Roi r where r.image.id = i.id)",
         [[2], [3]]),
        ("select i.id, count(r) from Image i join i.rois r group by i.id", [[2, 2], [3, 1]]),
    ],
)  # fmt: skip
def test_regions_can_be_asked_for(graph, text, expected):
    values = {"second": SECOND} if ":second" in text else {}
    assert rows(graph, text, **values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select p.id, p.name, p.rows, p.rowNamingConvention from Plate p",
         [[5, "plate", 8, "letter"]]),
        ("select w.row, w.column, w.type, size(w.wellSamples) from Well w order by w.row",
         [[0, 1, None, 2], [2, 3, "control", 0]]),
        ("select w.id from Well w where w.plate.id = 5 and w.row = 0", [[FIRST_WELL]]),
        ("select index(ws), i.id, i.name from Well w join w.wellSamples ws join ws.image i"
         " where w.plate.id = 5 order by i.id", [[0, 2, "Alpha"], [1, 3, "gamma_1"]]),
        ("select ws.id, ws.posX.value, ws.plateAcquisition.name from WellSample ws"
         " where ws.image.id = 2", [[2, 2.5, "run"]]),
        ("select ws.plateAcquisition.id from WellSample ws where ws.image.id = 3", [[None]]),
        ("select size(a.wellSample), a.plate.name from PlateAcquisition a", [[1, "plate"]]),
        ("select s.name, p.id from Screen s join s.plateLinks l join l.child p", [["screen", 5]]),
        ("select p.id from Plate p where not exists (select l.id from ScreenPlateLink l"
         " where l.child.id = p.id)", []),
        ("select i.id from Image i join i.wellSamples ws where ws.well.plate.id = 5", [[2], [3]]),
    ],
)  # fmt: skip
def test_plates_can_be_asked_for(graph, text, expected):
    assert rows(graph, text) == expected
