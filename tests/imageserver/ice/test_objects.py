"""Regions, plates and annotations through OMERO's services, over Ice."""

from collections.abc import Iterator

import numpy as np
import pytest

from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in, parameters
from tests.support.image_server import start_image_server
from tests.support.ome import image_xml, write_ome_tiff

PLANE = np.zeros((1, 20, 30), np.uint8)
MISSING = 987654
XML = (
    image_xml(0, PLANE, "one", '<ROIRef ID="R:0"/><ROIRef ID="R:1"/><AnnotationRef ID="M"/>')
    + image_xml(1, PLANE, "two", '<AnnotationRef ID="T"/>', first_ifd=1)
    + """
<ROI ID="R:0" Name="first"><Union><Point X="1" Y="2" TheZ="0" TheT="0"/><Point X="3" Y="4"/>
  <Rectangle X="1" Y="2" Width="3" Height="4" TheZ="1"/></Union></ROI>
<ROI ID="R:1"><Union><Ellipse X="1" Y="2" RadiusX="3" RadiusY="4"/></Union></ROI>
<Screen ID="Screen:0" Name="S"><PlateRef ID="Plate:0"/></Screen>
<Plate ID="Plate:0" Name="P"><AnnotationRef ID="T"/>
  <Well Row="0" Column="1"><WellSample><ImageRef ID="Image:1"/></WellSample></Well></Plate>
<StructuredAnnotations>
  <MapAnnotation ID="M" Namespace="ns"><Value><M K="gene">cdc2</M></Value></MapAnnotation>
  <TagAnnotation ID="T"><Value>good</Value></TagAnnotation>
</StructuredAnnotations>"""
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggedIn]:
    folder = tmp_path_factory.mktemp("images")
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 2, XML)
    with (
        start_image_server(folder, transports=("tcp",)) as server,
        log_in(server.ports["tcp"]) as logged_in,
    ):
        yield logged_in


@pytest.fixture(scope="module")
def image_id(client: LoggedIn) -> int:
    return client.image_id("a.ome.tif [one]")


def kinds(result) -> list[list[str]]:
    return [[type(shape).__name__ for shape in roi.shapesSeq] for roi in result.rois]


def test_regions_of_an_image_come_with_their_planes(client: LoggedIn, image_id: int) -> None:
    result = client.factory.getRoiService().findByImage(image_id, None)
    assert kinds(result) == [["Point", "Point", "Rectangle"], ["Ellipse"]]
    assert [roi.image.id.val for roi in result.rois] == [image_id, image_id]
    assert result.rois[0].name.val == "first" and result.rois[0].details.owner.loaded
    assert {z: len(shapes) for z, shapes in result.byZ.items()} == {0: 1, -1: 2, 1: 1}
    assert {t: len(shapes) for t, shapes in result.byT.items()} == {0: 1, -1: 3}
    assert result.byZ[1][0] is result.rois[0].shapesSeq[2]


def test_options_choose_shapes_and_pages(client: LoggedIn, image_id: int) -> None:
    service = client.factory.getRoiService()
    points = omero.api.RoiOptions(shapes=["Point"])
    assert kinds(service.findByImage(image_id, points)) == [["Point", "Point"]]
    page = omero.api.RoiOptions(limit=omero.RInt(1), offset=omero.RInt(1))
    assert kinds(service.findByImage(image_id, page)) == [["Ellipse"]]


def test_regions_are_found_by_plane_and_by_id(client: LoggedIn, image_id: int) -> None:
    service = client.factory.getRoiService()
    assert kinds(service.findByPlane(image_id, 1, 5, None)) == [["Point", "Rectangle"], ["Ellipse"]]
    second = service.findByImage(image_id, None).rois[1]
    assert kinds(service.findByRoi(second.id.val, None)) == [["Ellipse"]]
    assert service.findByRoi(MISSING, None).rois == []


def test_annotations_are_loaded_by_what_they_hang_on(client: LoggedIn, image_id: int) -> None:
    service = client.factory.getMetadataService()
    other = client.image_id("a.ome.tif [two]")
    found = service.loadAnnotations("Image", [image_id, other, MISSING], [], [], None)
    assert {key: [type(a).__name__ for a in value] for key, value in found.items()} == {
        image_id: ["MapAnnotation"], other: ["TagAnnotation"], MISSING: [],
    }  # fmt: skip
    (pair,) = found[image_id][0].mapValue
    assert (pair.name, pair.value, found[image_id][0].ns.val) == ("gene", "cdc2", "ns")
    tags = ["ome.model.annotations.TagAnnotation"]
    found = service.loadAnnotations("Image", [image_id, other], tags, [], None)
    assert {key: len(value) for key, value in found.items()} == {image_id: 0, other: 1}


def test_annotations_are_loaded_by_class_and_namespace(client: LoggedIn) -> None:
    service = client.factory.getMetadataService()
    (tag,) = service.loadSpecifiedAnnotations("TagAnnotation", [], [], None)
    assert tag.textValue.val == "good"
    assert service.countSpecifiedAnnotations("MapAnnotation", ["ns"], [], None).val == 1
    assert service.countSpecifiedAnnotations("MapAnnotation", [], ["ns"], None).val == 0
    assert [a.id.val for a in service.loadAnnotation([tag.id.val, MISSING])] == [tag.id.val]


def test_plates_are_loaded_as_graphs(client: LoggedIn) -> None:
    query = client.factory.getQueryService()
    text = (
        "select s from Screen s join fetch s.plateLinks l join fetch l.child p"
        " join fetch p.wells w join fetch w.wellSamples ws join fetch ws.image"
        " left outer join fetch p.annotationLinks al left outer join fetch al.child"
    )
    screen = query.findByQuery(text, parameters())
    plate = screen.plateLinksSeq[0].child
    (well,) = plate.wellsSeq
    assert (screen.name.val, plate.name.val) == ("S", "P")
    assert (well.row.val, well.column.val) == (0, 1)
    assert well.wellSamplesSeq[0].image.name.val == "a.ome.tif [two]"
    assert plate.annotationLinksSeq[0].child.textValue.val == "good"
