"""Split-channel pictures, line plots and the picture of lookup tables, over HTTP."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from render.engine.scale import resize
from tests.app.conftest import FLAT, PYRAMID, STACK, decoded
from tests.app.test_faults import change_session, parts
from tests.app.test_pictures import levels_of
from tests.app.test_routes import assert_is_error
from tests.app.test_shapes import soon
from tests.app.ways import WHO

COLORED = "c=1|0:4000$FF0000,2|100:3000$00FF00&m=c"
GREY = "c=1|0:4000$FF0000,2|100:3000$00FF00&m=g"


def side_by_side(panes, columns, rows):
    """Put panes (None = an empty cell) into a grid with white borders of 2 pixels."""
    height, width = next(pane for pane in panes if pane is not None).shape[:2]
    canvas = np.full(
        (rows * height + 2 * (rows + 1), columns * width + 2 * (columns + 1), 3), 255, np.uint8
    )
    for index, pane in enumerate(panes):
        if pane is not None:
            y, x = 2 + (index // columns) * (height + 2), 2 + (index % columns) * (width + 2)
            canvas[y : y + height, x : x + width] = pane
    return canvas


def colored_panes(planes):
    red, green = levels_of(planes[0], 0, 4000), levels_of(planes[1], 100, 3000)
    none = np.zeros_like(red)
    return [
        np.stack([red, none, none], -1),
        np.stack([none, green, none], -1),
        np.stack([red, green, none], -1),
    ]


def grey_panes(planes):
    red, green = levels_of(planes[0], 0, 4000), levels_of(planes[1], 100, 3000)
    return [np.repeat(levels[..., None], 3, -1) for levels in (red, green)]


def test_split_channels_in_colour_have_a_pane_of_all_together(gateway):
    image = gateway.ids[STACK]
    expected = side_by_side(colored_panes(gateway.server.stack[1, 3]), 2, 2)
    got = gateway.picture(f"render_split_channel/{image}/3/1/?{COLORED}&format=png&p=split")
    np.testing.assert_array_equal(got, expected)
    announced = gateway.get(f"imgData/{image}/split_channel.c/").get_json()
    assert (announced["width"], announced["height"]) == got.shape[1::-1]


def test_split_channels_in_grey_have_no_pane_of_all_together(gateway):
    image = gateway.ids[STACK]
    expected = side_by_side(grey_panes(gateway.server.stack[0, 0]), 2, 1)
    got = gateway.picture(f"render_split_channel/{image}/0/0/?{GREY}&format=png")
    np.testing.assert_array_equal(got, expected)
    announced = gateway.get(f"imgData/{image}/split_channel.g/").get_json()
    assert (announced["width"], announced["height"]) == got.shape[1::-1]


def test_the_cell_of_an_inactive_channel_stays_white(gateway):
    image = gateway.ids[STACK]
    _, green, _ = colored_panes(gateway.server.stack[0, 0])
    got = gateway.picture(
        f"render_split_channel/{image}/0/0/?c=-1,2|100:3000$00FF00&m=c&format=png"
    )
    np.testing.assert_array_equal(got, side_by_side([None, green, green], 2, 2))


def test_split_channels_of_a_projection(gateway):
    image = gateway.ids[STACK]
    planes = gateway.server.stack[1].max(0)
    got = gateway.picture(f"render_split_channel/{image}/0/1/?{COLORED}&format=png&p=intmax")
    np.testing.assert_array_equal(got, side_by_side(colored_panes(planes), 2, 2))


def test_split_channels_turned(gateway):
    image = gateway.ids[STACK]
    panes = [np.rot90(pane[:, ::-1], -1) for pane in grey_panes(gateway.server.stack[0, 0])]
    got = gateway.picture(f"render_split_channel/{image}/0/0/?{GREY}&format=png&flip=h&rot=90")
    np.testing.assert_array_equal(got, side_by_side(panes, 2, 1))


def test_split_channels_with_lookup_tables_and_windows_from_the_values(gateway):
    image = gateway.ids[STACK]
    [fire] = [
        table for table in gateway.get("luts/?rgb=true").get_json()["luts"]
        if table["name"] == "fire.lut"
    ]  # fmt: skip
    plane = gateway.server.stack[0, 0, 0]
    got = gateway.picture(f"render_split_channel/{image}/0/0/?c=1|0:4000$fire.lut&m=c&format=png")
    pane = np.array(fire["rgb"], np.uint8)[levels_of(plane, 0, 4000)]
    np.testing.assert_array_equal(got, side_by_side([pane, None, pane], 2, 2))
    grey = gateway.picture(f"render_split_channel/{image}/0/0/?c=1,2&auto=0:100&m=g&format=png")
    panes = [
        np.repeat(levels_of(plane, plane.min(), plane.max())[..., None], 3, -1)
        for plane in gateway.server.stack[0, 0]
    ]
    np.testing.assert_array_equal(grey, side_by_side(panes, 2, 1))


def test_small_panes_are_made_of_a_smaller_level(gateway):
    image = gateway.ids[PYRAMID]
    settings = "c=1|0:2000$FFFFFF&m=g&format=png"
    for size, level in ((90, 2), (175, 2), (80, 2)):
        plane = gateway.server.pyramid[level][0]
        pane = np.repeat(levels_of(plane, 0, 2000)[..., None], 3, -1)
        if size != 175:
            pane = resize(pane, size, size * 600 // 700)
        expected = side_by_side([pane, None, None], 2, 2)
        got = gateway.picture(f"render_split_channel/{image}/0/0/?{settings}&size={size}")
        assert got.shape == expected.shape
        # The labels are at the top of panes from 96 pixels on.
        differing = np.argwhere((got != expected).any(-1))
        assert (len(differing) > 0) == (size == 175)
        assert size < 96 or differing[:, 0].max() < 20


def test_panes_are_never_enlarged(gateway):
    image = gateway.ids[STACK]
    path = f"render_split_channel/{image}/0/0/?{GREY}&format=png"
    np.testing.assert_array_equal(gateway.picture(f"{path}&size=999"), gateway.picture(path))


def test_labels_are_the_channels_names(gateway):
    image = gateway.ids[PYRAMID]
    settings = "c=1|0:65535$FFFFFF,2|0:65535$FFFFFF,3|0:65535$FFFFFF&m=c&format=png"
    got = gateway.picture(f"render_split_channel/{image}/0/0/?{settings}&size=350")
    cells = [got[2 : 2 + 30, 2:200], got[2 : 2 + 30, 354:552]]
    # White letters with a black rim, on a picture that is nearly black.
    assert all((cell == 255).all(-1).any() for cell in cells)
    assert not np.array_equal(*cells)


def test_names_that_stand_in_a_picture_are_asked_for_again(gateway):
    maps = '[{"inverted":{"enabled":false},"quantization":{"family":"linear"}}]'
    path = f"render_split_channel/{gateway.ids[PYRAMID]}/0/0/?c=1|0:9$F00&m=c&maps={maps}"
    assert "max-age" in gateway.get(f"{path}&size=95").headers["Cache-Control"]
    # From this size on, labels are written.
    assert "no-cache" in gateway.get(f"{path}&size=120").headers["Cache-Control"]


def test_a_split_channel_picture_above_the_budget_is_refused(make_gateway):
    gateway = make_gateway(max_output_pixels=61 * 47 * 4)
    path = f"render_split_channel/{gateway.ids[STACK]}/0/0/?c=1,2&m=c"
    refused = gateway.get(path)
    assert_is_error(refused, 413)
    assert "max_output_pixels" in refused.get_json()["detail"]
    assert gateway.get(f"{path}&size=40").status_code == 200


def test_split_channels_are_jpeg_of_quality_90(gateway):
    path = f"render_split_channel/{gateway.ids[FLAT]}/0/0/?c=1,2,3&m=c"
    plain = gateway.get(path)
    assert plain.content_type == "image/jpeg"
    for same in ("q=0.9", "q=0"):
        assert gateway.get(f"{path}&{same}").data == plain.data
    assert gateway.get(f"{path}&q=0.3").data != plain.data
    exact = gateway.picture(f"{path}&format=png").astype(int)
    assert np.abs(decoded(plain).astype(int) - exact).mean() < 12


@pytest.mark.parametrize(
    ("query", "status"),
    [("size=0", 400), ("size=x", 400), ("format=npy", 400), ("q=x", 400), ("auto=5", 400)],
)
def test_malformed_split_channels(gateway, query, status):
    path = f"render_split_channel/{gateway.ids[STACK]}/0/0/?{query}"
    assert_is_error(gateway.get(path), status)


@pytest.mark.parametrize("plane", ["5/0", "0/2"])
@pytest.mark.parametrize("path", ["render_split_channel/{}/{}/", "render_row_plot/{}/{}/0/"])
def test_composed_pictures_of_planes_that_do_not_exist(gateway, path, plane):
    assert_is_error(gateway.get(path.format(gateway.ids[STACK], plane)), 404)


def plotted(response):
    """Decode a plot to (height, width, 4)."""
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.content_type == "image/gif"
    return np.asarray(Image.open(io.BytesIO(response.data)).convert("RGBA"))


def plot_plainly(lines, ranges, colors, span, position):
    """Draw a row's plot point by point, (span, length, 4)."""
    length = len(lines[0])
    canvas = np.zeros((span, length, 4), np.uint8)
    canvas[position] = 255
    for line, (low, high), color in zip(lines, ranges, colors, strict=True):
        tops = [int((float(v) - low) * (span - 1) / (high - low) + 0.5) for v in line]
        for x, top in enumerate(tops):
            ends = sorted((tops[max(x - 1, 0)], top))
            canvas[span - 1 - ends[1] : span - ends[0], x] = (*color, 255)
    return canvas


