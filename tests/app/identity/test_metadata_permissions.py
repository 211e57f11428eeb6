"""Every address of metadata, for those who are logged in and those who are not."""

import pytest

from tests.app.conftest import STACK
from tests.app.screened import FIRST_WELL, PLATE, SCREENED

PATHS = [
    "imgData/{image}/",
    "imgData/{image}/size/",
    "luts/",
    "proj/list/",
    "proj/1/detail/",
    "proj/1/children/",
    "dataset/1/detail/",
    "dataset/1/children/",
    f"plate/{PLATE}/",
    f"plate/{PLATE}/0/1/",
    f"well/{FIRST_WELL}/children/",
    f"wellData/{FIRST_WELL}/",
    "get_rois_json/{image}/",
    "get_shape_json/{roi}/{roi}/",
    "original_file_paths/{image}/",
    "search/?text=stack",
    "annotations/Plate/1/",
    "table/1/query/?query=*",
    "table/Plate/1/query/?query=*",
    "table/1/metadata/",
    "table/1/rows/?query=*",
    "table/1/slice/?rows=0&columns=0",
]


@pytest.fixture
def members(make_members):
    return make_members()


@pytest.mark.parametrize("path", PATHS)
def test_metadata_is_told_to_a_session_and_to_nobody_else(members, session_key, path):
    roi = members.ids[f"{SCREENED} [one]"] << 20
    path = f"/webgateway/{path.format(image=members.ids[STACK], roi=roi)}"
    allowed = members.client.get(path, headers={"X-OMERO-Session-Key": session_key})
    assert allowed.status_code == 200, allowed.get_data(as_text=True)
    etag = allowed.headers["ETag"]
    for headers in ({}, {"If-None-Match": etag}, {"X-OMERO-Session-Key": "nobody"}):
        refused = members.client.get(path, headers=headers)
        assert refused.status_code == 401
        assert refused.get_json()["type"] == "not-authenticated"


def test_what_programs_there_are_is_told_to_everybody(members):
    assert members.client.get("/webgateway/open_with/").status_code == 200
