"""Pictures of regions of interest, shapes and masks, over HTTP and from a real image server."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import tifffile
from PIL import Image

from app.imaging.shape_pictures import chosen_shape
from app.web import parts_of
from render.deadline import Deadline
from render.engine.scale import resize
from render.shapes import Point, Shape
from tests.app.conftest import (
    Gateway,
    decoded,
    images_served,
    make_gateway_on,
)
from tests.app.test_pictures import levels_of
from tests.app.test_routes import assert_is_error
from tests.support.ome import NAMESPACE, image_xml, write_ome_tiff

GROUND = (221, 221, 221)
ALL = "c=1|0:250$FFFFFF&m=c&format=png"
BITS = bytes([0b10100101, 0b01111111, 0xFF])

#: One region each, in this order.
SHAPES = {
    "rectangle": '<Rectangle X="100" Y="80" Width="60" Height="40"/>',
    "ellipse": '<Ellipse X="130" Y="100" RadiusX="30" RadiusY="20"/>',
    "line": '<Line X1="100" Y1="80" X2="160" Y2="120"/>',
    "polyline": '<Polyline Points="100,80 160,80 160,120"/>',
    "polygon": '<Polygon Points="100,80 160,80 160,120"/>',
    "point": '<Point X="130" Y="100"/>',
    "label": '<Label X="130" Y="100" Text="nucleus"/>',
    "mask": '<Mask X="128" Y="99" Width="5" Height="3" FillColor="287454020">'
    f'<BinData Length="3">{base64.b64encode(BITS).decode()}</BinData></Mask>',
    "corner": '<Rectangle X="-30" Y="-20" Width="60" Height="40"/>',
    "outside": '<Rectangle X="5000" Y="5000" Width="60" Height="40"/>',
    "large": '<Rectangle X="0" Y="0" Width="400" Height="300"/>',
    "turned": '<Rectangle X="100" Y="80" Width="60" Height="40">'
    '<Transform A00="0" A10="1" A01="-1" A11="0" A02="230" A12="-30"/></Rectangle>',
    "huge": '<Rectangle X="0" Y="0" Width="90000" Height="90000"/>',
    "plain mask": '<Mask X="0" Y="0" Width="8" Height="1">'
    f'<BinData Length="1">{base64.b64encode(BITS[:1]).decode()}</BinData></Mask>',
    "nowhere": '<Polygon Points="what"/>',
    "late": '<Point X="5" Y="5" TheZ="7"/>',
}


@dataclass(frozen=True)
class Regions:
    gateway: Gateway
    #: (y, x) of 8 bits.
    plane: np.ndarray
    #: Ids of regions and of their shapes by name.
    rois: dict[str, int]
    shapes: dict[str, int]

    def thumbnail(self, name: str, query: str = "") -> np.ndarray:
        path = f"render_shape_thumbnail/{self.shapes[name]}/?{ALL}&{query}"
        return self.gateway.picture(path)


@pytest.fixture(scope="module")
def regions(tmp_path_factory) -> Iterator[Regions]:
    folder = tmp_path_factory.mktemp("regions")
    rows, columns = np.mgrid[0:300, 0:400]
    plane = ((rows + columns) % 251).astype(np.uint8)
    rois = "".join(
        f'<ROI ID="R:{i}"><Union>{shape}</Union></ROI>' for i, shape in enumerate(SHAPES.values())
    )
    rois += '<ROI ID="R:none"><Union/></ROI>'
    references = "".join(f'<ROIRef ID="R:{i}"/>' for i in range(len(SHAPES)))
    references += '<ROIRef ID="R:none"/>'
    planes = plane[np.newaxis]
    write_ome_tiff(
        folder / "regions.ome.tif", [planes], image_xml(0, planes, "r", references) + rois
    )
    _write_pyramid(folder / "pyramid.ome.tif")
    with images_served(folder, tmp_path_factory.mktemp("index"), [], plane) as server:
        gateway = make_gateway_on(server, tmp_path_factory.mktemp("cache"))
        yield _with_ids(gateway, plane)
        gateway.close()


def _write_pyramid(path):
    rows, columns = np.mgrid[0:800, 0:1200]
    full = ((rows // 4 + columns // 4) % 251).astype(np.uint8)
    xml = image_xml(0, full[np.newaxis], "p", '<ROIRef ID="R:0"/>')
    xml += '<ROI ID="R:0"><Union><Rectangle X="0" Y="0" Width="800" Height="500"/></Union></ROI>'
    description = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}">{xml}</OME>'
    options = {"photometric": "minisblack", "tile": (128, 128), "metadata": None}
    with tifffile.TiffWriter(path) as file:
        file.write(full, subifds=1, description=description.encode(), **options)
        # Told apart from the full size by its values.
        file.write(np.full((200, 300), 125, np.uint8), subfiletype=1, **options)


def _with_ids(gateway: Gateway, plane: np.ndarray) -> Regions:
    parts = parts_of(gateway.app).get()
    session = parts.source.session(parts.own_credentials, soon())
    found = session.rois(gateway.ids["regions.ome.tif"], soon())
    names = [*SHAPES, "empty"]
    rois = {name: roi.id for name, roi in zip(names, found, strict=True)}
    shapes = {name: roi.shapes[0].id for name, roi in zip(names, found, strict=True) if roi.shapes}
    (large,) = session.rois(gateway.ids["pyramid.ome.tif"], soon())
    shapes["of the pyramid"] = large.shapes[0].id
    return Regions(gateway, plane, rois, shapes)


def soon():
    return Deadline.after(20)


def around(plane: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """Cut a region out of the plane, grey beyond it, under the window of ALL."""
    canvas = np.full((height, width, 3), GROUND, np.uint8)
    rows, columns = np.mgrid[y : y + height, x : x + width]
    inside = (rows >= 0) & (columns >= 0) & (rows < plane.shape[0]) & (columns < plane.shape[1])
    canvas[inside] = levels_of(plane[rows[inside], columns[inside]], 0, 250)[:, None]
    return canvas


#: Where the outline of each shape runs, as seen from the frame's corner (5, 17): lines.
LINES = {
    "rectangle": [((95, 63), (155, 63)), ((95, 103), (155, 103)), ((95, 63), (95, 103))],
    "line": [((95, 63), (155, 103))],
    "polyline": [((95, 63), (155, 63)), ((155, 63), (155, 103))],
    "polygon": [((95, 63), (155, 63)), ((155, 63), (155, 103)), ((95, 63), (155, 103))],
}


@pytest.mark.parametrize("name", ["rectangle", "ellipse", "line", "polyline", "polygon"])
@pytest.mark.parametrize(
    ("color", "rgb"),
    [("color=0f0", (0, 255, 0)), ("color=00f", (0, 0, 255)), ("color=blue", (255, 0, 0))],
)
def test_a_shape_is_drawn_over_the_image_around_it(regions, name, color, rgb):
    got = regions.thumbnail(name, color)
    expected = around(regions.plane, 5, 17, 250, 166)
    drawn = (got == rgb).all(-1)
    np.testing.assert_array_equal(got[~drawn], expected[~drawn])
    rows, columns = np.nonzero(drawn)
    assert 93 <= columns.min() <= 96 and 154 <= columns.max() <= 157
    assert 61 <= rows.min() <= 64 and 102 <= rows.max() <= 105
    for (x1, y1), (x2, y2) in LINES.get(name, []):
        for part in np.linspace(0.02, 0.98, 20):
            assert drawn[round(y1 + part * (y2 - y1)), round(x1 + part * (x2 - x1))]
    if name == "ellipse":
        assert drawn[83, 95] and drawn[83, 155] and drawn[63, 125] and drawn[103, 125]
    # Outlined, and not filled.
    assert not drawn[72:78, 136:142].any()


def test_the_diagonal_closes_polygons_only(regions):
    closed, open_ = (
        (regions.thumbnail(name, "color=0f0") == (0, 255, 0)).all(-1)[83, 120:130].any()
        for name in ("polygon", "polyline")
    )
    assert closed and not open_


def test_the_outline_is_white_unless_told(regions):
    got = regions.thumbnail("rectangle")
    assert (got[63, 100:150] == 255).all()


def test_a_point_is_a_small_circle_in_the_middle(regions):
    got = regions.thumbnail("point", "color=f00")
    rows, columns = np.nonzero((got == (255, 0, 0)).all(-1))
    assert (rows.min() + rows.max()) / 2 == pytest.approx(83, abs=1)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(125, abs=1)
    assert 6 <= np.ptp(rows) <= 10 and not (got[83, 125] == (255, 0, 0)).all()


def test_a_label_is_its_text(regions):
    got = regions.thumbnail("label", "color=f00")
    changed = (got != around(regions.plane, 5, 17, 250, 166)).any(-1)
    rows, columns = np.nonzero(changed)
    assert 20 < np.ptp(columns) < 90 and 6 < np.ptp(rows) < 25
    assert (columns.min() + columns.max()) / 2 == pytest.approx(125, abs=3)
    assert (got == (255, 0, 0)).all(-1).any()


def test_a_mask_tints_its_pixels(regions):
    got = regions.thumbnail("mask", "color=f00")
    expected = around(regions.plane, 5, 17, 250, 166).astype(int)
    bits = np.unpackbits(np.frombuffer(BITS, np.uint8))[:15].reshape(3, 5).astype(bool)
    covered = np.zeros((166, 250), bool)
    # Its frame lies half a pixel further left and up than its middle.
    covered[99 - 17 : 102 - 17, 128 - 5 : 133 - 5] = bits
    expected[covered] = np.floor((expected[covered] + (255, 0, 0)) / 2 + 0.5)
    np.testing.assert_array_equal(got, expected)


def test_a_transformed_shape_is_drawn_where_it_is_moved_to(regions):
    got = regions.thumbnail("turned", "color=0f0")
    # Turned by a right angle about its middle: 40 wide and 60 high.
    drawn = (got == (0, 255, 0)).all(-1)
    rows, columns = np.nonzero(drawn)
    assert 39 <= np.ptp(columns) <= 43 and 59 <= np.ptp(rows) <= 63
    np.testing.assert_array_equal(got[~drawn], around(regions.plane, 5, 17, 250, 166)[~drawn])


def test_beyond_the_image_it_is_grey(regions):
    got = regions.thumbnail("corner", "color=0f0")
    expected = around(regions.plane, -125, -83, 250, 166)
    drawn = (got == (0, 255, 0)).all(-1)
    np.testing.assert_array_equal(got[~drawn], expected[~drawn])
    outside = regions.thumbnail("outside", "color=0f0")
    drawn = (outside == (0, 255, 0)).all(-1)
    assert drawn.any() and (outside[~drawn] == GROUND).all()


def test_a_large_frame_is_scaled_before_the_outline_is_drawn(regions):
    got = regions.thumbnail("large", "color=0f0")
    expected = resize(around(regions.plane, -138, -75, 675, 450), 250, 166)
    drawn = (got == (0, 255, 0)).all(-1)
    np.testing.assert_array_equal(got[~drawn], expected[~drawn])
    # Two pixels wide, whatever the scale.
    assert 1 <= drawn[80].sum() // 2 <= 3


def test_a_large_frame_is_read_from_a_smaller_level(regions):
    got = regions.thumbnail("of the pyramid", "color=0f0")
    assert (got[80, 120] == 128).all()


def test_a_shape_too_large_to_be_read_is_a_card(regions):
    got = regions.thumbnail("huge")
    assert got.shape == (166, 250, 3)
    assert (got[0, 0] == got[-1, -1]).all() and (got == (255, 0, 0)).all(-1).any()


def test_thumbnails_are_jpeg_of_quality_90(regions):
    path = f"render_shape_thumbnail/{regions.shapes['rectangle']}"
    plain = regions.gateway.get(f"{path}/?c=1|0:250$FFFFFF&m=c")
    assert plain.content_type == "image/jpeg"
    assert regions.gateway.get(f"{path}?c=1|0:250$FFFFFF&m=c&q=0.9").data == plain.data
    assert regions.gateway.get(f"{path}?c=1|0:250$FFFFFF&m=c&q=0.2").data != plain.data
    exact = regions.thumbnail("rectangle").astype(int)
    assert np.abs(decoded(plain).astype(int) - exact).mean() < 6


def test_a_region_is_shown_by_its_shape(regions):
    roi = regions.gateway.picture(
        f"render_roi_thumbnail/{regions.rois['ellipse']}/?{ALL}&color=00f"
    )
    np.testing.assert_array_equal(roi, regions.thumbnail("ellipse", "color=00f"))


def shape(number: int, z: int | None, t: int | None) -> Shape:
    return Shape(number, 1, 1, Point(0, 0), z=z, t=t)


@pytest.mark.parametrize(
    ("planes", "expected"),
    [
        ([(9, 9)], 0),
        ([(0, 9), (0, 1), (0, 9)], 1),
        ([(0, 9), (0, None), (0, 9)], 1),
        ([(0, 1), (2, 1), (0, 1)], 1),
        ([(0, 1), (None, None), (2, 1)], 1),
        ([(0, 1), (2, 9), (5, 1)], 0),
        ([(0, 9), (2, 9)], 0),
    ],
)
def test_which_shape_stands_for_a_region(planes, expected):
    shapes = [shape(number, z, t) for number, (z, t) in enumerate(planes)]
    assert chosen_shape(shapes, default_z=2, default_t=1).id == expected


def mask(regions, name, query=""):
    response = regions.gateway.get(f"render_shape_mask/{regions.shapes[name]}/?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == "image/png"
    image = Image.open(io.BytesIO(response.data))
    assert image.mode == "RGBA"
    return np.asarray(image)


@pytest.mark.parametrize(
    ("query", "color"),
    [
        # 287454020 is 0x11223344.
        ("", (0x11, 0x22, 0x33, 0x44)),
        ("color=FF0080", (255, 0, 128, 255)),
        ("color=0f08", (0, 255, 0, 0x88)),
    ],
)
def test_a_mask_has_its_own_colour_or_one_that_is_told(regions, query, color):
    bits = np.unpackbits(np.frombuffer(BITS, np.uint8))[:15].reshape(3, 5)
    expected = bits[..., None] * np.array(color)
    np.testing.assert_array_equal(mask(regions, "mask", query), expected)


def test_a_mask_without_a_colour_is_yellow(regions):
    got = mask(regions, "plain mask")
    assert got[0, 0].tolist() == [255, 255, 0, 255] and got[0, 1].tolist() == [0, 0, 0, 0]
    assert got.shape == (1, 8, 4)


@pytest.mark.parametrize(
    ("query", "turn"),
    [
        ("flip=h", lambda bits: bits[:, ::-1]),
        ("flip=v", lambda bits: bits[::-1]),
        ("flip=hv&rot=90", lambda bits: np.rot90(bits[::-1, ::-1], -1)),
    ],
)
def test_masks_are_mirrored_and_turned(regions, query, turn):
    np.testing.assert_array_equal(mask(regions, "mask", query), turn(mask(regions, "mask")))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("render_roi_thumbnail/987654/", 404),
        ("render_shape_thumbnail/987654/", 404),
        ("render_shape_mask/987654/", 404),
        ("render_roi_thumbnail/{rois[empty]}/", 404),
        ("render_shape_thumbnail/{shapes[nowhere]}/", 404),
        ("render_shape_thumbnail/{shapes[late]}/", 404),
        ("render_shape_mask/{shapes[point]}/", 404),
        ("render_shape_mask/{shapes[mask]}/?color=red", 400),
        ("render_shape_mask/{shapes[mask]}/?flip=x", 400),
        ("render_shape_thumbnail/{shapes[point]}/?q=x", 400),
        ("render_shape_thumbnail/{shapes[point]}/?format=npy", 400),
        ("render_shape_thumbnail/{shapes[point]}/?rot=90", 400),
        ("render_roi_thumbnail/{rois[point]}/?gamma=0", 400),
    ],
)
def test_what_cannot_be_shown(regions, path, status):
    path = path.format(rois=regions.rois, shapes=regions.shapes)
    assert_is_error(regions.gateway.get(path), status)


def test_pictures_of_shapes_have_validators(regions):
    for path in (
        f"render_roi_thumbnail/{regions.rois['point']}/",
        f"render_shape_thumbnail/{regions.shapes['huge']}/",
        f"render_shape_mask/{regions.shapes['mask']}/",
    ):
        first = regions.gateway.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = regions.gateway.get(path)
        assert (again.headers["X-Cache"], again.data) == ("hit", first.data)
        held = regions.gateway.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (held.status_code, held.data) == (304, b"")
    tags = {
        regions.gateway.get(f"render_shape_thumbnail/{shape}/{query}").headers["ETag"]
        for shape in (regions.shapes["point"], regions.shapes["label"])
        for query in ("", "?color=f00", "?c=1|0:9$F00")
    }
    assert len(tags) == 6


def test_a_mask_above_the_budget_is_refused(regions, tmp_path):
    small = make_gateway_on(regions.gateway.server, tmp_path, max_output_pixels=14)
    for path in ("render_shape_mask", "render_shape_thumbnail"):
        refused = small.get(f"{path}/{regions.shapes['mask']}/")
        assert_is_error(refused, 413)
        assert "max_output_pixels" in refused.get_json()["detail"]
    small.close()