def ranges_of(gateway, image):
    channels = gateway.get(f"imgData/{image}/channels/").get_json()
    return [(channel["window"]["min"], channel["window"]["max"]) for channel in channels]


def test_a_row_plot_shows_the_values_of_all_active_channels(gateway):
    image = gateway.ids[STACK]
    lines = gateway.server.stack[1, 3, :, 20]
    ranges = ranges_of(gateway, image)
    colors = [(255, 0, 0), (0, 255, 0)]
    for model in "gc":
        got = plotted(gateway.get(f"render_row_plot/{image}/3/1/20/?c=1$F00,2$0F0&m={model}"))
        np.testing.assert_array_equal(got, plot_plainly(lines, ranges, colors, 47, 20))
    one = plotted(gateway.get(f"render_row_plot/{image}/3/1/20/?c=-1,2$0F0"))
    np.testing.assert_array_equal(one, plot_plainly(lines[1:], ranges[1:], colors[1:], 47, 20))


def test_a_column_plot_stands_on_the_left_edge(gateway):
    image = gateway.ids[STACK]
    lines = gateway.server.stack[0, 2, :, :, 33]
    got = plotted(gateway.get(f"render_col_plot/{image}/2/0/33/?c=1$F00,2$0F0"))
    colors = [(255, 0, 0), (0, 255, 0)]
    upright = plot_plainly(lines, ranges_of(gateway, image), colors, 61, 61 - 1 - 33)
    np.testing.assert_array_equal(got, upright[::-1].transpose(1, 0, 2))


