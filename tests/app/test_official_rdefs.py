"""Stored settings as OMERO's official client and we see them: to the last key the same."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.conftest import STACK, ImageServer, make_gateway_on
from tests.imageserver.ice.test_official_client import TIMEOUT_S, interpreter
from tests.support.image_server import PASSWORD, USER, start_image_server

SCRIPT = Path(__file__).parent / "official_rdefs.py"
pytestmark = pytest.mark.slow

ROLES = ("saved by us", "saved by it", "copied to", "reset")


@pytest.fixture
def client(image_server: ImageServer, tmp_path: Path):
    """An application over a server of its own, and that server's port for the other client."""
    folder = tmp_path / "images"
    folder.mkdir()
    for role in ROLES:
        shutil.copy(image_server.folder / STACK, folder / f"{role}.ome.tif")
    with start_image_server(folder, transports=("tcp", "ssl")) as server:
        # No router: whoever stores something through one has to be logged in.
        ours = replace(image_server, folder=folder, port=server.ports["tcp"], router=None)
        gateway = make_gateway_on(ours, tmp_path / "cache", image_info_max_age_s=0)
        yield gateway.client, server.ports["ssl"]
        gateway.close()


def test_both_see_what_either_saves(client):
    python = interpreter()
    ours, port = client

    def ask(path):
        return ours.get(f"/webgateway/{path}").get_json()

    [project] = ask("proj/list/")
    [dataset] = ask(f"proj/{project['id']}/children/")
    ids = {
        image["name"].removesuffix(".ome.tif"): image["id"]
        for image in ask(f"dataset/{dataset['id']}/children/")
    }
    bent = {"family": "exponential", "coefficient": 1.5}
    maps = json.dumps([{"inverted": {"enabled": True}, "quantization": bent}, {}])
    query = f"c=1|10.5:2000$80FF0080,-2|0:99$cool.lut&m=c&z=3&t=2&maps={maps}"
    saved = ours.post(f"/webgateway/saveImgRDef/{ids['saved by us']}/?{query}")
    assert saved.data == b"true"

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

    for role, seen in (("saved by us", "found"), ("saved by it", "own"), ("reset", "reset")):
        listed = ask(f"get_image_rdefs_json/{ids[role]}/")["rdefs"]
        assert len(listed) == 1
        assert listed == told[seen]
    [own] = told["own"]
    assert (own["z"], own["t"], own["model"]) == (2, 1, "greyscale")
    first, second = own["c"]
    assert (first["start"], first["end"], first["color"], first["inverted"]) == (
        15.0,
        1200.0,
        "FF8000",
        True,
    )
    assert not second["active"]
    assert told["saved"] is True and told["changed"] == 777.0
    assert told["copied"] == {"True": [ids["copied to"]], "False": []}
    copied = ask(f"imgData/{ids['copied to']}/")
    assert copied["channels"][1]["window"]["end"] == 777.0
    assert copied["channels"][0]["window"]["start"] == 15.0
    assert copied["rdefs"]["model"] == "greyscale"
