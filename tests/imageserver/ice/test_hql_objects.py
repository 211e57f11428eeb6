"""Queries about regions, plates and annotations."""

import pytest

from imageserver.graph import Graph
from imageserver.hql import select_entities
from imageserver.readers.objects import MAX_PER_IMAGE
from tests.imageserver.ice.hand_made import FIRST_WELL, SECOND, HandMadeIndex, local_view
from tests.imageserver.ice.test_hql import rows


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph(HandMadeIndex(), local_view(), started_s=7.0)


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
        ("select minIndex(ws), maxIndex(ws) from Well w join w.wellSamples ws"
         " where w.plate.id = 5", [[0, 1]]),
        ("select maxIndex(ws) from Well w join w.wellSamples ws where w.plate.id = 9", [[None]]),
        ("select p.id from Plate p where not exists (select l.id from ScreenPlateLink l"
         " where l.child.id = p.id)", []),
        ("select i.id from Image i join i.wellSamples ws where ws.well.plate.id = 5", [[2], [3]]),
    ],
)  # fmt: skip
def test_plates_can_be_asked_for(graph, text, expected):
    assert rows(graph, text) == expected


_FIRST_NOTE = 202 * MAX_PER_IMAGE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select t.textValue, t.ns from TagAnnotation t", [["good", None]]),
        ("select a.id, a.ns from Annotation a order by a.id",
         [[_FIRST_NOTE, "ns/a"], [_FIRST_NOTE + 1, None]]),
        ("select l.child.id from ImageAnnotationLink l where l.parent.id = 2 order by l.id",
         [[_FIRST_NOTE], [_FIRST_NOTE + 1]]),
        ("select l.id from ImageAnnotationLink l where l.parent.id = 1", []),
        ("select i.id, t.textValue from Image i join i.annotationLinks l join l.child t"
         " where t.textValue = 'good'", [[2, "good"]]),
        ("select l.parent.id from PlateAnnotationLink l where l.child.textValue = 'good'", [[5]]),
        ("select w.row, w.column from Well w join w.annotationLinks l", [[2, 3]]),
        ("select a.id from Annotation a where a.id = 77", []),
        ("select a.id from LongAnnotation a", []),
    ],
)  # fmt: skip
def test_annotations_can_be_asked_for(graph, text, expected):
    assert rows(graph, text) == expected


def test_the_pairs_of_a_map_travel(graph):
    (found,) = select_entities(graph, "select m from MapAnnotation m", {})
    assert [(pair.name, pair.value) for pair in found.mapValue] == [("gene", "cdc2"), ("gene", "")]