def test_a_plot_of_a_channel_with_a_lookup_table_has_its_middle_colour(gateway):
    image = gateway.ids[STACK]
    [fire] = [
        table for table in gateway.get("luts/?rgb=true").get_json()["luts"]
        if table["name"] == "fire.lut"
    ]  # fmt: skip
    got = plotted(gateway.get(f"render_row_plot/{image}/0/0/5/2/?c=1$fire.lut"))
    assert {tuple(color) for color in got.reshape(-1, 4)} == {
        (0, 0, 0, 0), (255, 255, 255, 255), (*fire["rgb"][128], 255)
    }  # fmt: skip


@pytest.mark.parametrize("path", ["render_row_plot/{}/0/0/47/", "render_col_plot/{}/0/0/61/"])
def test_lines_that_the_image_does_not_have(gateway, path):
    assert_is_error(gateway.get(path.format(gateway.ids[STACK])), 404)


def test_lines_that_cannot_be_drawn(make_gateway):
    gateway = make_gateway(max_output_pixels=1000)
    path = f"render_row_plot/{gateway.ids[STACK]}/0/0/1/"
    assert_is_error(gateway.get(f"{path}0/"), 400)
    assert_is_error(gateway.get(f"{path}101/"), 400)
    refused = gateway.get(path)
    assert_is_error(refused, 413)
    assert "max_output_pixels" in refused.get_json()["detail"]


