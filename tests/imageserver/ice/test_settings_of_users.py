"""Rendering settings of several users: each saves own ones, where that is permitted."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in
from tests.support.image_server import start_image_server
from tests.support.lab import DRAFT, IMAGE, PASSWORDS, SLIDE, make_lab

LAB, DRAFTS, CLINIC = 3, 4, 5


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LoggedIn]]:
    """A session of each user, on a server of its own."""
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments)
        )
        yield {
            name: stack.enter_context(log_in(server.ports["tcp"], user=name, password=password))
            for name, password in PASSWORDS.items()
        }


def in_group(proxy: Any, group: int) -> Any:
    return proxy.ice_context({"omero.group": str(group)})


def pixels_id(client: LoggedIn, name: str) -> int:
    query = in_group(client.factory.getQueryService(), -1)
    text = f"select p.id from Pixels p where p.image.name = '{name}'"
    [[found]] = query.projection(text, None)
    return found.val


def image_id(client: LoggedIn, name: str) -> int:
    query = in_group(client.factory.getQueryService(), -1)
    [[found]] = query.projection(f"select i.id from Image i where i.name = '{name}'", None)
    return found.val


@contextlib.contextmanager
def engine_on(client: LoggedIn, name: str, group: int) -> Iterator[Any]:
    engine = in_group(client.factory.createRenderingEngine(), group)
    engine.lookupPixels(pixels_id(client, name))
    engine.lookupRenderingDef(pixels_id(client, name))
    engine.load()
    yield engine
    engine.close()


def test_an_administrator_saves_for_whom_the_call_names(clients: dict[str, LoggedIn]) -> None:
    root, bob = clients["root"], clients["bob"]
    context = {"omero.group": str(DRAFTS), "omero.user": "11"}
    settings = root.factory.getRenderingSettingsService().ice_context(context)
    settings.resetDefaultsInImage(image_id(root, DRAFT))
    pixels = in_group(bob.factory.getPixelsService(), DRAFTS)
    assert pixels.retrieveRndSettings(pixels_id(bob, DRAFT)).details.owner.id.val == 11
    # In a private group an administrator saves no settings of the own for images of others.
    with pytest.raises(omero.SecurityViolation):
        own = in_group(root.factory.getRenderingSettingsService(), DRAFTS)
        own.resetDefaultsInImage(image_id(root, DRAFT))
    for client, user in ((bob, "10"), (root, "77")):
        service = client.factory.getRenderingSettingsService()
        with pytest.raises(omero.SecurityViolation):
            service.ice_context({"omero.group": str(LAB), "omero.user": user}).resetDefaultsInImage(
                image_id(client, IMAGE)
            )
    own = bob.factory.getQueryService().ice_context({"omero.user": "11"})
    assert own.findAllByQuery("select i from Image i", None)


def save(client: LoggedIn, name: str, group: int, start: float) -> int:
    with engine_on(client, name, group) as engine:
        engine.setChannelWindow(0, start, 200.0)
        engine.saveCurrentSettings()
        return engine.getRenderingDefId()


def start_seen(client: LoggedIn, name: str, group: int) -> float:
    with engine_on(client, name, group) as engine:
        return engine.getChannelWindowStart(0)


def test_each_has_own_settings_and_sees_the_owners_without(clients: dict[str, LoggedIn]) -> None:
    alice, bob, root = clients["alice"], clients["bob"], clients["root"]
    of_bob = save(bob, IMAGE, LAB, 11.0)
    assert start_seen(alice, IMAGE, LAB) == start_seen(root, IMAGE, LAB) == 11.0
    of_alice = save(alice, IMAGE, LAB, 22.0)
    assert of_alice != of_bob
    assert start_seen(alice, IMAGE, LAB) == 22.0
    assert start_seen(bob, IMAGE, LAB) == start_seen(root, IMAGE, LAB) == 11.0
    pixels = in_group(alice.factory.getPixelsService(), LAB)
    found = pixels.retrieveAllRndSettings(pixels_id(alice, IMAGE), -1)
    told = [(rdef.id.val, rdef.details.owner.omeName.val) for rdef in found]
    assert told == [(of_alice, "alice"), (of_bob, "bob")]
    # She may look at his, and takes them for her own by saving.
    with engine_on(alice, IMAGE, LAB) as engine:
        engine.loadRenderingDef(of_bob)
        assert engine.getChannelWindowStart(0) == 11.0
        engine.saveCurrentSettings()
        assert engine.getRenderingDefId() == of_alice
    assert start_seen(alice, IMAGE, LAB) == 11.0
    save(alice, IMAGE, LAB, 33.0)
    service = in_group(alice.factory.getRenderingSettingsService(), LAB)
    image = image_id(alice, IMAGE)
    assert service.resetDefaultsByOwnerInSet("Image", [image]) == [image]
    assert start_seen(alice, IMAGE, LAB) == 11.0


def test_nobody_changes_those_of_others(clients: dict[str, LoggedIn]) -> None:
    alice, bob = clients["alice"], clients["bob"]
    of_bob = save(bob, IMAGE, LAB, 44.0)
    rdef = in_group(alice.factory.getPixelsService(), LAB).loadRndSettings(of_bob)
    rdef.waveRenderingSeq[0].inputStart = omero.RDouble(1.0)
    with pytest.raises(omero.SecurityViolation):
        in_group(alice.factory.getUpdateService(), LAB).saveObject(rdef)
    assert start_seen(bob, IMAGE, LAB) == 44.0


def test_saving_takes_the_permission_to_annotate(clients: dict[str, LoggedIn]) -> None:
    alice, bob, carol = clients["alice"], clients["bob"], clients["carol"]
    save(carol, SLIDE, CLINIC, 5.0)
    # A member of a read-only group, and the leader of a private one.
    for client, name, group in ((bob, SLIDE, CLINIC), (alice, DRAFT, DRAFTS)):
        with pytest.raises(omero.SecurityViolation):
            save(client, name, group, 6.0)
        service = in_group(client.factory.getRenderingSettingsService(), group)
        with pytest.raises(omero.SecurityViolation):
            service.resetDefaultsInSet("Image", [image_id(client, name)])
        told = service.applySettingsToSet(
            pixels_id(client, name), "Image", [image_id(client, name)]
        )
        assert told == {True: [], False: [image_id(client, name)]}
    assert start_seen(bob, SLIDE, CLINIC) == 5.0
    assert save(bob, DRAFT, DRAFTS, 7.0) > 0


def test_what_is_not_visible_has_no_settings(clients: dict[str, LoggedIn]) -> None:
    bob, carol = clients["bob"], clients["carol"]
    of_bob = save(bob, IMAGE, LAB, 8.0)
    pixels = in_group(carol.factory.getPixelsService(), -1)
    for hidden in (
        lambda: pixels.loadRndSettings(of_bob),
        lambda: pixels.retrieveAllRndSettings(pixels_id(bob, IMAGE), -1),
        lambda: in_group(carol.factory.getRenderingSettingsService(), CLINIC).applySettingsToImages(
            pixels_id(bob, IMAGE), [image_id(carol, SLIDE)]
        ),
    ):
        with pytest.raises(omero.ValidationException):
            hidden()
    query = in_group(carol.factory.getQueryService(), -1)
    assert query.find("RenderingDef", of_bob) is None
    rows = query.projection("select r.details.owner.omeName from RenderingDef r", None)
    assert {row[0].val for row in rows} <= {"carol"}
