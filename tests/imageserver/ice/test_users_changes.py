"""Changes of the users' file count for the next call, in sessions that are open too."""

from collections.abc import Iterator
from typing import Any

import Ice
import pytest

from render.blitz.slices import Glacier2, omero
from tests.imageserver.ice.clients import LoggedIn, log_in, parameters, router_proxy
from tests.imageserver.ice.lab_queries import ids, names, query
from tests.support.glacier2 import RunningRouter, start_glacier2
from tests.support.image_server import RunningImageServer, start_image_server
from tests.support.lab import (
    DEEP,
    DRAFT,
    IMAGE,
    NAMES,
    PASSWORDS,
    SCREEN,
    SLIDE,
    VISIBLE,
    Lab,
    example,
    make_lab,
)

pytestmark = pytest.mark.slow

LAB, DRAFTS, CLINIC = 3, 4, 5


@pytest.fixture(scope="module")
def made_lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def server(made_lab: Lab) -> Iterator[RunningImageServer]:
    arguments = made_lab.arguments
    with start_image_server(made_lab.folder, arguments=arguments) as running:
        yield running


@pytest.fixture(scope="module")
def glacier2(server: RunningImageServer) -> Iterator[RunningRouter]:
    with start_glacier2(server) as running:
        yield running


@pytest.fixture
def lab(made_lab: Lab) -> Iterator[Lab]:
    """The lab, whose file is as it was when the test is over."""
    yield made_lab
    made_lab.replace(example())


@pytest.fixture
def bob(server: RunningImageServer) -> Iterator[LoggedIn]:
    with log_in(server.ports["tcp"], user="bob", password=PASSWORDS["bob"]) as client:
        yield client


@pytest.fixture
def carol(server: RunningImageServer) -> Iterator[LoggedIn]:
    with log_in(server.ports["tcp"], user="carol", password=PASSWORDS["carol"]) as client:
        yield client


@pytest.fixture
def root(server: RunningImageServer) -> Iterator[LoggedIn]:
    with log_in(server.ports["tcp"], user="root", password=PASSWORDS["root"]) as client:
        yield client


def refuses(port: int, user: str, password: str) -> bool:
    with router_proxy(port) as router:
        try:
            router.createSession(user, password, {"omero.client.uuid": "a try"})
        except Glacier2.PermissionDeniedException:
            return True
        router.destroySession()
        return False


def perms(client: LoggedIn, name: str) -> Any:
    [found] = query(client).findAllByQuery(
        "select i from Image i where i.name = :name", parameters(name=name)
    )
    return found.details.permissions


def test_a_membership_that_is_gone_takes_everything_along(bob: LoggedIn, lab: Lab) -> None:
    everywhere = {"omero.group": "-1"}
    pixels, files = bob.factory.createRawPixelsStore(), bob.factory.createRawFileStore()
    engine = bob.factory.createRenderingEngine()
    pixels.setPixelsId(ids(bob, "Pixels")[SLIDE], False, everywhere)
    engine.lookupPixels(ids(bob, "Pixels")[SLIDE], everywhere)
    files.setFileId(ids(bob, "OriginalFile")[SLIDE], everywhere)
    assert len(pixels.getPlane(0, 0, 0)) > 0 and files.size() > 0 and engine.getDefaultZ() == 0
    bob.factory.setSecurityContext(omero.model.ExperimenterGroup(omero.RLong(CLINIC)))
    lab.change(('members = ["carol", "bob"]', 'members = ["carol"]'))
    for call in (lambda: pixels.getPlane(0, 0, 0), files.size, engine.getDefaultZ):
        with pytest.raises(omero.ValidationException):
            call()
    with pytest.raises(omero.SecurityViolation):
        names(bob, CLINIC)
    assert names(bob) == VISIBLE["bob"] - {SLIDE}
    context = bob.factory.getAdminService().getEventContext()
    assert (context.groupName, CLINIC in context.memberOfGroups) == ("lab", False)


def test_an_upload_that_is_open_is_closed_to_who_may_no_more(bob: LoggedIn, lab: Lab) -> None:
    made = bob.factory.getUpdateService().saveAndReturnObject(
        omero.model.OriginalFile(
            loaded=True, name=omero.RString("n"), path=omero.RString("p"), size=omero.RLong(0)
        )
    )
    store = bob.factory.createRawFileStore()
    store.setFileId(made.id.val)
    store.write(b"abc", 0, 3)
    assert store.read(0, 3) == b"abc"
    lab.change(('binary_access = "+read,+write,+image"', 'binary_access = "+read,+image"'))
    with pytest.raises(omero.SecurityViolation):
        store.read(0, 3)
    store.close()
    bob.factory.getUpdateService().deleteObject(made)


def test_a_folder_in_another_group_changes_hands(
    bob: LoggedIn, carol: LoggedIn, lab: Lab, server: RunningImageServer
) -> None:
    password = PASSWORDS["alice"]
    with log_in(server.ports["tcp"], user="alice", password=password) as alice:
        assert names(alice) == VISIBLE["alice"]
        lab.change(('owner = "carol"\ngroup = "clinic"', 'owner = "carol"\ngroup = "lab"'))
        assert names(alice) == VISIBLE["alice"] | {SLIDE}
    # She is no member of that group, and has no rights there by owning.
    assert names(carol) == set()
    [[group]] = query(bob).projection(
        "select i.details.group.id from Image i where i.name = :name", parameters(name=SLIDE)
    )
    assert group.val == LAB
    lab.change(('owner = "bob"\ngroup = "lab"', 'owner = "carol"\ngroup = "drafts"'))
    assert names(bob) == {SCREEN, DEEP, DRAFT, SLIDE}


