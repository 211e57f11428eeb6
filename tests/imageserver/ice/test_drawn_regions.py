"""Regions that clients save through IUpdate and delete by a request, and that are kept."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imageserver import drawing_store
from imageserver.drawing_store import DrawingStore, TooManyShapes
from imageserver.drawings import FIRST_ID, GivenRoi, GivenShape
from imageserver.readers.objects import ShapeMetadata
from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in
from tests.imageserver.ice.images import PICTURE, STACK, Folder
from tests.support.image_server import start_image_server


@pytest.fixture(scope="module")
def place(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    path = tmp_path_factory.mktemp("drawn")
    shutil.copytree(folder.path, path / "served")
    return path / "served", path / "cache"


@pytest.fixture(scope="module")
def client(place: tuple[Path, Path]) -> Iterator[LoggedIn]:
    served, cache = place
    with (
        start_image_server(served, cache_dir=cache, transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as logged_in,
    ):
        yield logged_in


def point(x: float, **members: Any) -> Any:
    return omero.model.Point(loaded=True, x=omero.RDouble(x), y=omero.RDouble(2.0), **members)


def region(client: LoggedIn, name: str, *shapes: Any) -> Any:
    image = omero.model.Image(id=omero.RLong(client.image_id(name)), loaded=False)
    return omero.model.Roi(
        loaded=True, image=image, shapesSeq=list(shapes), shapesLoaded=True,
        name=omero.RString("mine"),
    )  # fmt: skip


def found(client: LoggedIn, name: str) -> list[Any]:
    return client.factory.getRoiService().findByImage(client.image_id(name), None).rois


def told(client: LoggedIn, request: Any) -> str:
    return client.factory.submit(request).getResponse().parameters["message"]


def xs(roi: Any) -> list[float]:
    return [shape.x.val for shape in roi.shapesSeq]


def test_a_region_is_saved_changed_and_deleted(client: LoggedIn) -> None:
    update = client.factory.getUpdateService()
    mask = omero.model.Mask(
        loaded=True, x=omero.RDouble(0), y=omero.RDouble(0), width=omero.RDouble(4),
        height=omero.RDouble(2), bytes=b"\xa5", theZ=omero.RInt(1),
        strokeWidth=omero.model.Length(2.5, omero.model.enums.UnitsLength.PIXEL),
    )  # fmt: skip
    saved = update.saveAndReturnObject(region(client, STACK, point(1.0), mask))
    roi_id = saved.id.val
    assert roi_id > FIRST_ID and roi_id < 1 << 53
    assert (saved.name.val, saved.version.val) == ("mine", 0)
    [first, second] = saved.shapesSeq
    assert second.bytes == b"\xa5" and second.strokeWidth.value == 2.5
    # Known to queries, also by what leads to them.
    assert client.rows("select s.id, s.theZ from Shape s where s.roi.id = :id", id=roi_id) == [
        [first.id.val, None],
        [second.id.val, 1],
    ]
    counted = "select count(r.id) from Image i join i.rois r where i.id = :id"
    assert client.rows(counted, id=client.image_id(STACK)) == [[1]]
    user = client.factory.getAdminService().getEventContext().userId
    told = "select r.details.owner.id, r.details.creationEvent.time from Roi r where r.id = :id"
    [[owner, drawn]] = client.rows(told, id=roi_id)
    assert owner == user and drawn > 1e12

    # One shape alone; the bits of a mask stay where none are sent.
    second.bytes, second.theZ = b"", None
    update.saveArray([second])
    with pytest.raises(omero.OptimisticLockException):
        update.saveArray([second])
    [roi] = found(client, STACK)
    assert roi.shapesSeq[1].bytes == b"\xa5" and roi.shapesSeq[1].theZ is None
    assert [roi.version.val, roi.shapesSeq[1].version.val] == [1, 1]
    # A whole region: one shape goes, another comes.
    roi.shapesSeq = [roi.shapesSeq[0], None, point(9.0)]
    update.saveObject(roi)
    [roi] = found(client, STACK)
    assert xs(roi) == [1.0, 9.0] and roi.shapesSeq[0].id.val == first.id.val
    assert client.rows("select count(s.id) from Shape s where s.id = :id", id=second.id.val) == [
        [0]
    ]

    request = omero.cmd.Delete2(targetObjects={"Roi": [roi_id]})
    handle = client.factory.submit(request)
    assert handle.getResponse().deletedObjects == {"ome.model.roi.Roi": [roi_id]}
    assert found(client, STACK) == []
    again = client.factory.submit(request).getResponse()
    assert isinstance(again, omero.cmd.ERR) and again.name == "ValidationException"
    update.deleteObject(update.saveAndReturnObject(region(client, STACK, point(1.0))))
    assert found(client, STACK) == []


def test_what_makes_no_sense_is_refused_and_nothing_is_saved(client: LoggedIn) -> None:
    update = client.factory.getUpdateService()
    good = region(client, STACK, point(1.0))
    bad_mask = omero.model.Mask(loaded=True, x=omero.RDouble(0), y=omero.RDouble(0), bytes=b"1")
    inside_out = omero.model.Mask(
        loaded=True, width=omero.RDouble(-3), height=omero.RDouble(-3), bytes=b"1"
    )
    for bad, said in (
        (region(client, STACK), "needs a shape"),
        (region(client, STACK, inside_out), "width"),
        (region(client, STACK, point(float("inf"))), "finite"),
        (region(client, STACK, bad_mask), "width"),
        (region(client, STACK, point(1.0, id=omero.RLong(5))), "another region"),
        (region(client, STACK, omero.model.Point(id=omero.RLong(5), loaded=False)), "loaded"),
        (point(1.0), "with its region"),
        (omero.model.Project(loaded=True), "not Roi|not Project"),
    ):
        with pytest.raises(omero.ApiUsageException, match=said):
            update.saveArray([good, bad])
    missing = region(client, STACK, point(1.0))
    missing.image.id = omero.RLong(987654)
    with pytest.raises(omero.ValidationException):
        update.saveArray([good, missing])
    assert found(client, STACK) == []
    for request in (
        omero.cmd.Delete2(targetObjects={"Image": [1]}),
        omero.cmd.Delete2(targetObjects={"Roi": [1]}, dryRun=True),
    ):
        assert "image server deletes" in told(client, request)


def test_they_outlive_the_server(
    client: LoggedIn, place: tuple[Path, Path], tmp_path: Path
) -> None:
    update = client.factory.getUpdateService()
    polygon = omero.model.Polygon(
        loaded=True, points=omero.RString("1,2 3,4 5,1"), textValue=omero.RString('"\U0001f52c'),
        transform=omero.model.AffineTransform(
            loaded=True, **{n: omero.RDouble(i) for i, n in enumerate(MATRIX)}
        ),
    )  # fmt: skip
    before = update.saveAndReturnObject(region(client, PICTURE, point(4.0), polygon))
    # As it lies on disk while the first server runs, or was just killed.
    shutil.copytree(place[1], tmp_path / "cache")
    with (
        start_image_server(place[0], cache_dir=tmp_path / "cache", transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as second,
    ):
        [after] = found(second, PICTURE)
        assert after.id.val == before.id.val and after.name.val == "mine"
        [one, other] = after.shapesSeq
        assert (one.x.val, one.id.val) == (4.0, before.shapesSeq[0].id.val)
        assert (other.points.val, other.textValue.val) == ("1,2 3,4 5,1", '"\U0001f52c')
        assert [getattr(other.transform, name).val for name in MATRIX] == list(range(6))
        new = second.factory.getUpdateService().saveAndReturnObject(
            region(second, PICTURE, point(5.0))
        )
        assert new.id.val > after.id.val


MATRIX = ("a00", "a10", "a01", "a11", "a02", "a12")


def test_ids_are_never_given_twice_and_there_is_an_end(tmp_path: Path, monkeypatch) -> None:
    shape = GivenShape(ShapeMetadata("Point", {"x": 1.0, "y": 2.0}))
    store = DrawingStore(tmp_path / "index.sqlite")
    [first] = store.save(2, [GivenRoi(7, (shape,))])
    assert store.delete([first.id, first.id, 5]) == [first.id]
    assert store.current.images_of(first.id) == set()
    store.close()
    monkeypatch.setattr(drawing_store, "MOST_PER_IMAGE", 3)
    store = DrawingStore(tmp_path / "index.sqlite")
    [second] = store.save(2, [GivenRoi(7, (shape, shape))])
    assert second.id > first.id and second.shapes[0].id > first.shapes[0].id
    held = store.current
    with pytest.raises(TooManyShapes, match="3"):
        store.save(2, [GivenRoi(8, (shape,)), GivenRoi(7, (shape, shape))])
    assert store.current is held
    store.close()
    store = DrawingStore(tmp_path / "index.sqlite")
    assert store.current == held
    store.close()
