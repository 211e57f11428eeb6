"""Regions of interest, read from an image server into value objects.

Runs with and without gevent.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest

from render.blitz.regions import color_of_rgba, parse_points
from render.blitz.source import BlitzSession, BlitzSource, Limits
from render.errors import BadRequest, NotFound, TooLarge
from render.shapes import Ellipse, Label, Line, Mask, Point, Polygon, Polyline, Rectangle, Shape
from render.values import Color
from tests.render.blitz.conftest import soon
from tests.render.blitz.servers import LOGIN, ImageServer
from tests.support.glacier2 import RunningRouter, start_glacier2
from tests.support.ome import image_xml, write_ome_tiff

PLANE = np.zeros((1, 30, 40), np.uint8)
MISSING = 987654
MANY = 2300
XML = """
<ROI ID="R:0"><Union>
  <Rectangle X="1" Y="2" Width="3" Height="4.5" TheZ="0" TheT="0" TheC="0" FillColor="-16776961"
    StrokeColor="65407" StrokeWidth="2.5" FontSize="12" FontFamily="serif" FontStyle="Bold"
    Text="&quot;one&quot;"><Transform A00="1" A10="2" A01="3" A11="4" A02="5" A12="6"/></Rectangle>
  <Ellipse X="5" Y="6" RadiusX="7" RadiusY="8"/><Point X="9" Y="10"/>
  <Line X1="1" Y1="2" X2="3" Y2="4" MarkerEnd="Arrow"/>
  <Polyline Points="1,2 -3.5,4e1"/><Polygon Points="1,2 3,4 5,6"/><Label X="1" Y="2" Text="l"/>
</Union></ROI>
<ROI ID="R:1"><Union/></ROI>
<ROI ID="R:2"><Union><Mask X="1" Y="2" Width="8" Height="2">
  <BinData Length="2">qlU=</BinData></Mask></Union></ROI>
<Plate ID="P" Name="P"><Well Row="1" Column="2">
  <WellSample><ImageRef ID="Image:0"/></WellSample></Well></Plate>