def test_the_picture_of_lookup_tables_has_a_row_for_each_in_their_order(gateway):
    response = gateway.get("luts_png/?cached=false")
    strip = np.asarray(Image.open(io.BytesIO(response.data)))
    tables = gateway.get("luts/?rgb=true").get_json()["luts"]
    assert strip.shape == (10 * (len(tables) + 1), 256, 4)
    for table in tables:
        row = strip[10 * table["png_index_new"] : 10 * table["png_index_new"] + 10]
        assert (row[..., :3] == np.array(table["rgb"])).all() and (row[..., 3] == 255).all()


@pytest.mark.parametrize(
    "path",
    [
        "render_split_channel/{}/0/0/?c=1|0:9$F00&m=c&maps="
        '[{{"inverted":{{"enabled":false}},"quantization":{{"family":"linear"}}}}]',
        "render_row_plot/{}/0/0/1/?c=1$F00",
        "render_col_plot/{}/0/0/1/?c=1$F00",
        "luts_png/?{}",
        "histogram_json/{}/channel/0/?",
    ],
)
def test_composed_pictures_have_validators_and_are_kept(make_gateway, path):
    gateway = make_gateway()
    path = path.format(gateway.ids[STACK])
    first = gateway.get(path)
    assert first.headers["X-Cache"] == ("miss" if "luts" not in path else "raw")
    # Through a router everybody is the public user, whose pictures anybody may keep.
    whose = ("private, ",) if WHO == "local" else ("private, ", "public, ")
    assert first.headers["Cache-Control"].startswith(whose)
    assert ("max-age" in first.headers["Cache-Control"]) == ("c=" in path)
    again = gateway.get(f"{path}&_=5")
    assert (again.headers["X-Cache"], again.data) == ("hit", first.data)
    held = gateway.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (held.status_code, held.data) == (304, b"")
    assert held.headers["X-Cache"] in ("not-modified", "hit")


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (
            "render_split_channel/{}/0/0/?c=1|0:9$F00,2|0:9$0F0&m=c",
            ["&m=g", "&p=intmax", "&q=0.5", "&size=30", "&flip=h", "&c=1|0:9$F00"],
        ),
        ("render_row_plot/{}/0/0/1/?c=1$F00,2$0F0", ["&c=1$00F,2$0F0", "&c=2$0F0"]),
        ("histogram_json/{}/channel/0/?", ["&bins=7", "&theZ=1", "&p=intmax"]),
    ],
)
def test_what_changes_a_composed_picture_changes_its_validator(gateway, path, changes):
    path = path.format(gateway.ids[STACK])
    answers = [gateway.get(path + change) for change in ("", *changes)]
    assert len({answer.headers["ETag"] for answer in answers}) == len(answers)
    assert len({answer.data for answer in answers}) == len(answers)


def test_a_plane_larger_than_the_servers_largest_is_sampled_for_its_histogram(make_gateway):
    gateway = make_gateway()
    session = parts(gateway).source.session(parts(gateway).own_credentials, soon())
    known = session.server_settings(soon())
    small = replace(known, max_plane_width=31, max_plane_height=3192)
    change_session(gateway, server_settings=lambda deadline: small)
    answer = gateway.get(f"histogram_json/{gateway.ids[STACK]}/channel/1/?theZ=2&bins=1").get_json()
    # 61 pixels wide: every second one.
    assert answer["data"] == [24 * 31]
    pyramid = gateway.get(f"histogram_json/{gateway.ids[PYRAMID]}/channel/1/?bins=1").get_json()
    assert pyramid["data"] == [25 * 30]
