"""Every address of pictures, for those who are logged in and those who are not."""

import pytest

from tests.app.conftest import STACK

PATHS = [
    "webgateway/render_image/{}/0/0/",
    "webgateway/render_image_region/{}/0/0/?tile=0,0,0,9,9",
    "webgateway/render_image_rdef/{}/0/0/?c=1|0:9$F00&m=c",
    "webgateway/render_image_region_rdef/{}/0/0/?tile=0,0,0,9,9&c=1|0:9$F00&m=c",
    "webgateway/render_split_channel/{}/0/0/",
    "webgateway/render_row_plot/{}/0/0/1/",
    "webgateway/render_col_plot/{}/0/0/1/",
    "webgateway/render_thumbnail/{}/",
    "webgateway/render_birds_eye_view/{}/",
    "webgateway/get_thumbnail/{}/",
    "webgateway/get_thumbnails/?id={}",
    "webgateway/histogram_json/{}/channel/0/",
    "webgateway/luts_png/?{}",
    # Not even an icon: who is not logged in does not learn what there is.
    "webclient/render_thumbnail/{}/",
    "webclient/render_thumbnail/size/20/{}/",
    "webclient/get_thumbnail/{}/",
]
#: Without a login it does not matter whether there are such regions.
REGIONS = [
    "webgateway/render_roi_thumbnail/{}/",
    "webgateway/render_shape_thumbnail/{}/",
    "webgateway/render_shape_mask/{}/",
]


@pytest.fixture
def members(make_members):
    return make_members()


def test_pictures_are_shown_to_a_session_and_to_nobody_else(members, session_key):
    image = members.ids[STACK]
    for path in PATHS:
        path = f"/{path.format(image)}"
        allowed = members.client.get(path, headers={"X-OMERO-Session-Key": session_key})
        assert allowed.status_code == 200, (path, allowed.get_data(as_text=True))
        etag = allowed.headers.get("ETag", "")
        # What is in the cache now, and even what the client holds, is shown to nobody else.
        for headers in ({}, {"If-None-Match": etag}, {"X-OMERO-Session-Key": "nobody"}):
            refused = members.client.get(path, headers=headers)
            assert refused.status_code == 401, path
            assert refused.headers["Cache-Control"] == "no-store"
            assert refused.get_json()["type"] == "not-authenticated"


def test_a_member_s_picture_is_private_also_when_it_is_at_hand(members, session_key):
    maps = '[{"inverted":{"enabled":false},"quantization":{"family":"linear"}}]'
    path = f"render_image/{members.ids[STACK]}/0/0/?c=1|0:99$FF0000,-2,-3&m=c&maps={maps}"
    for _ in range(2):
        told = members.get(path, headers={"X-OMERO-Session-Key": session_key})
        assert told.status_code == 200
        assert told.headers["Cache-Control"].startswith("private, max-age=")
        assert {"Cookie", "X-OMERO-Session-Key"} <= set(told.vary)


@pytest.mark.parametrize("path", REGIONS)
def test_regions_of_interest_are_shown_to_nobody_without_a_session(members, session_key, path):
    path = f"/{path.format(987654)}"
    assert members.client.get(path).status_code == 401
    found = members.client.get(path, headers={"X-OMERO-Session-Key": session_key})
    assert found.status_code == 404
