"""Pictures over HTTP against numpy compositions of the files' own pixels."""

import numpy as np
import pytest

from tests.app.conftest import FLAT, PYRAMID, STACK, decoded

GREEN_AND_RED = "c=1|100:1500$FF0000,2|100:1500$00FF00&m=c"


def levels_of(plane: np.ndarray, start: float, end: float) -> np.ndarray:
    """Stretch a window linearly over 0 to 255, as docs/rendering.md says, in plain numpy."""
    values = plane.astype(np.float64)
    slope = 255.0 / (end - start)
    stretched = np.floor(slope * values - slope * start + 0.5)
    return np.where(values < start, 0, np.where(values >= end, 255, stretched)).astype(np.uint8)


def red_and_green(planes: np.ndarray) -> np.ndarray:
    """Compose what GREEN_AND_RED asks for from (c, y, x)."""
    red, green = levels_of(planes[0], 100, 1500), levels_of(planes[1], 100, 1500)
    return np.stack([red, green, np.zeros_like(red)], axis=-1)


def test_a_tile_equals_the_composition_of_the_files_pixels(gateway):
    image = gateway.ids[PYRAMID]
    path = f"render_image_region/{image}/0/0/?tile=0,1,1,256,256&{GREEN_AND_RED}"
    expected = red_and_green(gateway.server.pyramid[0][:, 256:512, 256:512])
    np.testing.assert_array_equal(gateway.picture(f"{path}&format=png"), expected)
    np.testing.assert_array_equal(gateway.picture(f"{path}&format=tif"), expected)


