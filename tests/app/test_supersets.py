"""What goes beyond webgateway: auto, gamma, values as they are, projections over time."""

import io

import numpy as np
import pytest
from PIL import Image, features

from render.engine.projection import project
from render.engine.windows import percentile_window
from render.job import WindowJob
from render.values import ProjectionKind
from tests.app.conftest import FLAT, PYRAMID, STACK

ON = "c=1|0:3000$FF0000,2|50:2500$00FF00&m=c"


@pytest.fixture
def stack(gateway):
    return f"render_image/{gateway.ids[STACK]}"


@pytest.fixture
def tiles(gateway):
    return f"render_image_region/{gateway.ids[PYRAMID]}/0/0/"


def refused(gateway, path, parameter, status=400):
    response = gateway.get(path)
    assert response.status_code == status, response.get_data()[:200]
    body = response.get_json()
    assert body.get("parameter") == parameter, body
    assert "\n" not in body["detail"]


def etag(gateway, path):
    response = gateway.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.headers["ETag"]


def array(gateway, path):
    response = gateway.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return np.load(io.BytesIO(response.get_data()))


def window_text(window):
    return f"{window.start:g}:{window.end:g}"


class TestAuto:
    def test_the_window_is_that_of_the_plane(self, gateway, stack):
        plane = gateway.server.stack[1, 3, 0]
        window = window_text(percentile_window([plane], "uint16", 2, 98))
        expected = gateway.picture(f"{stack}/3/1/?c=1|{window}$FF0000&m=c&format=png")
        got = gateway.picture(f"{stack}/3/1/?c=1$FF0000&m=c&format=png&auto=2:98")
        np.testing.assert_array_equal(got, expected)

    def test_the_window_is_that_of_the_image(self, gateway, stack):
        planes = gateway.server.stack[:, :, 1].reshape(-1, *gateway.server.stack.shape[-2:])
        window = window_text(percentile_window(list(planes), "uint16", 5, 90))
        path = f"{stack}/0/0/?m=c&format=png&c=2"
        expected = gateway.picture(f"{path}|{window}$00FF00")
        np.testing.assert_array_equal(gateway.picture(f"{path}$00FF00&auto=5:90|image"), expected)

    def test_the_window_is_that_of_the_projection(self, gateway, stack):
        planes = list(gateway.server.stack[0, :, 0])
        summed = project(planes, ProjectionKind.SUM, "uint16")
        low, high = 0, 2**16 - 1
        window = percentile_window([np.clip(summed, low, high).astype(">u2")], "uint16", 1, 99)
        path = f"{stack}/0/0/?m=c&format=png&p=intsum&inclusive=true&c=1"
        assert etag(gateway, f"{path}$FF0000&auto=1:99") == etag(
            gateway, f"{path}|{window_text(window)}$FF0000"
        )

    def test_a_window_in_c_wins(self, gateway, stack):
        assert etag(gateway, f"{stack}/0/0/?{ON}&auto=1:99") == etag(gateway, f"{stack}/0/0/?{ON}")

    def test_all_tiles_have_the_window_of_the_plane(self, gateway, tiles):
        whole = percentile_window([gateway.server.pyramid[0][0]], "uint16", 1, 99)
        for tile in ("0,0,0", "0,1,2", "1,0,0", "2,0,0"):
            path = f"{tiles}?tile={tile},128,128&m=c&c=1"
            assert etag(gateway, f"{path}$FF0000&auto=1:99") == etag(
                gateway, f"{path}|{window_text(whole)}$FF0000"
            )

    def test_a_large_plane_is_looked_at_in_a_smaller_level(self, make_gateway, monkeypatch):
        monkeypatch.setattr("app.imaging.auto_windows._PLANE_SIDE", 200)
        gateway = make_gateway()
        small = percentile_window([gateway.server.pyramid[2][1]], "uint16", 1, 99)
        path = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?tile=0,1,1&m=c&c=2"
        assert etag(gateway, f"{path}$FF0000&auto=1:99") == etag(
            gateway, f"{path}|{window_text(small)}$FF0000"
        )

    def test_without_smaller_levels_some_of_its_pixels_are_looked_at(
        self, make_gateway, monkeypatch
    ):
        monkeypatch.setattr("app.imaging.auto_windows._PLANE_SIDE", 30)
        gateway = make_gateway()
        some = gateway.server.stack[1, 2, 0, ::3, ::3]
        window = window_text(percentile_window([some], "uint16", 1, 99))
        path = f"render_image/{gateway.ids[STACK]}/2/1/?m=c&c=1"
        assert etag(gateway, f"{path}$FF0000&auto=1:99") == etag(gateway, f"{path}|{window}$FF0000")

    def test_a_window_is_worked_out_once_for_all_tiles(self, make_gateway, monkeypatch):
        found = []

        class Counted(WindowJob):
            def run(self):
                found.append(self)
                return super().run()

        monkeypatch.setattr("app.imaging.auto_windows.WindowJob", Counted)
        gateway = make_gateway(render_worker="threads")
        path = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?c=1,3&auto=1:99"
        for tile in ("0,0,0", "0,1,0", "1,0,0"):
            assert gateway.get(f"{path}&tile={tile}").status_code == 200
        assert len(found) == 2

    def test_without_c_it_is_for_the_channels_that_are_on(self, gateway, stack):
        plain = gateway.picture(f"{stack}/0/0/?format=png")
        adjusted = gateway.picture(f"{stack}/0/0/?format=png&auto=40:60")
        assert (plain != adjusted).any()

    def test_one_value_everywhere_is_a_picture(self, gateway):
        got = gateway.get(f"render_image/{gateway.ids[FLAT]}/0/0/?auto=0:100&format=png")
        assert got.status_code == 200

    @pytest.mark.parametrize(
        "text",
        [
            *("true", "1", "1:", ":9", "5:5", "9:5", "-1:50", "0:101", "nan:9", "0:inf", "a:b"),
            *("1:2:3", "1:99|", "1:99|tile", "1:99|Plane"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, gateway, stack, text):
        refused(gateway, f"{stack}/0/0/?auto={text}", "auto")

    def test_of_an_image_it_does_not_go_with_a_projection(self, gateway, stack):
        refused(gateway, f"{stack}/0/0/?auto=1:99|image&p=intmax", "auto")

    def test_what_is_empty_is_off(self, gateway, stack):
        assert etag(gateway, f"{stack}/0/0/?auto=&gamma=&axis=") == etag(gateway, f"{stack}/0/0/")


class TestGamma:
    def test_it_is_the_polynomial_family(self, gateway, stack):
        maps = '[{"quantization":{"family":"polynomial","coefficient":0.5}}]'
        path = f"{stack}/0/0/?c=1|0:3000$FF0000&m=c"
        assert etag(gateway, f"{path}&gamma=2") == etag(gateway, f"{path}&maps={maps}")
        assert etag(gateway, f"{path}&gamma=2.0") != etag(gateway, path)
        assert etag(gateway, f"{path}&gamma=1") == etag(gateway, path)

    def test_it_brightens_above_one(self, gateway, stack):
        path = f"{stack}/0/0/?{ON}&format=png"
        dark, plain, bright = (
            gateway.picture(f"{path}&gamma={gamma}").mean() for gamma in (0.5, 1, 2)
        )
        assert dark < plain < bright

    @pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", "1,5", "1000", "1e-9"])
    def test_what_cannot_be_read_is_refused(self, gateway, stack, text):
        refused(gateway, f"{stack}/0/0/?gamma={text}", "gamma")

    def test_it_does_not_go_with_a_family_that_is_no_power(self, gateway, stack):
        maps = '[{"quantization":{"family":"logarithmic","coefficient":1}}]'
        refused(gateway, f"{stack}/0/0/?c=1|0:9$F00&maps={maps}&gamma=2", "gamma")


class TestValues:
    def test_one_channel_is_a_plane(self, gateway, stack):
        got = array(gateway, f"{stack}/2/1/?c=2&format=npy")
        assert got.dtype == np.dtype(">u2")
        np.testing.assert_array_equal(got, gateway.server.stack[1, 2, 1])

    def test_several_channels_are_stacked_in_the_image_s_order(self, gateway, stack):
        got = array(gateway, f"{stack}/2/1/?c=2,1|5:9$F00&format=npy&m=g")
        np.testing.assert_array_equal(got, gateway.server.stack[1, 2])

    def test_a_tile_of_any_level(self, gateway, tiles):
        got = array(gateway, f"{tiles}?tile=1,1,0,128,64&c=3&format=npy")
        np.testing.assert_array_equal(got, gateway.server.pyramid[1][2][:64, 128:256])

    def test_a_region_mirrored_and_turned(self, gateway, tiles):
        got = array(gateway, f"{tiles}?region=5,7,40,30&c=1&format=npy&flip=h&rot=90")
        whole = np.rot90(gateway.server.pyramid[0][0][:, ::-1], -1)
        np.testing.assert_array_equal(got, whole[7:37, 5:45])

    def test_a_projection(self, gateway, stack):
        got = array(gateway, f"{stack}/0/1/?c=1&format=npy&p=intmax|1:3")
        np.testing.assert_array_equal(got, gateway.server.stack[1, 1:4, 0].max(axis=0))

    def test_raw_is_big_endian_and_told_in_headers(self, gateway, tiles):
        response = gateway.get(f"{tiles}?region=5,7,40,30&c=2&format=raw&rot=270")
        assert response.content_type == "application/octet-stream"
        expected = {
            "X-Pixel-Type": "uint16",
            "X-Byte-Order": "big-endian",
            "X-Shape": "30,40",
            "X-Channels": "2",
        }
        assert {name: response.headers[name] for name in expected} == expected
        values = np.frombuffer(response.get_data(), ">u2").reshape(30, 40)
        whole = np.rot90(gateway.server.pyramid[0][1])
        np.testing.assert_array_equal(values, whole[7:37, 5:45])

    def test_the_shape_of_turned_channels(self, gateway, tiles):
        response = gateway.get(f"{tiles}?tile=2,0,0,20,10&c=1,3&format=npy&rot=90")
        assert response.headers["X-Shape"] == "2,10,20"
        assert response.headers["X-Channels"] == "1,3"
        assert np.load(io.BytesIO(response.get_data())).shape == (2, 10, 20)

    def test_settings_that_only_rendering_looks_at_do_not_matter(self, gateway, stack):
        assert etag(gateway, f"{stack}/0/0/?c=1|0:9$F00&m=g&q=0.3&format=npy") == etag(
            gateway, f"{stack}/0/0/?c=-2,1$no.lut&format=npy"
        )

    def test_the_client_that_holds_them_is_told_so(self, gateway, stack):
        path = f"{stack}/0/0/?c=1&format=raw"
        first = gateway.get(path)
        again = gateway.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert gateway.get(path).get_data() == first.get_data()
        assert gateway.get(path).headers["X-Shape"] == "47,61"

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("c=1,2&format=raw", "format"),
            ("c=&format=npy", "c"),
            ("c=-1&format=raw", "c"),
            ("c=1&format=npy&auto=1:99", "auto"),
            ("c=1&format=raw&gamma=2", "gamma"),
            ("c=1&format=npz", "format"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, gateway, stack, query, parameter):
        refused(gateway, f"{stack}/0/0/?{query}", parameter)

    def test_too_many_values_are_refused(self, make_gateway):
        gateway = make_gateway(max_output_pixels=47 * 61)
        path = f"render_image/{gateway.ids[STACK]}/0/0/?format=npy"
        assert gateway.get(f"{path}&c=1").status_code == 200
        refused(gateway, f"{path}&c=1,2", "c", 413)


class TestOverTime:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("intmax", lambda a: a.max(axis=0)), ("intsum", lambda a: a.sum(axis=0))],
    )
    def test_timepoints_of_one_section(self, gateway, stack, kind, expected):
        path = f"{stack}/3/0/?c=2&format=npy&p={kind}&axis=t&inclusive=true"
        over_time = gateway.server.stack[:, 3, 1].astype(np.int64)
        np.testing.assert_array_equal(
            array(gateway, path), expected(over_time).clip(0, 65535).astype(np.uint16)
        )

    def test_a_range_of_timepoints(self, gateway, stack):
        got = array(gateway, f"{stack}/4/0/?c=1&format=npy&p=intmax|1:1&axis=t")
        np.testing.assert_array_equal(got, gateway.server.stack[1, 4, 0])

    def test_a_region_and_a_picture(self, gateway):
        path = f"render_image_region/{gateway.ids[STACK]}/3/0/?region=4,6,20,10"
        got = array(gateway, f"{path}&c=1&format=npy&p=intmax&axis=t")
        stack = gateway.server.stack
        np.testing.assert_array_equal(got, stack[:, 3, 0, 6:16, 4:24].max(axis=0))
        shown = gateway.picture(f"{path}&c=1|0:4000$FF0000&format=png&p=intmax&axis=t&m=c")
        assert shown.shape == (10, 20, 3)

    def test_a_tile_of_a_smaller_level(self, gateway, tiles):
        got = array(gateway, f"{tiles}?tile=2,0,0,100,90&c=1&format=npy&p=intmax&axis=t")
        np.testing.assert_array_equal(got, gateway.server.pyramid[2][0][:90, :100])

    def test_the_section_counts_and_the_timepoint_does_not(self, gateway, stack):
        query = f"?{ON}&p=intmax&axis=t"
        assert etag(gateway, f"{stack}/1/0/{query}") == etag(gateway, f"{stack}/1/1/{query}")
        assert etag(gateway, f"{stack}/1/0/{query}") != etag(gateway, f"{stack}/2/0/{query}")
        assert etag(gateway, f"{stack}/1/0/{query}") != etag(
            gateway, f"{stack}/1/0/?{ON}&p=intmax&axis=z"
        )

    def test_a_histogram_over_time(self, gateway):
        path = f"histogram_json/{gateway.ids[STACK]}/channel/0/?theZ=2&p=intmax&axis=t"
        counts = gateway.get(path).get_json()["data"]
        assert sum(counts) == 47 * 61

    def test_another_axis_is_refused(self, gateway, stack):
        refused(gateway, f"{stack}/0/0/?axis=c", "axis")

    def test_a_projection_that_reads_too_much_is_refused(self, make_gateway):
        gateway = make_gateway(max_projection_bytes=1000)
        path = f"render_image/{gateway.ids[STACK]}/0/0/?p=intmax&axis=t"
        refused(gateway, path, "p", 413)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tif"])
@pytest.mark.parametrize(
    "path", ["render_image/{}/0/0/?", "render_image_region/{}/0/0/?tile=0,0,0&"]
)
def test_every_format_goes_with_images_and_tiles(gateway, name, path):
    if name == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no avif codec")
    exact = gateway.picture(path.format(gateway.ids[FLAT]) + "format=png").astype(int)
    response = gateway.get(path.format(gateway.ids[FLAT]) + f"format={name}&q=0.95")
    picture = Image.open(io.BytesIO(response.get_data()))
    assert picture.format == {"tif": "TIFF"}.get(name, name.upper())
    assert abs(np.asarray(picture.convert("RGB")).astype(int) - exact).mean() < 4
