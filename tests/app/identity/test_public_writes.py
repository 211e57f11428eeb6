"""The public user changes nothing: not by any address, whatever the form says."""

import io
import json

import pytest

from app.csrf import COOKIE, HEADER
from tests.app.conftest import STACK
from tests.app.identity.conftest import PASSWORD, USER
from tests.app.metadata.test_roi_changes import POINT

TOKEN = "a" * 32
FIGURE = json.dumps({"panels": [], "figureName": "f"})


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"omero_user": USER, "omero_password": PASSWORD}, 403, "logged in"),
        (
            {
                "public_enabled": True,
                "public_user": USER,
                "public_password": PASSWORD,
                "public_url_filter": ".",
            },
            401,
            "nobody is logged in",
        ),
    ],
)
def test_the_public_user_changes_nothing(make_members, settings, status, said):
    public = make_members(**settings)
    # What is refused is not refused for want of a token.
    public.client.set_cookie(COOKIE, TOKEN)
    image = public.ids[STACK]
    assert public.get(f"imgData/{image}/").status_code == 200
    pairs = json.dumps([["a", "b"]])
    file = (io.BytesIO(b"x"), "a.txt", "text/plain")
    forms: dict[str, dict] = {
        f"webgateway/saveImgRDef/{image}/?c=1|0:9$FF0000&m=c": {},
        "webgateway/resetRDef/": {"toids": image, "to_type": "image"},
        "webgateway/applyOwnersRDef/": {"toids": image, "to_type": "image"},
        "webgateway/copyImgRDef/": {"fromid": image, "toids": image, "to_type": "image"},
        "webgateway/jobs/": {"dataset": 1},
        "webclient/annotate_map/": {"image": image, "mapAnnotation": pairs},
        "webclient/annotate_file/": {"image": image, "annotation_file": file},
        "webclient/action/delete/file/1/": {},
        f"webclient/action/savename/image/{image}/": {"name": "n"},
        f"webclient/edit_channel_names/{image}/": {"channel0": "n"},
        "iviewer/save_projection/": {"image": image, "projection": "intmax"},
        "figure/save_web_figure/": {"figureJSON": FIGURE},
        "figure/delete_web_figure/": {"fileId": 1},
    }
    rois = json.dumps({"imageId": image, "rois": {"new": [POINT]}})
    asked = [*forms.items(), ("iviewer/persist_rois/", rois)]
    for path, data in asked:
        response = public.client.post(f"/{path}", data=data, headers={HEADER: TOKEN})
        told = response.get_json()
        assert response.status_code == status, (path, told)
        assert said in told["detail"], (path, told)
