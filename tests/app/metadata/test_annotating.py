"""Pairs, files and names that are sent by forms, as OMERO.web's pages and QuPath send them."""

import errno
import hashlib
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.downloads.attachments import attached_file
from app.parsing.annotation_params import new_file
from app.parts import Parts
from app.web import parts_of
from render.errors import Forbidden
from tests.app.apart import server_apart
from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway, ImageServer, make_gateway_on

WC = "/webclient"
CSV = "a,b\r\n1,\U0001f52c\r\n".encode()


@pytest.fixture(scope="module")
def image_server(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageServer]:
    with server_apart(image_server, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(image_server: ImageServer, tmp_path_factory) -> Iterator[Gateway]:
    cache_dir = tmp_path_factory.mktemp("cache")
    gateway = make_gateway_on(image_server, cache_dir, image_info_max_age_s=1000)
    yield gateway
    gateway.close()


@pytest.fixture
def other(gateway: Gateway, make_gateway) -> Gateway:
    """Another process of the same service."""
    cache_dir = parts(gateway).settings.cache_dir
    return make_gateway(cache_dir=cache_dir, image_info_max_age_s=1000)


def post(gateway: Gateway, path: str, status: int = 200, **form):
    response = gateway.client.post(f"{WC}/{path}/", data=form)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def annotations(gateway: Gateway, query: str) -> list[dict]:
    response = gateway.client.get(f"{WC}/api/annotations/?{query}")
    assert response.status_code == 200
    return response.get_json()["annotations"]


def attach(gateway: Gateway, content: bytes, status: int = 200, name="q.csv", **form):
    file = (io.BytesIO(content), name, "text/csv")
    return post(gateway, "annotate_file", status, annotation_file=file, **form)


def test_pairs_are_annotated_changed_and_deleted(gateway, other):
    image, second = gateway.ids[STACK], gateway.ids[FLAT]
    pairs = [["stain", "DAPI"], ["\U0001f52c", '"<b>']]
    told = post(gateway, "annotate_map", image=image, ns="lab", mapAnnotation=json.dumps(pairs))
    [made] = told["annId"]
    [found] = annotations(other, f"type=map&image={image}")
    assert (found["id"], found["class"], found["ns"]) == (made, "MapAnnotationI", "lab")
    assert found["values"] == pairs and found["link"]["parent"]["id"] == image
    assert found["permissions"]["canEdit"] and found["permissions"]["canDelete"]

    again = post(gateway, "annotate_map", annId=made, mapAnnotation='[["a", 5]]')
    assert again == {"annId": [made]}
    [found] = annotations(gateway, f"image={image}")
    assert found["values"] == [["a", "5"]] and found["ns"] == "lab"
    assert post(gateway, "annotate_map", annId=made, mapAnnotation="[]") == {"annId": None}
    assert annotations(gateway, f"image={image}") == []
    post(gateway, "annotate_map", 404, annId=made, mapAnnotation="[]")

    # Several objects share one, or have one each.
    for form, count in (({"ns": "lab"}, 1), ({"ns": "lab", "duplicate": "true"}, 2), ({}, 2)):
        ids = post(
            gateway, "annotate_map", image=[image, second], mapAnnotation='[["a", "b"]]', **form
        )["annId"]
        assert len(ids) == count
        found = annotations(gateway, f"image={image}&image={second}")
        assert sorted({one["id"] for one in found}) == ids and len(found) == 2
        post(gateway, "annotate_map", annId=ids, mapAnnotation="[]")


def test_containers_are_annotated_too(gateway):
    info = gateway.get(f"imgData/{gateway.ids[STACK]}/").get_json()["meta"]
    dataset, project = info["datasetId"], info["projectId"]
    post(gateway, "annotate_map", dataset=dataset, mapAnnotation='[["a", "b"]]')
    attach(gateway, CSV, project=project)
    assert [one["values"] for one in annotations(gateway, f"dataset={dataset}")] == [[["a", "b"]]]
    [file] = annotations(gateway, f"project={project}")
    assert file["link"]["parent"]["class"] == "ProjectI" and file["file"]["name"] == "q.csv"
    told = gateway.client.get(f"{WC}/api/annotations/?image={gateway.ids[STACK]}&parents=true")
    above = told.get_json()["parents"]["annotations"]
    assert {one["link"]["parent"]["class"] for one in above} == {"DatasetI", "ProjectI"}


def test_a_file_is_attached_downloaded_and_deleted(gateway, other):
    image, second = gateway.ids[STACK], gateway.ids[FLAT]
    content = CSV * 200_000
    [made] = attach(gateway, content, name="C:\\fakepath\\a/../é .csv", image=image)["fileIds"]
    [found] = annotations(other, f"image={image}")
    assert (found["id"], found["class"], found["file"]["mimetype"]) == (
        made, "FileAnnotationI", "text/csv",
    )  # fmt: skip
    assert found["file"]["size"] == len(content) and found["file"]["name"] == "é .csv"
    assert found["permissions"]["canDownload"] is True
    given = gateway.client.get(f"{WC}/annotation/{made}/")
    assert given.get_data() == content
    assert given.headers["Content-Disposition"] == (
        "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%A9_.csv"
    )
    assert given.headers["ETag"].strip('"').endswith(hashlib.sha1(content).hexdigest())
    part = gateway.client.get(f"{WC}/annotation/{made}/", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.get_data()) == (206, content[2:5])

    # The same file to another image; who asks twice finds it there already.
    for _ in range(2):
        assert post(gateway, "annotate_file", files=made, image=second) == {"fileIds": [made]}
    assert [one["id"] for one in annotations(gateway, f"image={second}")] == [made]
    assert post(gateway, f"action/delete/file/{made}") == {"bad": "false"}
    assert annotations(gateway, f"image={image}&image={second}") == []
    assert gateway.client.get(f"{WC}/annotation/{made}/").status_code == 404
    post(gateway, f"action/delete/file/{made}", 404)


def test_a_file_that_must_stay_is_not_even_opened():
    def call_to(can_download: bool) -> Any:
        file = SimpleNamespace(id=5, path="", name="a", size=1, version="1")
        rights = SimpleNamespace(can_download=can_download)
        record = SimpleNamespace(file=file, permissions=rights)
        session = SimpleNamespace(annotation=lambda kind, annotation_id, deadline: record)
        return SimpleNamespace(session=session, deadline=None)

    assert attached_file(call_to(True), 7).id == 5
    with pytest.raises(Forbidden):
        attached_file(call_to(False), 7)


def test_an_empty_file_is_one(gateway):
    [made] = attach(gateway, b"", image=gateway.ids[FLAT])["fileIds"]
    given = gateway.client.get(f"{WC}/annotation/{made}/")
    assert (given.status_code, given.get_data()) == (200, b"")
    post(gateway, f"action/delete/file/{made}")


def test_an_upload_has_a_largest_size_and_leaves_nothing(make_gateway):
    gateway = make_gateway(max_upload_bytes=1000)
    image = gateway.ids[FLAT]
    attach(gateway, b"x" * 1000, image=image)
    for size in (1001, 2_000_000):
        told = attach(gateway, b"x" * size, 413, image=image)
        assert "max_upload_bytes" in told["detail"]
    [one] = annotations(gateway, f"image={image}")
    post(gateway, f"action/delete/file/{one['id']}")
    # More at a time than are let in.
    gateway = make_gateway(uploads_max=1)
    with parts(gateway).uploads.enter():
        response = gateway.client.post(f"{WC}/annotate_file/", data={"image": image})
    assert response.status_code == 503 and response.headers["Retry-After"]
    post(gateway, "annotate_file", 400, image=image)


def parts(gateway: Gateway) -> Parts:
    return parts_of(gateway.app).get()


def test_a_full_disk_on_the_way_is_told(gateway, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", full)
    assert "no room" in attach(gateway, CSV, 507, image=gateway.ids[FLAT])["detail"]


def test_an_image_gets_another_name_in_every_process(gateway, other):
    image = gateway.ids[FLAT]
    assert other.get(f"imgData/{image}/").get_json()["meta"]["imageName"] == FLAT
    told = post(gateway, f"action/savename/image/{image}", name="  lung \U0001f52c ")
    assert told == {"bad": "false", "o_type": "image"}
    for one in (gateway, other):
        assert one.get(f"imgData/{image}/").get_json()["meta"]["imageName"] == "lung \U0001f52c"
    data = gateway.client.get(f"/api/v0/m/images/{image}/").get_json()["data"]
    assert data["Name"] == "lung \U0001f52c"
    # The file is called as ever.
    paths = gateway.get(f"original_file_paths/{image}/").get_json()
    assert FLAT in paths["repo"][0]
    post(gateway, f"action/savename/image/{image}", name=FLAT)


def test_channels_get_other_names(gateway, other):
    image = gateway.ids[PYRAMID]

    def labels(one: Gateway, image_id: int) -> list[str]:
        told = one.get(f"imgData/{image_id}/").get_json()["channels"]
        return [channel["label"] for channel in told]

    assert labels(other, image) == ["DAPI", "GFP", "RFP"]
    told = post(gateway, f"edit_channel_names/{image}", channel1="x" * 300, channel9="?", save="s")
    assert told == {
        "channelNames": {"channel1": "x" * 255}, "imageCount": 1, "updateCount": 1,
    }  # fmt: skip
    assert labels(other, image) == ["DAPI", "x" * 255, "RFP"]
    # All images of the dataset with as many channels.
    dataset = gateway.get(f"imgData/{image}/").get_json()["meta"]["datasetId"]
    form = {"confirm_apply": "1", "parentId": f"dataset-{dataset}", "channel0": "Hoechst"}
    told = post(gateway, f"edit_channel_names/{image}", **form)
    images = gateway.get(f"dataset/{dataset}/children/").get_json()
    with_three = [
        one["id"] for one in images if len(labels(other, one["id"])) == 3 and one["id"] != image
    ]
    assert told["imageCount"] == len(images) and told["updateCount"] == 1 + len(with_three)
    for one in (image, *with_three):
        assert "Hoechst" in labels(other, one)
    assert labels(other, gateway.ids[STACK])[0] != "Hoechst"


@pytest.mark.parametrize(
    ("path", "form", "status", "said"),
    [
        ("annotate_map", {}, 400, "pairs"),
        ("annotate_map", {"mapAnnotation": "[["}, 400, "pairs"),
        ("annotate_map", {"mapAnnotation": '{"a": "b"}'}, 400, "pairs"),
        ("annotate_map", {"mapAnnotation": '[["a"]]'}, 400, "pairs"),
        ("annotate_map", {"mapAnnotation": '[["a", null]]'}, 400, "no text"),
        ("annotate_map", {"mapAnnotation": "[" * 10**5}, 400, "pairs"),
        ("annotate_map", {"mapAnnotation": r'[["a", "\ud800"]]'}, 400, "half a letter"),
        ("annotate_map", {"mapAnnotation": "[]", "annId": ["1"] * 1001}, 400, "1000"),
        ("annotate_map", {"mapAnnotation": "[]", "image": "1"}, 400, "no pairs"),
        ("annotate_map", {"mapAnnotation": '[["a", "b"]]'}, 400, "image=1"),
        ("annotate_map", {"mapAnnotation": '[["a", "b"]]', "image": "x"}, 400, "id"),
        ("annotate_map", {"mapAnnotation": '[["a", "b"]]', "image": "98765"}, 404, "98765"),
        ("annotate_map", {"mapAnnotation": "[]", "annId": "98765"}, 404, "98765"),
        ("annotate_map", {"mapAnnotation": "x" * 2_000_000}, 413, "max_annotation_bytes"),
        ("annotate_file", {}, 400, "image=1"),
        ("annotate_file", {"image": "98765"}, 404, "98765"),
        ("annotate_file", {"image": "FLAT", "files": "98765"}, 404, "98765"),
        ("action/savename/image/98765", {"name": "x"}, 404, "98765"),
        ("action/savename/image/FLAT", {"name": " "}, 400, "name"),
        ("action/savename/image/FLAT", {"name": "x" * 251}, 400, "250"),
        ("edit_channel_names/98765", {"channel0": "x"}, 404, "98765"),
        ("edit_channel_names/FLAT", {"save": "save"}, 400, "channel0"),
        ("edit_channel_names/FLAT", {"channel0": "x", "confirm_apply": "1"}, 400, "parentId"),
        (
            "edit_channel_names/FLAT",
            {"channel0": "x", "confirm_apply": "1", "parentId": "plate-98765"},
            404,
            "98765",
        ),
        ("action/delete/file/98765", {}, 404, "98765"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_kept(gateway, path, form, status, said):
    flat = str(gateway.ids[FLAT])
    form = {name: flat if value == "FLAT" else value for name, value in form.items()}
    assert said in post(gateway, path.replace("FLAT", flat), status, **form)["detail"]
    assert annotations(gateway, f"image={flat}") == []


def test_the_public_user_sends_no_file_in_vain(make_gateway, image_server):
    gateway = make_gateway(
        omero_host="127.0.0.1",
        omero_port=image_server.port,
        omero_transport="tcp",
        omero_user="local",
        omero_password="local",
        max_upload_bytes=100,
    )
    # It is not even looked whether it would be too large.
    told = attach(gateway, b"x" * 1_000_000, 403, image=gateway.ids[FLAT])
    assert "logged in" in told["detail"]


def test_other_sites_change_nothing(gateway):
    elsewhere = {"Origin": "https://elsewhere.example"}
    paths = ("annotate_map", "annotate_file", "action/delete/file/1", "action/savename/image/1",
             "edit_channel_names/1")  # fmt: skip
    for path in paths:
        response = gateway.client.post(f"{WC}/{path}/", headers=elsewhere)
        assert response.status_code == 403
        assert response.get_json()["message"].startswith("CSRF Failed")
        assert gateway.client.get(f"{WC}/{path}/").status_code == 405


def test_what_clients_say_of_a_file_is_made_safe():
    assert new_file("../a\\b\x00c\u202egnp.exe", "text/x; y", 3).name == "b_cgnp.exe"
    assert new_file("..", "text/html\r\nX: y", 3).mimetype == "application/octet-stream"
    assert new_file("..", "", 3).name == "file"
    assert new_file("x" * 400 + ".csv", "text/csv", 3).name.endswith(".csv")
    assert len(new_file("x" * 400 + ".csv", "text/csv", 3).name) == 255
