"""Annotations, files and names that clients save through IUpdate and RawFileStore, and are kept."""

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from imageserver import kept_store
from imageserver.definitions import DefinitionStore
from imageserver.kept import Fresh, GivenObject, Rename
from imageserver.kept_files import KeptFiles
from imageserver.kept_store import KeptStore, NoRoom
from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in
from tests.imageserver.ice.images import CHANNELS, PICTURE, PYRAMID, STACK, Folder
from tests.support.image_server import start_image_server

FIRST_ID = 1 << 52
DATED = "dated.ome.tif"
CONTENT = bytes(range(256)) * 5000


@pytest.fixture(scope="module")
def place(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    path = tmp_path_factory.mktemp("kept")
    shutil.copytree(folder.path, path / "served")
    tifffile.imwrite(
        path / "served" / DATED,
        np.zeros((20, 30), np.uint8),
        ome=True,
        metadata={"axes": "YX", "AcquisitionDate": "2020-01-02T03:04:05.123456"},
    )
    return path / "served", path / "cache"


@pytest.fixture(scope="module")
def client(place: tuple[Path, Path]) -> Iterator[LoggedIn]:
    served, cache = place
    with (
        start_image_server(served, cache_dir=cache, transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as logged_in,
    ):
        yield logged_in


def text(value: str) -> Any:
    return omero.RString(value)


def pairs(*given: tuple[str, str], **members: Any) -> Any:
    values = [omero.model.NamedValue(name, value) for name, value in given]
    return omero.model.MapAnnotation(loaded=True, mapValue=values, **members)


def link(client: LoggedIn, name: str, child: Any) -> Any:
    image = omero.model.Image(id=omero.RLong(client.image_id(name)), loaded=False)
    return omero.model.ImageAnnotationLink(loaded=True, parent=image, child=child)


def new_file(name: str = "a.txt", **members: Any) -> Any:
    return omero.model.OriginalFile(
        loaded=True, name=text(name), path=text("/my/"), mimetype=text("text/plain"),
        size=omero.RLong(0), **members,
    )  # fmt: skip


def upload(client: LoggedIn, content: bytes, block: int = 100_000) -> Any:
    made = client.factory.getUpdateService().saveAndReturnObject(new_file())
    store = client.factory.createRawFileStore()
    store.setFileId(made.id.val)
    for position in range(0, len(content), block):
        part = content[position : position + block]
        store.write(part, position, len(part))
    saved = store.save()
    store.close()
    return saved


def rows_of(client: LoggedIn, file_id: int) -> list[list[Any]]:
    return client.rows("select f.size, f.hash from OriginalFile f where f.id = :id", id=file_id)


def test_a_map_is_made_linked_changed_and_deleted(client: LoggedIn) -> None:
    update = client.factory.getUpdateService()
    saved = update.saveAndReturnObject(
        link(client, STACK, pairs(("stain", "DAPI"), ("stain", "\U0001f52c"), ns=text("lab/n")))
    )
    assert saved.id.val > FIRST_ID and saved.child.id.val < 1 << 53
    made = saved.child
    assert [(p.name, p.value) for p in made.mapValue] == [
        ("stain", "DAPI"),
        ("stain", "\U0001f52c"),
    ]
    user = client.factory.getAdminService().getEventContext().userId
    told = client.rows(
        "select a.ns, a.details.owner.id, l.details.owner.id from Image i"
        " join i.annotationLinks l join l.child a where i.id = :id",
        id=client.image_id(STACK),
    )
    assert told == [["lab/n", user, user]]
    metadata = client.factory.getMetadataService()
    found = metadata.loadAnnotations("Image", [client.image_id(STACK)], None, None, None)
    assert [a.id.val for a in found[client.image_id(STACK)]] == [made.id.val]

    made.mapValue, made.description = [omero.model.NamedValue("a", "b")], text("said")
    changed = update.saveAndReturnObject(made)
    assert (changed.version.val, changed.description.val) == (1, "said")
    with pytest.raises(omero.OptimisticLockException):
        update.saveObject(made)
    again = link(client, STACK, omero.model.MapAnnotation(id=made.id, loaded=False))
    with pytest.raises(omero.ValidationException):
        update.saveObject(again)

    request = omero.cmd.Delete2(targetObjects={"Annotation": [made.id.val]})
    deleted = client.factory.submit(request).getResponse().deletedObjects
    assert deleted == {
        "ome.model.annotations.MapAnnotation": [made.id.val],
        "ome.model.annotations.ImageAnnotationLink": [saved.id.val],
    }
    assert client.rows("select a.id from Annotation a where a.id = :id", id=made.id.val) == []


def test_every_kind_of_annotation_keeps_its_value(client: LoggedIn) -> None:
    update, kinds = client.factory.getUpdateService(), omero.model
    given = {
        "textValue": [
            kinds.TagAnnotation(loaded=True, textValue=text("t")),
            kinds.CommentAnnotation(loaded=True, textValue=text("t")),
            kinds.XmlAnnotation(loaded=True, textValue=text("<t/>")),
        ],
        # Nanoseconds since 1970, say, are larger than the ids of what is kept.
        "longValue": [
            kinds.LongAnnotation(loaded=True, longValue=omero.RLong(value))
            for value in (-(2**60), 2**60)
        ],
        "doubleValue": [kinds.DoubleAnnotation(loaded=True, doubleValue=omero.RDouble(0.1))],
        "boolValue": [kinds.BooleanAnnotation(loaded=True, boolValue=omero.RBool(True))],
        "timeValue": [kinds.TimestampAnnotation(loaded=True, timeValue=omero.RTime(1_700_000))],
        "termValue": [kinds.TermAnnotation(loaded=True, termValue=text("term"))],
    }
    for member, annotations in given.items():
        ids = update.saveAndReturnIds(annotations)
        for one, identifier in zip(annotations, ids, strict=True):
            found = client.factory.getQueryService().get(type(one).__name__, identifier)
            assert type(found) is type(one)
            assert getattr(found, member).val == getattr(one, member).val
            update.deleteObject(found)


def test_a_file_is_uploaded_read_and_goes_with_its_annotation(client: LoggedIn) -> None:
    file = upload(client, CONTENT)
    assert file.size.val == len(CONTENT)
    assert file.hash.val == hashlib.sha1(CONTENT).hexdigest()
    annotation = omero.model.FileAnnotation(loaded=True, file=file, ns=text("n"))
    update = client.factory.getUpdateService()
    # One annotation in two links is one.
    links = update.saveAndReturnArray(
        [link(client, STACK, annotation), link(client, PICTURE, annotation)]
    )
    assert links[0].child.id.val == links[1].child.id.val
    other = update.saveAndReturnObject(omero.model.FileAnnotation(loaded=True, file=file))
    [found] = client.factory.getQueryService().findAllByQuery(
        "select a from FileAnnotation a join fetch a.file where a.ns = 'n'", None
    )
    assert found.file.name.val == "a.txt" and found.file.path.val == "/my/"

    store = client.factory.createRawFileStore()
    store.setFileId(file.id.val)
    assert store.size() == len(CONTENT)
    assert store.read(5, 300) == CONTENT[5:305]
    assert store.save() is None
    assert store.truncate(10) is True and store.truncate(10) is False
    assert store.save().size.val == 10
    with pytest.raises(omero.ApiUsageException):
        store.write(b"1", 0, 2)
    store.write(b"unsaved", 3, 7)
    store.close()
    # Closing saves.
    digest = hashlib.sha1(CONTENT[:3] + b"unsaved").hexdigest()
    assert rows_of(client, file.id.val) == [[10, digest]]

    with pytest.raises(omero.ApiUsageException, match="attached"):
        update.deleteObject(file)
    update.deleteObject(other)
    assert len(rows_of(client, file.id.val)) == 1
    update.deleteObject(found)
    assert rows_of(client, file.id.val) == []
    store = client.factory.createRawFileStore()
    with pytest.raises(omero.ValidationException):
        store.setFileId(file.id.val)
    store.close()


def test_original_files_of_images_are_never_written(client: LoggedIn) -> None:
    [[file_id]] = client.rows("select f.id from OriginalFile f where f.name = :n", n=PICTURE)
    store = client.factory.createRawFileStore()
    store.setFileId(file_id)
    for refused in (lambda: store.write(b"1", 0, 1), lambda: store.truncate(0)):
        with pytest.raises(omero.SecurityViolation):
            refused()
    store.close()
    update, query = client.factory.getUpdateService(), client.factory.getQueryService()
    file = query.get("OriginalFile", file_id)
    for refused in (lambda: update.saveObject(file), lambda: update.deleteObject(file)):
        with pytest.raises(omero.SecurityViolation):
            refused()


def test_images_and_channels_get_other_names(client: LoggedIn) -> None:
    query, update = client.factory.getQueryService(), client.factory.getUpdateService()
    identifier = client.image_id(PYRAMID)
    image = query.get("Image", identifier)
    assert image.details.permissions.restrictions[:3] == [True, False, True]
    image.name = text("renamed")
    last = "select max(e.id) from EventLog e"
    [[before]] = client.rows(last)
    saved = update.saveAndReturnObject(image)
    [[entry]] = client.rows(last)
    assert entry > (before or 0)
    logged = client.rows("select e.entityType, e.entityId from EventLog e where e.id = :i", i=entry)
    assert logged == [["ome.model.core.Image", identifier]]
    assert saved.name.val == "renamed" and saved.version.val == image.version.val + 1
    assert client.image_id("renamed") == identifier
    assert client.rows("select i.id from Image i where i.name = :n", n=PYRAMID) == []
    with pytest.raises(omero.OptimisticLockException):
        update.saveObject(image)
    saved.acquisitionDate = omero.RTime(5)
    with pytest.raises(omero.ApiUsageException, match="acquisitionDate"):
        update.saveObject(saved)

    text_of = (
        "select l from Pixels p join p.channels c join c.logicalChannel l where p.image.id = :id"
    )
    told = "select l.name from Pixels p join p.channels c join c.logicalChannel l"
    assert client.rows(f"{told} where p.image.id = :id", id=identifier) == [[c] for c in CHANNELS]
    channels = query.findAllByQuery(
        text_of, omero.sys.Parameters(map={"id": omero.RLong(identifier)})
    )
    channels[1].name = text("eGFP")
    update.saveArray([channels[1]])
    names = [[CHANNELS[0]], ["eGFP"], [CHANNELS[2]]]
    assert client.rows(f"{told} where p.image.id = :id", id=identifier) == names


def test_the_date_of_a_renamed_image_is_no_change(client: LoggedIn) -> None:
    image = client.factory.getQueryService().get("Image", client.image_id(DATED))
    assert image.acquisitionDate.val % 1000 == 123
    image.description = text("described")
    saved = client.factory.getUpdateService().saveAndReturnObject(image)
    assert saved.description.val == "described" and saved.name.val == DATED


def test_what_makes_no_sense_is_refused_and_nothing_is_saved(client: LoggedIn) -> None:
    update = client.factory.getUpdateService()
    before = client.rows("select count(a.id) from Annotation a")
    good, missing = pairs(("a", "b")), omero.model.OriginalFile(id=omero.RLong(7**9), loaded=False)
    for bad, kind in (
        (omero.model.FileAnnotation(loaded=True), omero.ApiUsageException),
        (omero.model.FileAnnotation(loaded=True, file=missing), omero.ValidationException),
        (new_file(""), None),
        (omero.model.OriginalFile(loaded=True, name=text("a")), omero.ValidationException),
        (link(client, STACK, None), omero.ApiUsageException),
        (link(client, STACK, pairs(id=omero.RLong(7**9))), omero.ValidationException),
        (omero.model.RoiAnnotationLink(loaded=True), omero.ApiUsageException),
        (omero.model.Image(loaded=True, name=text("new")), omero.ApiUsageException),
        (omero.model.DoubleAnnotation(loaded=True, doubleValue=omero.RDouble(float("nan"))),
         omero.ApiUsageException),
        (pairs(("a", "x" * 5_000_000)), omero.ApiUsageException),
    ):  # fmt: skip
        if kind is None:
            update.deleteObject(update.saveAndReturnObject(bad))
            continue
        with pytest.raises(kind):
            update.saveArray([good, bad])
    assert client.rows("select count(a.id) from Annotation a") == before


@pytest.mark.slow
def test_they_outlive_the_server(
    client: LoggedIn, place: tuple[Path, Path], tmp_path: Path
) -> None:
    update = client.factory.getUpdateService()
    file = upload(client, CONTENT)
    tied = update.saveAndReturnObject(
        link(client, PICTURE, omero.model.FileAnnotation(loaded=True, file=file))
    )
    # As it lies on disk while the first server runs, or was just killed.
    shutil.copytree(place[1], tmp_path / "cache")
    (tmp_path / "cache" / "files" / "12345").write_bytes(b"of nobody")
    with (
        start_image_server(place[0], cache_dir=tmp_path / "cache", transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as second,
    ):
        told = "select l.child.id from ImageAnnotationLink l where l.parent.id = :id"
        assert second.rows(told, id=second.image_id(PICTURE)) == [[tied.child.id.val]]
        store = second.factory.createRawFileStore()
        store.setFileId(file.id.val)
        assert store.read(0, len(CONTENT)) == CONTENT
        store.close()
        assert second.image_id("renamed") > 0
    assert not (tmp_path / "cache" / "files" / "12345").exists()


def test_the_log_of_an_older_version_goes_on(tmp_path: Path) -> None:
    database = tmp_path / "index.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "create table saves (id integer primary key autoincrement, time_s real not null,"
            " user_id integer not null, definition_id integer not null, action text not null)"
        )
        connection.execute("insert into saves values (4, 1.5, 2, 7, 'INSERT')")
    for _ in range(2):
        store = DefinitionStore(database)
        store.note(2, "Image", [9])
        log = store.current.log
        assert (log[0].kind, log[0].object_id) == ("RenderingDef", 7)
        assert (log[-1].kind, log[-1].object_id, log[-1].action) == ("Image", 9, "UPDATE")
        assert [entry.event.id for entry in log] == list(range(4, 4 + len(log)))
        store.close()


def test_there_is_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "index.sqlite"
    store = KeptStore(database)
    [tag] = store.save(2, [GivenObject("TagAnnotation", {"textValue": "t"}, 3)])
    assert [kept.id for kept in store.delete([tag, tag, 5])] == [tag]
    monkeypatch.setattr(kept_store, "MOST_OBJECTS", 2)
    linked = [
        GivenObject("TagAnnotation", {"textValue": "t"}, 3),
        GivenObject("ImageAnnotationLink", {"parent": 7, "child": Fresh(0)}, 3),
    ]
    second, _ = store.save(2, linked)
    assert second > tag
    held = store.current
    with pytest.raises(NoRoom):
        store.save(2, [Rename("Image", 7, {"name": "n"})])
    monkeypatch.setattr(kept_store, "MOST_BYTES", held.size_bytes)
    with pytest.raises(NoRoom):
        store.save(2, [GivenObject("TagAnnotation", {"textValue": "tt"}, id=second)])
    assert store.current is held
    store.close()
    store = KeptStore(database)
    assert store.current == held
    store.close()

    files = KeptFiles(tmp_path / "files", budget_bytes=10)
    file = files.open(1, writable=True)
    file.write(b"12345678", 0)
    other = files.open(2, writable=True)
    with pytest.raises(NoRoom):
        other.write(b"123", 0)
    with pytest.raises(NoRoom):
        other.write(b"1", 1 << 60)
    file.truncate(2)
    other.write(b"123", 0)
    files.remove([2])
    with pytest.raises(FileNotFoundError):
        other.write(b"4", 3)
    file.write(b"12345678", 2)
    for opened in (file, other):
        opened.close()
    with pytest.raises(NoRoom):
        KeptFiles(tmp_path / "files", budget_bytes=10).reserve(1, 11)
