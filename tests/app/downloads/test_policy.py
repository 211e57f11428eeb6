"""What the server's binary access policy keeps is refused before the first byte."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import Client

from app.downloads.policy import require_download
from render.errors import Forbidden
from tests.app.serving import Serving, serve
from tests.support.image_server import start_image_server
from tests.support.lab import DRAFT, PASSWORDS, SLIDE, VISIBLE, make_lab


@pytest.fixture(scope="module")
def bobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, dict[str, int]]]:
    """An application in the name of bob, who may not download carol's slides; ids by name."""
    path = tmp_path_factory.mktemp("lab")
    lab = make_lab(path)
    with start_image_server(lab.folder, arguments=lab.arguments) as server:
        yield from _application(lab.folder, server.ports["tcp"], path / "cache")


def _application(
    folder: Path, port: int, cache_dir: Path
) -> Iterator[tuple[Serving, dict[str, int]]]:
    serving = serve(
        omero_host="127.0.0.1",
        omero_port=port,
        omero_transport="tcp",
        omero_user="bob",
        omero_password=PASSWORDS["bob"],
        cache_dir=cache_dir,
    )
    client = serving.client
    ids = {
        image["name"]: image["id"]
        for project in client.get("/webgateway/proj/list/").get_json()
        for dataset in client.get(f"/webgateway/proj/{project['id']}/children/").get_json()
        for image in client.get(f"/webgateway/dataset/{dataset['id']}/children/").get_json()
    }
    assert set(ids) == VISIBLE["bob"]
    yield serving, ids
    serving.close()


@pytest.fixture
def client(bobs: tuple[Serving, dict[str, int]]) -> Client:
    return bobs[0].connect()


def dataset_of(client: Client, name: str) -> int:
    """Give the id of the dataset that holds an image."""
    for project in client.get("/webgateway/proj/list/").get_json():
        for dataset in client.get(f"/webgateway/proj/{project['id']}/children/").get_json():
            images = client.get(f"/webgateway/dataset/{dataset['id']}/children/").get_json()
            if name in {image["name"] for image in images}:
                return dataset["id"]
    raise AssertionError(f"{name} is in no dataset")


@pytest.mark.parametrize(
    "path",
    [
        "webgateway/archived_files/download/{slide}/",
        "webgateway/archived_files/download/?image={draft}&image={slide}",
        "webgateway/download_as/{slide}/",
        "webgateway/download_as/?image={draft}&image={slide}",
        "webclient/render_image_download/{slide}/",
        "webgateway/render_ome_tiff/i/{slide}/",
        "webgateway/render_ome_tiff/i/{slide}/?dryrun=1",
        "webgateway/render_ome_tiff/d/{slides}/",
        "webgateway/export/{slide}/?z=0",
        "webgateway/render_movie/{slide}/z/0/",
    ],
)
def test_what_must_stay_is_refused(bobs, client, path):
    ids = {"slide": bobs[1][SLIDE], "draft": bobs[1][DRAFT], "slides": dataset_of(client, SLIDE)}
    response = client.get("/" + path.format(**ids))
    assert response.status_code == 403
    assert "may not be downloaded" in response.get_json()["message"]


def test_an_image_in_a_well_needs_the_well_s_leave_too():
    wells = {8: SimpleNamespace(can_download=True), 9: SimpleNamespace(can_download=False)}
    session = SimpleNamespace(well=lambda well_id, deadline: wells[well_id])
    call: Any = SimpleNamespace(session=session, deadline=None)

    def image(allowed: bool, *well_ids: int) -> Any:
        rights = SimpleNamespace(can_download=allowed)
        return SimpleNamespace(image_id=7, permissions=rights, well_ids=well_ids)

    require_download(call, image(True, 8))
    for kept in (image(True, 8, 9), image(True, 9), image(False, 8), image(False)):
        with pytest.raises(Forbidden, match="image 7"):
            require_download(call, kept)


def test_looking_at_it_is_still_allowed(bobs, client):
    assert client.get(f"/webgateway/render_image/{bobs[1][SLIDE]}/").status_code == 200


def test_what_may_go_goes(bobs, client):
    response = client.get(f"/webgateway/archived_files/download/{bobs[1][DRAFT]}/")
    assert response.status_code == 200 and response.data[:4] == b"\x89PNG"


def test_what_may_not_be_seen_is_not_there(bobs, client):
    hidden = set(range(1, 7)) - set(bobs[1].values())
    for image_id in hidden:
        path = f"/webgateway/archived_files/download/{image_id}/"
        assert client.get(path).status_code == 404