def test_other_permissions_of_a_group_count(bob: LoggedIn, lab: Lab) -> None:
    assert perms(bob, SCREEN).restrictions == [True, True, True, False, True, True]
    lab.change(('permissions = "rwra--"', 'permissions = "rwrw--"'))
    found = perms(bob, SCREEN)
    assert found.restrictions == [False, False, False, False, True, True]
    assert found.perm1 == 0x770
    lab.change(('permissions = "rwrw--"', 'permissions = "rwr---"'))
    assert perms(bob, SCREEN).restrictions == [True] * 6
    lab.replace(example().replace('"rwra--"', '"rw----"'))
    assert names(bob) == {IMAGE, DRAFT, SLIDE}


def test_who_becomes_an_administrator_sees_all(carol: LoggedIn, lab: Lab) -> None:
    lab.change(('name = "carol"\npassword', 'name = "carol"\nadmin = true\npassword'))
    assert names(carol) == set(NAMES)
    context = carol.factory.getAdminService().getEventContext()
    assert context.isAdmin and 0 in context.memberOfGroups


def without_carol(text: str) -> str:
    """Take carol and what is hers out of the file."""
    for part in (
        '[[users]]\nid = 12\nname = "carol"\npassword = "of-carol"\n',
        '[[folders]]\nname = "carol-slides"\nowner = "carol"\ngroup = "clinic"\n',
        '"carol", ',
    ):
        assert text.count(part) == 1
        text = text.replace(part, "")
    return text


@pytest.mark.parametrize("way", ["server", "glacier2"])
def test_the_sessions_of_a_removed_user_end(
    request: pytest.FixtureRequest, way: str, lab: Lab
) -> None:
    port = request.getfixturevalue(way).ports["tcp"]
    with log_in(port, user="carol", password=PASSWORDS["carol"]) as client:
        service = client.factory.getQueryService()
        assert names(client) == {SLIDE}
        lab.replace(without_carol(example()))
        with pytest.raises((Ice.ObjectNotExistException, Ice.ConnectionLostException)):
            service.find("Image", 1)
        assert refuses(port, "carol", PASSWORDS["carol"])
        assert refuses(port, client.key, client.key)
        lab.replace(example())
        # Coming back revives nothing that has ended.
        assert refuses(port, client.key, client.key)
        assert not refuses(port, "carol", PASSWORDS["carol"])


def test_a_new_password_is_asked_for_at_the_next_login(
    server: RunningImageServer, carol: LoggedIn, lab: Lab
) -> None:
    port = server.ports["tcp"]
    lab.change(('password = "of-carol"', 'password = "another"'))
    assert refuses(port, "carol", PASSWORDS["carol"])
    assert not refuses(port, "carol", "another")
    assert names(carol) == {SLIDE}
    lab.change(('password = "another"\n', ""))
    assert refuses(port, "carol", "another")


def test_a_file_that_cannot_be_used_changes_nothing(bob: LoggedIn, lab: Lab) -> None:
    lab.replace(example().replace('members = ["carol", "bob"]', "members = 7"))
    assert names(bob) == VISIBLE["bob"]
    lab.users.unlink()
    assert names(bob) == VISIBLE["bob"]


@pytest.mark.parametrize(
    ("policy", "readers"),
    [
        ("+read,+write,+image", {"root", "bob", "carol"}),
        ("-read,+write,+image", {"root", "carol"}),
        ("+read,-write,+image", set()),
        ("+read,+write,-image", set()),
        ("+read,+write", set()),
    ],
)
def test_the_policy_says_who_downloads(
    lab: Lab,
    root: LoggedIn,
    bob: LoggedIn,
    carol: LoggedIn,
    policy: str,
    readers: set[str],
) -> None:
    text = example().replace('binary_access = "-read"', 'binary_access = ""')
    lab.replace(
        text.replace('binary_access = "+read,+write,+image"', f'binary_access = "{policy}"')
    )
    found = set()
    for user, client in {"root": root, "bob": bob, "carol": carol}.items():
        config = client.factory.getConfigService()
        assert config.getConfigValue("omero.policy.binary_access") == policy
        store = client.factory.createRawFileStore()
        store.setFileId(ids(client, "OriginalFile")[SLIDE], {"omero.group": "-1"})
        size = store.size()
        restricted = "RESTRICT-BINARY-ACCESS" in perms(client, SLIDE).extendedRestrictions
        try:
            assert len(store.read(0, size)) == size
            found.add(user)
        except omero.SecurityViolation:
            assert restricted
        else:
            assert not restricted
        store.close()
        # Pictures and pixels are no downloads.
        pixels = client.factory.createRawPixelsStore()
        pixels.setPixelsId(ids(client, "Pixels")[SLIDE], False, {"omero.group": "-1"})
        assert len(pixels.getPlane(0, 0, 0)) > 0
        pixels.close()
    assert found == readers
