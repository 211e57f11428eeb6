"""All that QuPath's OMERO extension asks for, in one go: from the address of a server to a file.

As it does, with one HTTP session, whose cookies and token are all that says who asks; every field
that the extension cannot do without is looked at.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import requests
import tifffile
from PIL import Image

from tests.support import service
from tests.support.lab import IMAGE, PASSWORDS, make_lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

RGB = "bob-images/rgb.png"
OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
TIMEOUT_S = 20
LINKS = (
    *("experimenters", "experimentergroups", "projects", "datasets", "images", "screens"),
    *("plates", "token", "servers", "login"),
)


@dataclass
class QuPath:
    """The extension's client: after logging in it knows a token, which each POST brings along."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)
    token: str = ""
    links: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.base}{path}"
        response = self.session.get(url, timeout=TIMEOUT_S, **options)
        assert response.status_code == 200, (url, response.text)
        return response

    def json(self, path: str) -> Any:
        return self.get(path).json()

    def post(self, path: str, referer: str = "/webclient/", **options: Any) -> str:
        headers = {"X-CSRFToken": self.token, "Referer": f"{self.base}{referer}"}
        headers |= options.pop("headers", {})
        response = self.session.post(
            f"{self.base}{path}", headers=headers, timeout=TIMEOUT_S, **options
        )
        assert response.status_code == 200, (path, response.text)
        return response.text

    def form(self, path: str, body: str) -> Any:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return json.loads(self.post(path, data=body.encode(), headers=kind))

    def picture(self, path: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.get(path).content)).convert("RGB"))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    rows, columns = np.mgrid[0:90, 0:160]
    return np.stack([columns, rows * 2, 250 - columns], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def qupath(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> Iterator[QuPath]:
    lab, cache_dir = make_lab(tmp_path_factory.mktemp("lab")), tmp_path_factory.mktemp("cache")
    Image.fromarray(pixels).save(lab.folder / RGB)
    users = {"image_server_users": lab.users, "workers": 1}
    with service.running(Path(lab.folder), cache_dir, **users) as running:
        yield QuPath(running.url(""))


def test_from_the_address_of_a_server_to_a_file(qupath: QuPath, pixels: np.ndarray) -> None:
    log_in(qupath)
    images = browse(qupath)
    image_id = images[RGB]
    open_image(qupath, image_id, pixels)
    exchange_settings(qupath, image_id)
    exchange_regions(qupath, image_id)
    exchange_pairs(qupath, image_id)
    rename(qupath, image_id)
    attach_and_delete(qupath, image_id)
    read_values(qupath, images[IMAGE])
    log_out(qupath)


def log_in(qupath: QuPath) -> None:
    [version] = [one for one in qupath.json("/api/")["data"] if one["version"] == "0"]
    told = qupath.json(version["url:base"])
    qupath.links = {name: told[f"url:{name}"] for name in LINKS}
    server = qupath.json(qupath.links["servers"])["data"][0]
    assert isinstance(server["id"], int) and server["host"] and isinstance(server["port"], int)
    qupath.token = qupath.json(qupath.links["token"])["data"]
    assert qupath.session.cookies["csrftoken"]
    path = qupath.links["login"].removeprefix(qupath.base)
    body = f"server={server['id']}&username=bob&password={PASSWORDS['bob']}"
    context = qupath.form(path, body)["eventContext"]
    assert isinstance(context["groupId"], int) and isinstance(context["userId"], int)
    assert context["sessionUuid"] and context["isAdmin"] is False
    assert isinstance(context["leaderOfGroups"], list)
    ping = qupath.get("/webclient/keepalive_ping/", allow_redirects=False)
    assert ping.text == "OK"


def browse(qupath: QuPath) -> dict[str, int]:
    def listed(address: str) -> list[dict]:
        found = qupath.json(address)
        assert found["meta"]["limit"] > 0 and found["meta"]["totalCount"] == len(found["data"])
        return found["data"]

    groups = listed(qupath.links["experimentergroups"])
    assert {"lab", "drafts"} <= {group["Name"] for group in groups}
    for person in listed(qupath.links["experimenters"]):
        assert {"@id", "UserName", "FirstName", "LastName"} <= set(person)
    images = {}
    for project in listed(f"{qupath.links['projects']}?normalize=true&childCount=true"):
        assert project["@type"] == f"{OME}Project" and project["omero:childCount"] >= 1
        datasets = f"{qupath.links['projects']}{project['@id']}/datasets/?normalize=true"
        for dataset in listed(datasets):
            inside = f"{qupath.links['datasets']}{dataset['@id']}/images/?normalize=true"
            images |= {image["Name"]: image["@id"] for image in listed(inside)}
    # Beside those of a dataset.
    orphaned = qupath.json("/webclient/api/images/?orphaned=true")["images"]
    assert {one["id"] for one in orphaned}.isdisjoint(images.values())
    for kind in ("screens", "plates"):
        assert listed(qupath.links[kind]) == []
    return images


def open_image(qupath: QuPath, image_id: int, pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    image = qupath.json(f"{qupath.links['images']}{image_id}")["data"]
    assert image["@id"] == image_id and image["omero:details"]["owner"]["UserName"] == "bob"
    told = image["Pixels"]
    assert [told[f"Size{axis}"] for axis in "XYZCT"] == [width, height, 1, 3, 1]
    assert told["Type"]["value"] == "uint8"
    qupath.get(f"/webclient/?show=image-{image_id}")
    assert qupath.json(f"/webclient/api/paths_to_object/?image={image_id}")["paths"]
    assert max(qupath.picture(f"/webgateway/render_thumbnail/{image_id}/256").shape) == 256
    overview = qupath.picture(f"/webgateway/render_thumbnail/{image_id}/{width}/")
    assert overview.shape == pixels.shape
    data = qupath.json(f"/webgateway/imgData/{image_id}")
    assert (data["size"]["width"], data["size"]["height"]) == (width, height)
    assert data["meta"]["pixelsType"] == "uint8" and data["meta"]["imageName"] == RGB
    assert [len(channel["color"]) for channel in data["channels"]] == [6, 6, 6]
    channels = quote("1|0:255$FF0000,2|0:255$00FF00,3|0:255$0000FF", safe="")
    tile = qupath.picture(
        f"/webgateway/render_image_region/{image_id}/0/0/?tile=0,0,0,{width},{height}"
        f"&c={channels}&m=c&q=0.900000"
    )
    assert tile.shape == pixels.shape
    assert np.abs(tile.astype(int) - pixels).mean() < 4


def exchange_settings(qupath: QuPath, image_id: int) -> None:
    ranges = "1|0.450000:100.654000$FF0000,2|0.000000:255.000000$00FF00,3|1.000000:99.000000$0000FF"
    sent = quote(ranges, safe="")
    body = qupath.post(
        f"/webgateway/saveImgRDef/{image_id}/?m=c&c={sent}",
        headers={"Content-Type": "application/json"},
    )
    assert body == "true"
    data = qupath.json(f"/iviewer/image_data/{image_id}/")
    assert data["meta"]["imageName"] == RGB
    for channel in data["channels"]:
        assert isinstance(channel["label"], str) and len(channel["color"]) == 6
    window = data["channels"][0]["window"]
    assert (window["start"], window["end"]) == (0.45, 100.654)


def exchange_regions(qupath: QuPath, image_id: int) -> None:
    shape = {
        "@type": f"{OME}Rectangle",
        "X": 1.5,
        "Y": 2,
        "Width": 3,
        "Height": 4,
        "oldId": "-1:-1",
    }
    body = {"imageId": image_id, "rois": {"count": 1, "new": [shape | {"oldId": "-1:-1"}]}}
    told = qupath.post(
        "/iviewer/persist_rois/",
        f"/iviewer/?images={image_id}",
        data=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert "error" not in told
    [roi] = qupath.json(f"/api/v0/m/rois/?image={image_id}")["data"]
    [kept] = roi["shapes"]
    assert kept["@type"] == shape["@type"] and (kept["X"], kept["Height"]) == (1.5, 4)
    assert roi["omero:details"]["owner"]["UserName"] == "bob"


def exchange_pairs(qupath: QuPath, image_id: int) -> None:
    def annotate(rest: str) -> Any:
        return qupath.form("/webclient/annotate_map/", f"image={image_id}&{rest}")

    pairs = "%5B%5B%22stain%22%2C%22H%26E%22%5D%2C%5B%22stage%22%2C%22II%22%5D%5D"
    told = annotate(f"ns=openmicroscopy.org/omero/client/mapAnnotation&mapAnnotation={pairs}")
    [made] = told["annId"]
    [found] = qupath.json(f"/webclient/api/annotations/?image={image_id}")["annotations"]
    assert found["id"] == made and found["values"] == [["stain", "H&E"], ["stage", "II"]]
    assert found["link"]["owner"]["id"] == found["owner"]["id"]
    told = annotate(f"annId={made}&mapAnnotation=%5B%5B%22stain%22%2C%22PAS%22%5D%5D")
    assert told["annId"] == [made]
    [found] = qupath.json(f"/webclient/api/annotations/?image={image_id}")["annotations"]
    assert found["values"] == [["stain", "PAS"]]


def rename(qupath: QuPath, image_id: int) -> None:
    told = qupath.form(f"/webclient/action/savename/image/{image_id}/", "name=Lung 5 \u00b5m&")
    assert told["o_type"] == "image"
    told = qupath.form(f"/webclient/edit_channel_names/{image_id}/", "channel0=Eosin&save=save")
    assert told["channelNames"] == {"channel0": "Eosin"}
    data = qupath.json(f"/iviewer/image_data/{image_id}/")
    assert data["meta"]["imageName"] == "Lung 5 \u00b5m"
    assert data["channels"][0]["label"] == "Eosin"
    image = qupath.json(f"{qupath.links['images']}{image_id}")["data"]
    assert image["Name"] == "Lung 5 \u00b5m"


def attach_and_delete(qupath: QuPath, image_id: int) -> None:
    # As the extension writes it: the file first, then what it belongs to.
    mark, content = "abcdefghij", "Image\tArea\nlung\t5\u00b2\n"
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="annotation_file"; '
        f'filename="qupath_annotations.csv"\r\nContent-Type: text/csv\r\n\r\n{content}\r\n--{mark}'
        f'\r\nContent-Disposition: form-data; name="image"\r\n\r\n{image_id}\r\n--{mark}'
        f'\r\nContent-Disposition: form-data; name="index"\r\n\r\n\r\n--{mark}--\r\n'
    )
    told = qupath.post(
        "/webclient/annotate_file/",
        data=body.encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={mark}"},
    )
    [made] = json.loads(told)["fileIds"]
    found = qupath.json(f"/webclient/api/annotations/?image={image_id}&type=file")
    [attached] = found["annotations"]
    assert attached["id"] == made and attached["file"]["name"] == "qupath_annotations.csv"
    assert attached["file"]["mimetype"] == "text/csv"
    assert attached["file"]["size"] == len(content.encode())
    [person] = found["experimenters"]
    assert (person["id"], person["firstName"], person["lastName"]) == (
        attached["owner"]["id"], "Bob", "Baker",
    )  # fmt: skip
    assert qupath.get(f"/webclient/annotation/{made}/").content == content.encode()
    deleted = qupath.post(
        f"/webclient/action/delete/file/{made}/",
        data="",
        headers={"Content-Type": "application/json"},
    )
    assert json.loads(deleted)["bad"] == "false"
    left = qupath.json(f"/webclient/api/annotations/?image={image_id}")["annotations"]
    assert [one["class"] for one in left] == ["MapAnnotationI"]


def read_values(qupath: QuPath, image_id: int) -> None:
    response = qupath.session.options(f"{qupath.base}/tile", timeout=TIMEOUT_S)
    assert response.status_code == 200
    answer = qupath.get(f"/tile/{image_id}/0/0/0?x=2&y=1&w=20&h=10&format=tif&resolution=0")
    assert tifffile.imread(io.BytesIO(answer.content)).shape == (10, 20)


def log_out(qupath: QuPath) -> None:
    qupath.form("/webclient/logout/", f"csrfmiddlewaretoken={qupath.token}")
    assert qupath.get("/webclient/keepalive_ping/").text != "OK"