"""


@pytest.fixture(scope="module", params=["direct", "glacier2"])
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlitzSession]:
    folder = tmp_path_factory.mktemp("images")
    references = "".join(f'<ROIRef ID="R:{i}"/>' for i in range(3))
    write_ome_tiff(folder / "a.ome.tif", [PLANE], image_xml(0, PLANE, "a", references) + XML)
    points = "".join(f'<Point X="{i}" Y="0"/>' for i in range(MANY))
    xml = image_xml(0, PLANE, "b", '<ROIRef ID="R"/>')
    xml += f'<ROI ID="R"><Union>{points}</Union></ROI>'
    write_ome_tiff(folder / "b.ome.tif", [PLANE], xml)
    server = ImageServer(folder, tmp_path_factory.mktemp("index"), "--scan-wait=20")
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        way: ImageServer | RunningRouter = server
        if request.param == "glacier2":
            way = stack.enter_context(start_glacier2(server))
        source = BlitzSource(way.endpoint(), Limits(shapes=3000))
        stack.callback(source.close)
        yield source.session(LOGIN, soon())


@pytest.fixture(scope="module")
def image_ids(session: BlitzSession) -> dict[str | None, int]:
    (project,) = session.projects(soon())
    datasets = session.datasets(project.id, soon())
    images = [image for dataset in datasets for image in session.images(dataset.id, soon())]
    return {image.name: image.id for image in images}


def test_regions_have_all_that_the_server_tells(session: BlitzSession, image_ids):
    image_id = image_ids["a.ome.tif"]
    one, empty, masked = session.rois(image_id, soon())
    assert [one.image_id, empty.image_id, masked.image_id] == [image_id] * 3
    assert [shape.geometry for shape in one.shapes] == [
        Rectangle(1, 2, 3, 4.5),
        Ellipse(5, 6, 7, 8),
        Point(9, 10),
        Line(1, 2, 3, 4, None, "Arrow"),
        Polyline(((1, 2), (-3.5, 40))),
        Polygon(((1, 2), (3, 4), (5, 6))),
        Label(1, 2),
    ]
    first = one.shapes[0]
    assert first == Shape(
        id=first.id, roi_id=one.id, image_id=image_id, geometry=Rectangle(1, 2, 3, 4.5), z=0, c=0,
        t=0, text='"one"', font_size=12, font_style="Bold", font_family="serif",
        transform=(1, 2, 3, 4, 5, 6), fill_color=Color(255, 0, 0, 255),
        stroke_color=Color(0, 0, 255, 127), stroke_width=2.5,
    )  # fmt: skip
    assert empty.shapes == ()
    assert masked.shapes[0].geometry == Mask(1, 2, 8, 2, bytes([0b10101010, 0b01010101]))


def test_a_region_and_a_shape_are_found_by_their_ids(session: BlitzSession, image_ids):
    regions = session.rois(image_ids["a.ome.tif"], soon())
    for region in regions:
        assert session.roi(region.id, soon()) == region
        for shape in region.shapes:
            assert session.shape(shape.id, soon()) == shape


def test_more_shapes_than_a_page_come_in_order(session: BlitzSession, image_ids):
    (region,) = session.rois(image_ids["b.ome.tif"], soon())
    assert [shape.geometry for shape in region.shapes] == [Point(i, 0) for i in range(MANY)]


def test_missing_things_are_told(session: BlitzSession):
    assert session.rois(MISSING, soon()) == ()
    with pytest.raises(NotFound):
        session.roi(MISSING, soon())
    with pytest.raises(NotFound):
        session.shape(MISSING, soon())


def test_plates_and_files_are_read_the_same_way(session: BlitzSession, image_ids):
    grid = session.plate_grid(1, 0, None, soon())
    assert (grid.first_row, grid.last_row, grid.first_column, grid.last_column) == (1, 1, 2, 2)
    (field,) = grid.fields
    assert (field.row, field.column) == (1, 2) and field.image.id == image_ids["a.ome.tif"]
    well = session.well(field.well_id, soon())
    assert (well.plate_id, well.fields[0].image) == (1, field.image)
    assert session.container("Plate", 1, soon()).name == "P"
    (hit,) = session.search(("Image",), ("a.ome",), None, 5, soon())
    assert hit.image is not None and hit.image.id == image_ids["a.ome.tif"]


def test_a_server_without_tables_says_so(session: BlitzSession):
    with pytest.raises(NotFound, match="no tables"):
        session.read_table(1, lambda table: None, soon())
    assert session.bulk_annotations("Plate.wells", 1, soon()) == ()
    with pytest.raises(BadRequest, match=r"Plate\.foo cannot be queried"):
        session.bulk_annotations("Plate.foo", 1, soon())


def test_too_many_shapes_are_refused(session: BlitzSession, image_ids):
    source = BlitzSource(session._source.endpoint, Limits(shapes=1000))
    try:
        with pytest.raises(TooLarge, match="1000"):
            source.session(LOGIN, soon()).rois(image_ids["b.ome.tif"], soon())
    finally:
        source.close()


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("1,2 3.5,4", ((1, 2), (3.5, 4))),
        (" -1,+2\t3e2,-.5 ", ((-1, 2), (300, -0.5))),
        ("1,2, 3,4", ((1, 2), (3, 4))),
        ("points[1,2, 3,4] points1[5,6, 7,8] points2[9,9, 9,9] mask[0,0]", ((1, 2), (3, 4))),
        ("", ()),
        ("1 2 3", ()),
        ("1,2 x", ()),
        ("nan,1 2,3", ()),
        ("1,2 , 3 ,4,,", ((1, 2), (3, 4))),
        ("1,2 3", ()),
        ("1,,2", ()),
        ("1,2 3.4.5,6", ()),
        ("1_0,2", ()),
        ("points[1,2", ()),
    ],
)
def test_points_are_read(text, points):
    assert parse_points(text) == points


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["1", "1e", ".", "1,", " ", "1 ", ",", "points[", "1,1"])
@pytest.mark.parametrize("end", ["", "x", ","])
def test_no_text_takes_long_to_be_told_from_points(text, end):
    points = parse_points(text * 50_000 + end)
    assert points == () or text in ("1,", "1,1")


def test_colours_are_split():
    assert color_of_rgba(-1) == Color(255, 255, 255, 255)
    assert color_of_rgba(0x01020304) == Color(1, 2, 3, 4)
    assert color_of_rgba(None) is None
