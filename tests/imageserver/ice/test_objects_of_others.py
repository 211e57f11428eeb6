"""Regions, plates and annotations of images that a user may not see do not exist for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in, parameters
from tests.imageserver.ice.test_objects import PLANE, XML
from tests.support.image_server import RunningImageServer, start_image_server
from tests.support.lab import PASSWORDS, make_lab
from tests.support.ome import write_ome_tiff

#: Bob's group shows it to Alice; Carol is in another.
MINE = "bob-images/a.ome.tif"
KINDS = (
    "Roi", "Shape", "Point", "Plate", "Well", "WellSample", "Screen", "ScreenPlateLink",
    "Annotation", "TagAnnotation", "ImageAnnotationLink", "PlateAnnotationLink",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningImageServer]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    write_ome_tiff(Path(lab.folder / MINE), [PLANE] * 2, XML)
    with start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments) as running:
        yield running


@pytest.fixture(scope="module")
def ids(server: RunningImageServer) -> dict[str, list[int]]:
    """The ids of everything, as its owner sees them."""
    with log_in(server.ports["tcp"], user="bob", password=PASSWORDS["bob"]) as bob:
        found = {kind: ids_of(bob, kind) for kind in (*KINDS, "Image")}
    assert all(found.values())
    return found


def ids_of(client: LoggedIn, kind: str) -> list[int]:
    query = client.factory.getQueryService().ice_context({**context(client), "omero.group": "-1"})
    return [row[0].val for row in query.projection(f"select o.id from {kind} o", parameters())]


def context(client: LoggedIn) -> dict[str, str]:
    return {"omero.client.uuid": client.client_id, "omero.session.uuid": client.key}


def test_who_sees_the_images_sees_what_is_in_them(server: RunningImageServer, ids) -> None:
    with log_in(server.ports["tcp"], user="alice", password=PASSWORDS["alice"]) as alice:
        assert {kind: ids_of(alice, kind) for kind in KINDS} == {k: ids[k] for k in KINDS}


def test_who_does_not_see_them_finds_nothing_by_any_way(server: RunningImageServer, ids) -> None:
    with log_in(server.ports["tcp"], user="carol", password=PASSWORDS["carol"]) as carol:
        assert {kind: ids_of(carol, kind) for kind in KINDS} == {kind: [] for kind in KINDS}
        everywhere = {**context(carol), "omero.group": "-1"}
        query = carol.factory.getQueryService().ice_context(everywhere)
        for kind in KINDS:
            for identifier in ids[kind]:
                assert query.find(kind, identifier) is None
        mine = set(ids_of(carol, "Image"))
        hidden = [image_id for image_id in ids["Image"] if image_id not in mine]
        texts = ("select r.id from Roi r where r.image.id = :id",
                 "select s.id from Shape s where s.roi.image.id = :id",
                 "select l.id from ImageAnnotationLink l where l.parent.id = :id",
                 "select ws.id from WellSample ws where ws.image.id = :id")  # fmt: skip
        for image_id in hidden:
            for text in texts:
                assert query.projection(text, parameters(id=image_id)) == []
            with pytest.raises(omero.ServerError):
                carol.factory.getRoiService().ice_context(everywhere).findByImage(image_id, None)
        roi_service = carol.factory.getRoiService().ice_context(everywhere)
        assert roi_service.findByRoi(ids["Roi"][0], None).rois == []
        metadata = carol.factory.getMetadataService().ice_context(everywhere)
        assert metadata.loadAnnotation(ids["Annotation"]) == []
        assert metadata.loadAnnotations("Image", hidden, [], [], None) == {i: [] for i in hidden}