def test_formats_have_their_media_types_and_look_alike(gateway):
    image = gateway.ids[FLAT]
    exact = gateway.picture(f"render_image/{image}/?format=png").astype(int)
    for name, media_type in (
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("tif", "image/tiff"),
        ("tiff", "image/tiff"),
    ):
        response = gateway.get(f"render_image/{image}/?format={name}&q=1")
        assert response.content_type == media_type
        assert np.abs(decoded(response).astype(int) - exact).mean() < 3


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_tiles_of_a_level_put_together_equal_the_level(gateway, level):
    image = gateway.ids[PYRAMID]
    whole = red_and_green(gateway.server.pyramid[level])
    height, width = whole.shape[:2]
    rows = []
    for row in range(-(-height // 256)):
        tiles = [
            gateway.picture(
                f"render_image_region/{image}/0/0/?tile={level},{column},{row},256,256"
                f"&{GREEN_AND_RED}&format=png"
            )
            for column in range(-(-width // 256))
        ]
        rows.append(np.concatenate(tiles, axis=1))
    np.testing.assert_array_equal(np.concatenate(rows), whole)


def test_the_tiles_of_the_full_size_equal_the_region(gateway):
    image = gateway.ids[PYRAMID]
    region = gateway.picture(
        f"render_image_region/{image}/0/0/?region=-10,-10,9999,9999&{GREEN_AND_RED}&format=png"
    )
    np.testing.assert_array_equal(region, red_and_green(gateway.server.pyramid[0]))


def test_a_tile_without_a_size_has_the_images_own(gateway):
    image = gateway.ids[PYRAMID]
    size = gateway.get(f"imgData/{image}/tile_size").get_json()
    tile = gateway.picture(
        f"render_image_region/{image}/0/0/?tile=0,0,0&{GREEN_AND_RED}&format=png"
    )
    assert tile.shape[:2] == (size["height"], size["width"])


def test_a_plane_is_that_of_its_section_and_timepoint(gateway):
    image = gateway.ids[STACK]
    picture = gateway.picture(f"render_image/{image}/3/1/?c=2|0:4000$FFFFFF&m=g&format=png")
    expected = levels_of(gateway.server.stack[1, 3, 1], 0, 4000)
    np.testing.assert_array_equal(picture, np.repeat(expected[..., None], 3, -1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("intmax", lambda stack: stack.max(0)),
        ("intmax|1:2", lambda stack: stack[1:3].max(0)),
        ("intmax|2:1", lambda stack: stack[1:3].max(0)),
        ("intmax|-4:99", lambda stack: stack.max(0)),
        ("intmean|0:4", lambda stack: np.trunc(stack[:4].mean(0))),
        ("intmean|0:4&inclusive=true", lambda stack: np.trunc(stack.mean(0))),
        ("intmean|2:2", lambda stack: stack[2]),
        ("intsum|0:2", lambda stack: stack[:2].sum(0)),
        ("nothing", lambda stack: stack[3]),
    ],
)
@pytest.mark.parametrize(
    "area", ["render_image/{}/3/1/?", "render_image_region/{}/3/1/?region=5,6,20,30&"]
)
def test_projections_of_planes_and_regions(gateway, text, expected, area):
    path = area.format(gateway.ids[STACK])
    picture = gateway.picture(f"{path}p={text}&c=1|0:9000$FFFFFF&m=g&format=png")
    plane = expected(gateway.server.stack[1, :, 0].astype(np.float64))
    if "region" in area:
        plane = plane[6:36, 5:25]
    np.testing.assert_array_equal(picture[..., 0], levels_of(plane, 0, 9000))


def test_a_projection_above_the_limit_is_refused(make_gateway):
    gateway = make_gateway(max_projection_bytes=61 * 47 * 2 * 5)
    image = gateway.ids[STACK]
    assert gateway.get(f"render_image/{image}/0/0/?p=intmax&c=1").status_code == 200
    refused = gateway.get(f"render_image/{image}/0/0/?p=intmax&c=1,2&m=c")
    assert refused.status_code == 413
    assert "max_projection_bytes" in refused.get_json()["message"]


@pytest.mark.parametrize(
    "turn", ["flip=h", "flip=v", "flip=hv", "rot=90", "rot=270", "flip=h&rot=90"]
)
def test_tiles_of_a_turned_picture_are_cut_from_it(gateway, turn):
    image = gateway.ids[STACK]
    settings = "c=1|0:4000$FFFFFF&m=g&format=png"
    whole = gateway.picture(f"render_image/{image}/0/0/?{settings}&{turn}")
    tile = gateway.picture(f"render_image_region/{image}/0/0/?{settings}&{turn}&tile=0,1,1,20,20")
    np.testing.assert_array_equal(tile, whole[20:40, 20:40])
    plain = levels_of(gateway.server.stack[0, 0, 0], 0, 4000)
    if "h" in turn.partition("&")[0]:
        plain = plain[:, ::-1]
    if "v" in turn:
        plain = plain[::-1]
    if "rot" in turn:
        plain = np.rot90(plain, -int(turn.rpartition("=")[2]) // 90)
    np.testing.assert_array_equal(whole[..., 0], plain)


def test_lookup_tables_are_found_in_any_case_and_unknown_ones_told(gateway):
    image = gateway.ids[STACK]
    [fire] = [
        table for table in gateway.get("luts/?rgb=true").get_json()["luts"]
        if table["name"] == "fire.lut"
    ]  # fmt: skip
    for name in ("fire.lut", "FIRE.LUT"):
        picture = gateway.picture(f"render_image/{image}/0/0/?c=1|0:4000${name}&m=c&format=png")
        levels = levels_of(gateway.server.stack[0, 0, 0], 0, 4000)
        np.testing.assert_array_equal(picture, np.array(fire["rgb"], np.uint8)[levels])
    unknown = gateway.get(f"render_image/{image}/0/0/?c=1|0:4000$no%0d%0asuch.lut&m=c")
    assert unknown.status_code == 200
    assert "is unknown" in unknown.headers["Warning"]


def test_no_channel_at_all_is_black(gateway):
    picture = gateway.picture(f"render_image/{gateway.ids[STACK]}/0/0/?c=&maps=[]&format=png")
    assert picture.shape == (47, 61, 3) and not picture.any()


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("render_thumbnail/{}/", (96, 82)),
        ("render_thumbnail/{}/70/", (70, 60)),
        ("render_thumbnail/{}/33/90/", (33, 90)),
        ("render_thumbnail/{}/0/", (1, 1)),
        ("render_thumbnail/{}/0/5/", (1, 5)),
        ("render_thumbnail/{}/1400/?z=0&t=0", (1400, 1200)),
        ("render_birds_eye_view/{}/", (96, 82)),
        ("render_birds_eye_view/{}/50", (50, 42)),
    ],
)
def test_thumbnail_sizes(gateway, path, size):
    response = gateway.get(path.format(gateway.ids[PYRAMID]))
    assert response.content_type == "image/jpeg"
    height, width = decoded(response).shape[:2]
    assert (width, height) == size


def test_a_thumbnail_is_the_picture_made_small(gateway):
    image = gateway.ids[FLAT]
    same_size = gateway.picture(f"render_thumbnail/{image}/100/40/").astype(int)
    picture = gateway.picture(f"render_image/{image}/?q=0.85").astype(int)
    assert np.abs(same_size - picture).mean() < 3


def test_webclient_thumbnails_have_an_icon_for_missing_images(gateway):
    image = gateway.ids[FLAT]
    real = gateway.client.get(f"/webclient/render_thumbnail/size/50/{image}/7/")
    assert decoded(real).shape == (20, 50, 3)
    icon = gateway.client.get("/webclient/render_thumbnail/size/50/987654/")
    assert (icon.status_code, icon.content_type) == (200, "image/png")
    assert decoded(icon).shape == (50, 50, 3)
    assert (
        gateway.client.get("/webclient/get_thumbnail/987654/").get_json()[:15] == "data:image/png;"
    )


def test_batches_of_thumbnails(gateway):
    ids = sorted(gateway.ids.values())
    query = "&".join(f"id={image}" for image in [*ids, *ids, 987654])
    answer = gateway.get(f"get_thumbnails/?{query}").get_json()
    assert set(answer) == {*map(str, ids), "987654"}
    assert answer["987654"] is None
    assert all(answer[str(image)].startswith("data:image/jpeg;base64,") for image in ids)
    assert gateway.get("get_thumbnails/").get_json() == {}
    many = "&".join(f"id={number}" for number in range(51))
    assert gateway.get(f"get_thumbnails/?{many}").status_code == 400
    assert gateway.get("get_thumbnails/?id=x").status_code == 400


def test_histograms(gateway):
    image = gateway.ids[STACK]
    plane = gateway.server.stack[1, 2, 1]
    answer = gateway.get(f"histogram_json/{image}/channel/1/?theZ=2&theT=1&bins=16").get_json()
    counts, _ = np.histogram(plane, bins=16, range=(answer["min"], answer["max"]))
    assert abs(np.array(answer["data"]) - counts).sum() <= 4
    assert sum(answer["data"]) == counts.sum()
    assert len(gateway.get(f"histogram_json/{image}/channel/0/").get_json()["data"]) == 256
    whole = gateway.get(f"histogram_json/{image}/channel/0/?usePixelsTypeRange=true").get_json()
    assert (whole["min"], whole["max"], sum(whole["data"])) == (0.0, 65535.0, 47 * 61)
    top = gateway.get(f"histogram_json/{image}/channel/0/?p=intmax&bins=1").get_json()
    assert sum(top["data"]) == 47 * 61
