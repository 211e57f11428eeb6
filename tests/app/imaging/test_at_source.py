"""With `render_worker = server` the source draws: the same pictures, by other keys, no planes."""

import numpy as np
import pytest

from app.web import parts_of
from tests.app.conftest import FLAT, PYRAMID, STACK, decoded

#: Drawn by the source: an RGB region, tiles, a lookup table, inverted, a curve, grey, projections.
AT_SOURCE = [
    f"render_image_region/{PYRAMID}/0/0/?region=30,40,200,120&c=1|10:1500$FF0000,2|0:900$00FF80,3",
    f"render_image_region/{PYRAMID}/0/0/?tile=1,1,0,128,128&c=1|10:1500$FF0000,-2,-3",
    f"render_image_region/{PYRAMID}/0/0/?tile=0,2,1&c=2|0:1800$viridis.lut&m=c",
    f"render_image_region/{PYRAMID}/0/0/?region=0,0,90,70&c=1|10:1500$FF0000"
    '&maps=[{"reverse":{"enabled":true}}]',
    f"render_image/{STACK}/1/1/?c=1|0:3000$FF00FF&m=c"
    '&maps=[{"quantization":{"family":"polynomial","coefficient":1.8}}]',
    f"render_image/{STACK}/2/0/?c=2|5:3500&m=g&flip=h&rot=90",
    f"render_image/{STACK}/0/1/?c=1|5:3500$00FFFF,2|0:4000$FFFF00&m=c&p=intmax",
    f"render_image/{STACK}/0/1/?c=1|5:3500$00FFFF&m=c&p=intmean|1:3",
    f"render_image/{FLAT}/0/0/?c=1,2,3&m=c",
]

#: What only our engine can do.
BY_US = [
    f"render_image_region/{STACK}/0/0/?region=3,4,20,20&c=1|5:3500$FF0000&p=intmax",
    f"render_image/{STACK}/0/0/?c=1|5:3500$FF0000&p=intsum|2:2",
    f"render_image/{FLAT}/0/0/?c=-1,-2,-3&m=c",
]


@pytest.fixture
def remote(make_gateway):
    return make_gateway(render_worker="server")


def path_of(gateway, path, picture_format="png"):
    kind, name, rest = path.split("/", 2)
    return f"{kind}/{gateway.ids[name]}/{rest}&format={picture_format}"


def raw_planes_of(gateway):
    return parts_of(gateway.app).get().raw_planes.stats().entries


@pytest.mark.parametrize("path", AT_SOURCE)
def test_the_source_draws_the_same_picture_under_another_key(gateway, remote, path):
    path = path_of(gateway, path)
    here, there = gateway.get(path), remote.get(path)
    assert (here.status_code, there.status_code) == (200, 200), there.get_data(as_text=True)
    picture = decoded(there)
    np.testing.assert_array_equal(picture, decoded(here))
    assert len(np.unique(picture)) > 10
    assert there.headers["ETag"] != here.headers["ETag"]
    assert raw_planes_of(remote) == 0
    assert remote.get(path, headers={"If-None-Match": there.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("path", BY_US)
def test_what_the_source_cannot_draw_is_drawn_by_us(make_gateway, remote, path):
    # Over the same server, whose name is in the key.
    gateway = make_gateway()
    path = path_of(gateway, path)
    here, there = gateway.get(path), remote.get(path)
    assert here.status_code == there.status_code == 200
    assert there.get_data() == here.get_data()
    assert there.headers["ETag"] == here.headers["ETag"]


def test_thumbnails_histograms_and_values_come_as_ever(gateway, remote):
    image_id = gateway.ids[PYRAMID]
    for path in (
        f"render_thumbnail/{image_id}/64/",
        f"histogram_json/{image_id}/channel/0/",
        f"render_image_region/{image_id}/0/0/?region=0,0,9,9&c=1&format=npy",
    ):
        here, there = gateway.get(path), remote.get(path)
        assert here.status_code == there.status_code == 200, there.get_data(as_text=True)
        assert there.get_data() == here.get_data()


def test_wrong_settings_are_told_in_the_same_words(gateway, remote):
    path = path_of(gateway, f"render_image/{STACK}/0/0/?c=1|70000:80000$FF0000")
    here, there = gateway.get(path), remote.get(path)
    assert here.status_code == there.status_code == 400
    assert here.get_json()["detail"] == there.get_json()["detail"]
