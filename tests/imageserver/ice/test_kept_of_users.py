"""Who may make annotations, see those of others, change them, and rename images."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in
from tests.imageserver.ice.lab_queries import ids, query
from tests.support.image_server import start_image_server
from tests.support.lab import DRAFT, IMAGE, PASSWORDS, SLIDE, make_lab

#: Groups of the example: read-annotate, private, and one that Carol and Bob share.
LAB, DRAFTS, CLINIC = 3, 4, 5


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LoggedIn]]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    with (
        start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments) as running,
        contextlib.ExitStack() as stack,
    ):
        yield {
            name: stack.enter_context(log_in(running.ports["tcp"], user=name, password=password))
            for name, password in PASSWORDS.items()
        }


def context(client: LoggedIn, group: int) -> dict[str, str]:
    own = {"omero.client.uuid": client.client_id, "omero.session.uuid": client.key}
    return own | {"omero.group": str(group)}


def update(client: LoggedIn, group: int) -> Any:
    return client.factory.getUpdateService().ice_context(context(client, group))


def tag(text: str) -> Any:
    return omero.model.TagAnnotation(loaded=True, textValue=omero.RString(text))


def link(image_id: int, child: Any) -> Any:
    image = omero.model.Image(id=omero.RLong(image_id), loaded=False)
    return omero.model.ImageAnnotationLink(loaded=True, parent=image, child=child)


def tags_seen(client: LoggedIn) -> set[str]:
    rows = query(client).projection("select t.textValue from TagAnnotation t", None)
    return {row[0].val for row in rows}


def test_who_may_annotate_may_and_who_sees_it_sees_that(clients: dict[str, LoggedIn]) -> None:
    alice, bob = clients["alice"], clients["bob"]
    image_id = ids(bob, "Image")[IMAGE]
    made = update(alice, LAB).saveAndReturnObject(link(image_id, tag("of alice")))
    assert tags_seen(alice) == tags_seen(bob) == tags_seen(clients["root"]) == {"of alice"}
    assert tags_seen(clients["carol"]) == set()
    [[owner, group]] = query(bob).projection(
        "select t.details.owner.omeName, t.details.group.id from TagAnnotation t", None
    )
    assert (owner.val, group.val) == ("alice", LAB)
    found = query(bob).get("TagAnnotation", made.child.id.val)
    found.textValue = omero.RString("changed by bob")
    with pytest.raises(omero.SecurityViolation):
        update(bob, LAB).saveObject(found)
    update(alice, LAB).deleteObject(made.child)
    assert tags_seen(bob) == set()


def test_who_only_reads_annotates_nothing(clients: dict[str, LoggedIn]) -> None:
    bob, slide = clients["bob"], ids(clients["bob"], "Image")[SLIDE]
    with pytest.raises(omero.ReadOnlyGroupSecurityViolation):
        update(bob, CLINIC).saveObject(link(slide, tag("by a reader")))
    assert "by a reader" not in tags_seen(clients["carol"])
    made = update(clients["carol"], CLINIC).saveAndReturnObject(link(slide, tag("by its owner")))
    assert "by its owner" in tags_seen(bob)
    update(clients["carol"], CLINIC).deleteObject(made.child)


def test_what_is_linked_to_nothing_is_its_group_s(clients: dict[str, LoggedIn]) -> None:
    bob = clients["bob"]
    private = update(bob, DRAFTS).saveAndReturnObject(tag("in private"))
    shared = update(bob, LAB).saveAndReturnObject(tag("for the lab"))
    assert tags_seen(bob) == {"in private", "for the lab"}
    assert tags_seen(clients["carol"]) == set()
    assert "for the lab" in tags_seen(clients["alice"])
    with pytest.raises(omero.SecurityViolation):
        update(clients["carol"], LAB).saveObject(tag("no member"))
    # An annotation stays in its group.
    other = omero.model.TagAnnotation(id=private.id, loaded=False)
    with pytest.raises(omero.GroupSecurityViolation):
        update(bob, -1).saveObject(link(ids(bob, "Image")[IMAGE], other))
    for one, group in ((private, DRAFTS), (shared, LAB)):
        update(bob, group).deleteObject(one)


def test_uploads_are_their_owner_s_to_write(clients: dict[str, LoggedIn]) -> None:
    alice, bob = clients["alice"], clients["bob"]
    file = omero.model.OriginalFile(
        loaded=True, name=omero.RString("n"), path=omero.RString("p"), size=omero.RLong(0)
    )
    made = update(bob, LAB).saveAndReturnObject(file)
    stores = {}
    for name, client in (("alice", alice), ("bob", bob)):
        store = client.factory.createRawFileStore()
        stores[name] = store.ice_context(context(client, LAB))
        stores[name].setFileId(made.id.val)
    stores["bob"].write(b"abc", 0, 3)
    stores["bob"].save()
    assert stores["alice"].read(0, 3) == b"abc"
    with pytest.raises(omero.SecurityViolation):
        stores["alice"].write(b"x", 0, 1)
    store = clients["carol"].factory.createRawFileStore()
    with pytest.raises(omero.ServerError):
        store.setFileId(made.id.val)
    update(bob, LAB).deleteObject(made)
    with pytest.raises(omero.ServerError):
        stores["alice"].read(0, 3)
    for opened in (*stores.values(), store):
        opened.close()


def test_the_file_of_another_user_stays_when_an_annotation_with_it_goes(
    clients: dict[str, LoggedIn],
) -> None:
    alice, bob = clients["alice"], clients["bob"]
    made = update(bob, LAB).saveAndReturnObject(
        omero.model.OriginalFile(
            loaded=True, name=omero.RString("n"), path=omero.RString("p"), size=omero.RLong(0)
        )
    )
    file = omero.model.OriginalFile(id=made.id, loaded=False)
    attached = update(alice, LAB).saveAndReturnObject(
        omero.model.FileAnnotation(loaded=True, file=file)
    )
    update(alice, LAB).deleteObject(attached)
    update(bob, LAB).deleteObject(query(bob).get("OriginalFile", made.id.val))


def test_images_are_renamed_by_who_may_edit_them(clients: dict[str, LoggedIn]) -> None:
    alice, bob, carol = clients["alice"], clients["bob"], clients["carol"]
    image = query(alice).get("Image", ids(bob, "Image")[IMAGE])
    image.name = omero.RString("renamed by alice")
    with pytest.raises(omero.SecurityViolation):
        update(alice, LAB).saveObject(image)
    update(bob, LAB).saveObject(image)
    for client in (alice, bob, clients["root"]):
        assert "renamed by alice" in ids(client, "Image")
    hidden = query(bob).get("Image", ids(bob, "Image")[DRAFT])
    with pytest.raises(omero.ServerError):
        update(carol, CLINIC).saveObject(hidden)
    assert SLIDE in ids(carol, "Image")
