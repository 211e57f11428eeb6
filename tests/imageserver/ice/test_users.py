"""Several users and groups: what each of them sees, over each way in, and nothing else."""

import contextlib
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
    LEFT_OVER,
    NAMES,
    PASSWORDS,
    SCREEN,
    SLIDE,
    VISIBLE,
    Lab,
    make_lab,
)

LAB, DRAFTS, CLINIC = 3, 4, 5
BOB = 11
EVERYWHERE = {"omero.group": "-1"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[RunningImageServer]:
    with start_image_server(
        lab.folder, transports=("tcp", "ssl", "manager"), arguments=lab.arguments
    ) as running:
        yield running


@pytest.fixture(scope="module")
def glacier2(server: RunningImageServer) -> Iterator[RunningRouter]:
    with start_glacier2(server) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: RunningImageServer) -> Iterator[dict[str, LoggedIn]]:
    """A session of each user."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(log_in(server.ports["tcp"], user=name, password=password))
            for name, password in PASSWORDS.items()
        }


@pytest.mark.parametrize("way", ["server", "glacier2"])
@pytest.mark.parametrize("user", PASSWORDS)
def test_each_user_sees_what_the_groups_allow(
    request: pytest.FixtureRequest, way: str, user: str
) -> None:
    port = request.getfixturevalue(way).ports["tcp"]
    with log_in(port, user=user, password=PASSWORDS[user]) as client:
        assert names(client) == VISIBLE[user]
        context = client.factory.getAdminService().getEventContext()
        assert (context.userName, context.isAdmin) == (user, user == "root")


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("alice", "of-bob"),
        ("bob", ""),
        ("guest", ""),
        ("guest", "of-bob"),
        ("nobody", "of-bob"),
        ("local", "local"),
    ],
)
def test_wrong_passwords_let_nobody_in(
    server: RunningImageServer, user: str, password: str
) -> None:
    with pytest.raises(Glacier2.PermissionDeniedException), contextlib.ExitStack() as stack:
        stack.enter_context(log_in(server.ports["tcp"], user=user, password=password))


def test_a_call_sees_the_group_that_it_names(clients: dict[str, LoggedIn]) -> None:
    bob = clients["bob"]
    assert names(bob, LAB) == {SCREEN, DEEP, IMAGE}
    assert names(bob, DRAFTS) == {DRAFT}
    assert names(bob, CLINIC) == {SLIDE}
    # Without one it is the session's own: bob's default.
    rows = bob.rows("select i.name from Image i")
    assert {row[0] for row in rows} == {SCREEN, DEEP, IMAGE}
    assert names(clients["root"], DRAFTS) == {DRAFT}
    assert names(clients["root"], 0) == {LEFT_OVER}
    for group in (DRAFTS, LAB, 0, 77):
        with pytest.raises(omero.SecurityViolation):
            names(clients["carol"], group)


def test_what_is_not_visible_exists_for_no_service(clients: dict[str, LoggedIn]) -> None:
    root, carol = clients["root"], clients["carol"]
    images, pixels, files = (ids(root, kind) for kind in ("Image", "Pixels", "OriginalFile"))
    hidden = set(NAMES) - VISIBLE["carol"]
    factory = carol.factory
    container = factory.getContainerService().ice_context(EVERYWHERE)
    found = container.getImages("Image", list(images.values()), None)
    assert [image.id.val for image in found] == [images[SLIDE]]
    assert [i.id.val for i in container.getUserImages(None)] == [images[SLIDE]]
    root_container = root.factory.getContainerService().ice_context(EVERYWHERE)
    wanted = omero.sys.Parameters(theFilter=omero.sys.Filter(ownerId=omero.RLong(BOB)))
    assert {i.name.val for i in root_container.getUserImages(wanted)} == {IMAGE, DRAFT}
    tree = root_container.loadContainerHierarchy("Dataset", None, wanted)
    assert {dataset.name.val for dataset in tree} == {"bob-images", "bob-drafts"}
    wanted.theFilter.groupId = omero.RLong(DRAFTS)
    assert [i.name.val for i in root_container.getUserImages(wanted)] == [DRAFT]
    assert container.getUserImages(wanted) == []
    tree = container.loadContainerHierarchy("Project", None, parameters())
    assert [project.name.val for project in tree] == ["carol-slides"]
    roi = factory.getRoiService().ice_context(EVERYWHERE)
    with contextlib.closing(_Services(factory)) as services:
        for name in hidden:
            assert query(carol).find("Image", images[name]) is None
            assert query(carol).find("Pixels", pixels[name]) is None
            assert query(carol).find("OriginalFile", files[name]) is None
            for refused in (
                lambda name=name: services.pixels.setPixelsId(pixels[name], False, EVERYWHERE),
                lambda name=name: services.engine.lookupPixels(pixels[name], EVERYWHERE),
                lambda name=name: services.files.setFileId(files[name], EVERYWHERE),
                lambda name=name: roi.findByImage(images[name], None),
                lambda name=name: query(carol).get("Image", images[name]),
            ):
                with pytest.raises(omero.ValidationException):
                    refused()
            request = omero.cmd.UsedFilesRequest(imageId=images[name])
            handle = factory.submit(request, EVERYWHERE)
            assert isinstance(handle.getResponse(), omero.cmd.ERR)
        services.pixels.setPixelsId(pixels[SLIDE], False, EVERYWHERE)
        assert len(services.pixels.getPlane(0, 0, 0)) == 24 * 32
        services.engine.lookupPixels(pixels[SLIDE], EVERYWHERE)
        services.files.setFileId(files[SLIDE], EVERYWHERE)
        assert services.files.size() > 0


class _Services:
    """One of each stateful service."""

    def __init__(self, factory: Any) -> None:
        self.pixels = factory.createRawPixelsStore()
        self.engine = factory.createRenderingEngine()
        self.files = factory.createRawFileStore()

    def close(self) -> None:
        for service in (self.pixels, self.engine, self.files):
            service.close()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("counts", "select count(i) from Image i"),
        ("links", "select count(l) from DatasetImageLink l"),
        ("pixels", "select count(p) from Pixels p"),
        ("channels", "select count(c) from Channel c"),
        ("filesets", "select count(f) from Fileset f"),
        ("entries", "select count(f) from FilesetEntry f"),
        ("files", "select count(f) from OriginalFile f where f.mimetype = 'image/png'"),
    ],
)
def test_queries_of_every_kind_see_the_same(
    clients: dict[str, LoggedIn], kind: str, text: str
) -> None:
    for user, client in clients.items():
        [[count]] = query(client).projection(text, None)
        assert count.val == len(VISIBLE[user]), (kind, user)


def test_trees_have_a_project_for_each_folder(clients: dict[str, LoggedIn], lab: Lab) -> None:
    trees = {}
    for user, client in clients.items():
        rows = query(client).projection(
            "select p.name, d.name from ProjectDatasetLink l join l.parent p join l.child d", None
        )
        trees[user] = {(project.val, dataset.val) for project, dataset in rows}
    lab_tree = {
        ("alice-screens", "alice-screens"),
        ("alice-screens", "alice-screens/deep"),
        ("bob-images", "bob-images"),
        ("bob-drafts", "bob-drafts"),
    }
    slides = {("carol-slides", "carol-slides")}
    assert trees == {
        "alice": lab_tree,
        "bob": lab_tree | slides,
        "carol": slides,
        "root": lab_tree | slides | {(lab.folder.name, ".")},
    }


def test_lookup_tables_are_for_everybody(clients: dict[str, LoggedIn]) -> None:
    for client in clients.values():
        tables = client.factory.getScriptService().getScriptsByMimetype("text/x-lut")
        store = client.factory.createRawFileStore()
        store.setFileId(tables[0].id.val)
        assert store.size() > 0 and len(store.read(0, 3)) == 3
        store.close()
        assert (tables[0].details.owner.id.val, tables[0].details.group.id.val) == (0, 1)


def test_a_session_joined_by_key_has_the_same_user(
    server: RunningImageServer, glacier2: RunningRouter
) -> None:
    with log_in(glacier2.ports["tcp"], user="carol", password=PASSWORDS["carol"]) as client:
        for running in (server, glacier2):
            port = running.ports["tcp"]
            with log_in(port, user=client.key, password=client.key) as joined:
                assert joined.key == client.key and names(joined) == VISIBLE["carol"]
                joined.factory.detachOnDestroy()
                joined.router.destroySession()
        port = server.ports["tcp"]
        with router_proxy(port) as router, pytest.raises(Glacier2.PermissionDeniedException):
            router.createSession("carol", client.key, {"omero.client.uuid": "x"})


def test_a_login_may_name_its_group(server: RunningImageServer) -> None:
    with router_proxy(server.ports["tcp"]) as router:
        context = {"omero.client.uuid": "one", "omero.group": "clinic"}
        session = router.createSession("bob", PASSWORDS["bob"], context)
        factory = omero.api.ServiceFactoryPrx.uncheckedCast(session)
        assert factory.getAdminService().getEventContext().groupName == "clinic"
        router.destroySession()
    with router_proxy(server.ports["tcp"]) as router:
        context["omero.group"] = "system"
        with pytest.raises(Glacier2.CannotCreateSessionException):
            router.createSession("bob", PASSWORDS["bob"], context)


def test_services_of_another_users_session_cannot_be_addressed(
    clients: dict[str, LoggedIn],
) -> None:
    stolen = clients["carol"].communicator.stringToProxy(
        str(clients["root"].factory.getQueryService())
    )
    with pytest.raises(Ice.ObjectNotExistException):
        stolen.ice_ping()
