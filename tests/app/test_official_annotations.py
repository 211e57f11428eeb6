"""Annotations, files and names as OMERO's official client and we see them, whoever made them."""

import hashlib
import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.conftest import STACK, ImageServer, make_gateway_on
from tests.imageserver.ice.test_official_client import TIMEOUT_S, interpreter
from tests.support.image_server import PASSWORD, USER, start_image_server

SCRIPT = Path(__file__).parent / "official_annotations.py"
pytestmark = pytest.mark.slow

WC = "/webclient"
CONTENT = "a,b\n\u00b5,2\n" * 5000


@pytest.fixture
def client(image_server: ImageServer, tmp_path: Path):
    """An application over a server of its own, and that server's port for the other client."""
    folder = tmp_path / "images"
    folder.mkdir()
    for role in ("theirs", "own"):
        shutil.copy(image_server.folder / STACK, folder / f"{role}.ome.tif")
    with start_image_server(folder, transports=("tcp", "ssl")) as server:
        # No router: whoever stores something through one has to be logged in.
        ours = replace(image_server, folder=folder, port=server.ports["tcp"], router=None)
        gateway = make_gateway_on(ours, tmp_path / "cache", image_info_max_age_s=0)
        yield gateway, server.ports["ssl"]
        gateway.close()


def test_both_see_what_either_makes(client):
    python = interpreter()
    gateway, port = client
    ids = {name.removesuffix(".ome.tif"): image_id for name, image_id in gateway.ids.items()}

    def post(path: str, **form):
        response = gateway.client.post(f"{WC}/{path}/", data=form)
        assert response.status_code == 200, response.text
        return response.get_json()

    def attach(image: int) -> int:
        file = (io.BytesIO(CONTENT.encode()), "t\u00e4ble.csv", "text/csv")
        [made] = post("annotate_file", annotation_file=file, image=image)["fileIds"]
        return made

    pairs = json.dumps([["stain", "DAPI"], ["\U0001f52c", "x"]])
    [ids["shared"]] = post(
        "annotate_map", image=[ids["theirs"], ids["own"]], ns="ours", mapAnnotation=pairs
    )["annId"]
    attach(ids["theirs"])
    ids["deleted"] = attach(ids["own"])
    post(f"action/savename/image/{ids['theirs']}", name="named by us")
    post(f"edit_channel_names/{ids['theirs']}", channel0="DAPI", channel1="GFP")

    ended = subprocess.run(
        [str(python), str(SCRIPT), "127.0.0.1", str(port), USER, PASSWORD],
        input=json.dumps(ids),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    told = json.loads(ended.stdout)

    digest = hashlib.sha1(CONTENT.encode()).hexdigest()
    size = len(CONTENT.encode())
    assert told["theirs"] == {
        "name": "named by us",
        "channels": ["DAPI", "GFP"],
        "annotations": [
            [
                *("FileAnnotationI", "", "t\u00e4ble.csv", "", "text/csv", size),
                *(digest, "SHA1-160", CONTENT),
            ],
            ["MapAnnotationI", "ours", [["stain", "DAPI"], ["\U0001f52c", "x"]], USER],
        ],
    }
    assert sorted(told["linked to"]) == sorted([ids["theirs"], ids["own"]])
    assert told["left"] is False

    response = gateway.client.get(f"{WC}/api/annotations/?image={ids['own']}")
    found = {(one["class"], one["ns"]): one for one in response.get_json()["annotations"]}
    assert set(found) == {
        ("MapAnnotationI", "ours"), ("MapAnnotationI", "of/theirs"), ("TagAnnotationI", None),
        ("FileAnnotationI", "a/file"),
    }  # fmt: skip
    assert found["MapAnnotationI", "of/theirs"]["values"] == [["stain", "GFP"]]
    assert found["TagAnnotationI", None]["textValue"] == "seen"
    file = found["FileAnnotationI", "a/file"]
    assert file["file"] == {
        "id": file["file"]["id"], "name": "table.csv", "size": 40_000, "path": "/home/me",
        "mimetype": "text/csv",
    }  # fmt: skip
    given = gateway.client.get(f"{WC}/annotation/{file['id']}/")
    assert given.get_data() == b"1,2\n" * 10_000
    data = gateway.get(f"imgData/{ids['own']}/").get_json()
    assert data["meta"]["imageName"] == "named by it"
    assert [channel["label"] for channel in data["channels"]] == ["first", "second"]
