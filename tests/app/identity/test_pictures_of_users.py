"""What one user sees and another does not: every address of pictures, with real users."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from flask.testing import Client
from werkzeug.test import TestResponse

from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.source import BlitzSource
from tests.app.identity.conftest import soon
from tests.app.identity.test_permissions import PATHS
from tests.app.screened import write_screened
from tests.app.serving import serve
from tests.support.glacier2 import start_glacier2
from tests.support.image_server import start_image_server
from tests.support.lab import PASSWORDS, make_lab
from tests.support.ome import image_xml, write_ome_tiff

REGIONS = "regions.ome.tif"
#: Nothing of an image is in it.
NOBODYS = "webgateway/luts_png/?{}"
#: In place of what must not be seen: an icon, or null, as for an image that does not exist.
ICONS = tuple(path for path in PATHS if path.startswith("webclient/"))
BATCH = "webgateway/get_thumbnails/?id={}"


@dataclass(frozen=True)
class Members:
    client: Client
    keys: dict[str, str]
    image: int
    roi: int
    shape: int

    def get(self, user: str, path: str, **headers: str) -> TestResponse:
        headers["X-OMERO-Session-Key"] = self.keys[user]
        return self.client.get(f"/{path}", headers=headers)


@pytest.fixture(scope="module", params=["direct", pytest.param("glacier2", marks=pytest.mark.slow)])
def members(tmp_path_factory, request) -> Iterator[Members]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    planes = np.arange(30 * 40, dtype=np.uint8).reshape(1, 30, 40)
    shape = '<Mask X="1" Y="2" Width="8" Height="1"><BinData Length="1">qg==</BinData></Mask>'
    xml = (
        image_xml(0, planes, "r", '<ROIRef ID="R"/>') + f'<ROI ID="R"><Union>{shape}</Union></ROI>'
    )
    write_ome_tiff(lab.folder / "alice-screens" / REGIONS, [planes], xml)
    write_screened(lab.folder / "alice-screens")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            start_image_server(
                lab.folder, transports=("tcp", "ssl", "manager"), arguments=lab.arguments
            )
        )
        port = server.ports["tcp"]
        if request.param == "glacier2":
            port = stack.enter_context(start_glacier2(server)).ports["tcp"]
        source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
        serving = serve(
            omero_host="127.0.0.1",
            omero_port=port,
            omero_transport="tcp",
            cache_dir=tmp_path_factory.mktemp("cache"),
            render_threads=1,
        )
        keys = {
            user: source.log_in(user, PASSWORDS[user], soon()).key for user in ("alice", "carol")
        }
        session = source.session(Credentials.login("alice", PASSWORDS["alice"]), soon())
        [image] = [
            image.id
            for project in session.projects(soon())
            for dataset in session.datasets(project.id, soon())
            for image in session.images(dataset.id, soon())
            if (image.name or "").endswith(REGIONS)
        ]
        [roi] = session.rois(image, soon())
        yield Members(serving.client, keys, image, roi.id, roi.shapes[0].id)
        serving.close()
        source.close()


def paths_of(members: Members) -> list[str]:
    return [
        *(path.format(members.image) for path in PATHS if path not in (NOBODYS, BATCH, *ICONS)),
        f"webgateway/render_roi_thumbnail/{members.roi}/",
        f"webgateway/render_shape_thumbnail/{members.shape}/",
        f"webgateway/render_shape_mask/{members.shape}/",
    ]


def test_a_picture_is_missing_for_whoever_may_not_see_the_image(members):
    for path in paths_of(members):
        shown = members.get("alice", path)
        assert shown.status_code == 200, (path, shown.get_data(as_text=True))
        # It lies in the cache now, and carol even holds it.
        for headers in ({}, {"If-None-Match": shown.headers["ETag"]}):
            refused = members.get("carol", path, **headers)
            assert refused.status_code == 404, path
            assert refused.get_json()["type"] == "not-found"
        assert members.get("alice", path).data == shown.data


def test_where_an_icon_stands_for_what_is_missing_it_stands_for_what_is_hidden(members):
    for path in ICONS:
        shown = members.get("alice", path.format(members.image))
        hidden = members.get("carol", path.format(members.image))
        missing = members.get("carol", path.format(987654))
        assert shown.status_code == hidden.status_code == 200
        assert hidden.data == missing.data != shown.data


def test_hidden_images_of_a_batch_are_null(members):
    path = f"{BATCH.format(members.image)}&id=987654"
    image = str(members.image)
    assert members.get("alice", path).get_json()[image].startswith("data:image/jpeg")
    assert members.get("carol", path).get_json() == {image: None, "987654": None}


@pytest.mark.parametrize(
    "path",
    [
        "api/v0/m/images/{image}/",
        "iviewer/image_data/{image}/",
        "iviewer/image_data/{image}/delta_t/",
        "iviewer/roi/{roi}/image_data/",
        "iviewer/shape/{shape}/image_data/",
        "iviewer/roi/{roi}/page_data/",
        "iviewer/shape/{shape}/page_data/",
        "iviewer/plane_shape_counts/{image}/",
        "iviewer/get_intensity/?image={image}&x=1&y=1&z=0&t=0&c=0",
        "webclient/api/paths_to_object/?image={image}",
        "webclient/api/paths_to_object/?shape={shape}",
        "figure/imgData/{image}/",
        "figure/render_scaled_region/{image}/0/0/?region=-1,-1,9,9",
    ],
)
def test_what_viewers_ask_of_an_image_is_missing_where_it_is_hidden(members, path):
    path = path.format(image=members.image, roi=members.roi, shape=members.shape)
    shown = members.get("alice", path)
    assert shown.status_code == 200, shown.get_data(as_text=True)
    for headers in ({}, {"If-None-Match": shown.headers["ETag"]}):
        assert members.get("carol", path, **headers).status_code == 404
    assert members.client.get(f"/{path}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "api/v0/m/images/{}/datasets/",
        "api/v0/m/images/{}/rois/",
        "api/v0/m/rois/?image={}",
        "iviewer/rois_by_plane/{}/0/0/",
        "figure/roiCount/{}/?shapes=true",
        "figure/roiRectangles/{}/",
        "figure/timestamps/?image={}",
        "figure/pixels_type/?image={}",
    ],
)
def test_lists_of_a_hidden_image_are_those_of_none(members, path):
    assert members.get("alice", path.format(members.image)).status_code == 200
    hidden = members.get("carol", path.format(members.image))
    assert hidden.status_code == 200
    assert hidden.data == members.get("carol", path.format(987654)).data
    assert members.client.get(f"/{path.format(1)}").status_code == 401


def test_objects_of_others_are_neither_listed_nor_counted(members):
    def seen(user: str, kind: str) -> set[int]:
        told = members.get(user, f"api/v0/m/{kind}/?childCount=true").get_json()
        assert told["meta"]["totalCount"] == len(told["data"])
        return {data["@id"] for data in told["data"]}

    assert members.image in seen("alice", "images")
    for kind in ("projects", "datasets", "images", "screens", "plates", "wells"):
        assert seen("alice", kind), kind
        for object_id in seen("alice", kind) - seen("carol", kind):
            hidden = members.get("carol", f"api/v0/m/{kind}/{object_id}/")
            assert hidden.status_code == 404
    assert members.image not in seen("carol", "images")
