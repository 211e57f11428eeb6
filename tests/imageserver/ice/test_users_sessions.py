"""Sessions of several users: made for oneself and for others, switched, ended; accounts."""

import time
from collections.abc import Iterator

import Ice
import pytest

from render.blitz.slices import Glacier2, omero
from tests.imageserver.ice.clients import LoggedIn, log_in, router_proxy
from tests.imageserver.ice.lab_queries import names
from tests.support.image_server import RunningImageServer, start_image_server
from tests.support.lab import DRAFT, PASSWORDS, VISIBLE, make_lab

pytestmark = pytest.mark.slow

LAB, DRAFTS, CLINIC = 3, 4, 5
ROOT, ALICE, BOB, CAROL = 0, 10, 11, 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningImageServer]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    with start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments) as running:
        yield running


@pytest.fixture(scope="module")
def port(server: RunningImageServer) -> int:
    return server.ports["tcp"]


@pytest.fixture
def root(port: int) -> Iterator[LoggedIn]:
    with log_in(port, user="root", password=PASSWORDS["root"]) as client:
        yield client


@pytest.fixture
def bob(port: int) -> Iterator[LoggedIn]:
    with log_in(port, user="bob", password=PASSWORDS["bob"]) as client:
        yield client


def is_over(port: int, key: str) -> bool:
    with router_proxy(port) as router:
        try:
            router.createSession(key, key, {"omero.client.uuid": "a try"})
        except Glacier2.PermissionDeniedException:
            return True
    return False


def test_an_administrator_makes_sessions_of_others(port: int, root: LoggedIn) -> None:
    service = root.factory.getSessionService()
    principal = omero.sys.Principal("carol", "clinic", "User", None)
    made = service.createSessionWithTimeouts(principal, 50_000, 20_000)
    assert (made.owner.omeName.val, made.sudoer.id.val) == ("carol", ROOT)
    assert (made.timeToLive.val, made.timeToIdle.val) == (50_000, 20_000)
    key = made.uuid.val
    with log_in(port, user=key, password=key) as carol:
        context = carol.factory.getAdminService().getEventContext()
        assert (context.userName, context.groupName) == ("carol", "clinic")
        assert (context.sudoerId.val, context.sudoerName.val) == (ROOT, "root")
        assert not context.isAdmin and names(carol) == VISIBLE["carol"]


def test_nobody_else_does(bob: LoggedIn) -> None:
    service = bob.factory.getSessionService()
    principal = omero.sys.Principal("carol", "clinic", "User", None)
    with pytest.raises(omero.SecurityViolation):
        service.createSessionWithTimeout(principal, 1000)
    with pytest.raises(omero.AuthenticationException):
        service.createSession(principal, PASSWORDS["bob"])
    principal.group = "lab"
    with pytest.raises(Glacier2.CannotCreateSessionException, match="no member"):
        service.createSession(principal, PASSWORDS["carol"])


def test_a_session_by_password_and_one_of_ones_own(port: int, bob: LoggedIn) -> None:
    service = bob.factory.getSessionService()
    principal = omero.sys.Principal("carol", "", "User", None)
    for made, user in (
        (service.createSession(principal, PASSWORDS["carol"]), "carol"),
        (service.createUserSession(0, 0, "drafts"), "bob"),
    ):
        key = made.uuid.val
        assert service.getReferenceCount(key) == 0
        with log_in(port, user=key, password=key) as client:
            assert names(client) == VISIBLE[user]
            assert service.getReferenceCount(key) == 1
            context = client.factory.getAdminService().getEventContext()
            assert context.groupName == {"carol": "clinic", "bob": "drafts"}[user]
            assert context.sudoerId is None


def test_sessions_end_when_their_time_is_over(port: int, bob: LoggedIn) -> None:
    made = bob.factory.getSessionService().createUserSession(1500, 0, "")
    key = made.uuid.val
    with log_in(port, user=key, password=key) as client:
        service = client.factory.getQueryService()
        service.find("Image", 1)
        until_s = time.monotonic() + 10
        with pytest.raises(Ice.ObjectNotExistException):
            while time.monotonic() < until_s:
                service.find("Image", 1)
                time.sleep(0.05)
    assert is_over(port, key)


def test_sessions_that_nobody_holds_are_bounded(port: int) -> None:
    with log_in(port, user="carol", password=PASSWORDS["carol"]) as carol:
        service = carol.factory.getSessionService()
        made = []
        with pytest.raises(Glacier2.CannotCreateSessionException, match="nobody uses"):
            for _ in range(1000):
                made.append(service.createUserSession(0, 0, ""))
        assert 10 <= len(made) <= 200
        for session in made:
            service.closeSession(session)
        service.closeSession(service.createUserSession(0, 0, ""))


def test_a_session_can_be_ended_by_its_key(port: int, root: LoggedIn, bob: LoggedIn) -> None:
    service = root.factory.getSessionService()
    own = [session.uuid.val for session in service.getMyOpenSessions()]
    assert root.key in own and bob.key not in own
    query = bob.factory.getQueryService()
    service.closeSession(service.getSession(bob.key))
    with pytest.raises(Ice.ObjectNotExistException):
        query.find("Image", 1)
    assert is_over(port, bob.key)


def test_the_group_of_a_session_is_that_of_calls_that_name_none(bob: LoggedIn) -> None:
    factory = bob.factory
    assert [g.name.val for g in factory.getSecurityContexts()] == [
        "lab",
        "drafts",
        "clinic",
        "user",
    ]
    factory.setSecurityContext(omero.model.ExperimenterGroup(omero.RLong(DRAFTS), loaded=False))
    assert bob.rows("select i.name from Image i") == [[DRAFT]]
    described = factory.getSessionService().getSession(bob.key)
    assert (described.details.group.id.val, described.owner.id.val) == (DRAFTS, BOB)
    for refused in (0, 77):
        with pytest.raises(omero.SecurityViolation):
            factory.setSecurityContext(omero.model.ExperimenterGroup(omero.RLong(refused)))
    for refused in (omero.model.ExperimenterGroup(omero.RLong(-1)), omero.model.Image(), None):
        with pytest.raises(omero.ApiUsageException):
            factory.setSecurityContext(refused)


def test_the_guest_hears_which_server_it_is_and_nothing_else(port: int) -> None:
    with log_in(port, user="guest", password="guest") as guest:
        factory = guest.factory
        admin, sessions = factory.getAdminService(), factory.getSessionService()
        assert factory.getConfigService().getVersion().startswith("5.6")
        context = admin.getEventContext()
        assert (context.userId, context.groupName, context.memberOfGroups) == (1, "guest", [2])
        assert sessions.getSession(guest.key).owner.omeName.val == "guest"
        for refused in (
            admin.lookupExperimenters,
            sessions.getMyOpenSessions,
            lambda: sessions.createUserSession(0, 0, ""),
            lambda: sessions.closeSession(omero.model.Session()),
            factory.getQueryService,
            factory.getScriptService,
            factory.createRawFileStore,
            lambda: factory.getByName("omero.api.IQuery"),
        ):
            with pytest.raises(omero.SecurityViolation):
                refused()
        # This one declares no errors.
        with pytest.raises(Ice.UnknownUserException, match="SecurityViolation"):
            factory.submit(None)


def test_accounts_are_told_to_everybody(bob: LoggedIn) -> None:
    admin = bob.factory.getAdminService()
    assert [u.omeName.val for u in admin.lookupExperimenters()] == [
        "root", "guest", "alice", "bob", "carol",
    ]  # fmt: skip
    assert [u.id.val for u in admin.containedExperimenters(DRAFTS)] == [ALICE, BOB]
    assert [g.id.val for g in admin.containedGroups(BOB)] == [LAB, DRAFTS, CLINIC, 1]
    assert [g.name.val for g in admin.lookupGroups()] == [
        "system", "user", "guest", "lab", "drafts", "clinic",
    ]  # fmt: skip
    alice = admin.lookupExperimenter("alice")
    assert [alice.firstName.val, alice.lastName.val, alice.email.val] == [
        "Alice", "Archer", "alice@example.org",
    ]  # fmt: skip
    places = alice.groupExperimenterMapSeq
    assert [(p.parent.name.val, p.owner.val) for p in places] == [
        ("lab", False), ("drafts", True), ("user", False),
    ]  # fmt: skip
    assert admin.getMemberOfGroupIds(alice) == [LAB, DRAFTS, 1]
    assert admin.getLeaderOfGroupIds(alice) == [DRAFTS]
    assert admin.getDefaultGroup(CAROL).name.val == "clinic"
    drafts = admin.getGroup(DRAFTS)
    assert drafts.details.permissions.perm1 == 0x700
    assert sorted(p.child.id.val for p in drafts.groupExperimenterMapSeq) == [ALICE, BOB]
    assert admin.lookupGroup("clinic").id.val == CLINIC
    root = omero.model.Experimenter(omero.RLong(ROOT))
    assert len(admin.getAdminPrivileges(root)) == 15 and not admin.getCurrentAdminPrivileges()
    assert [u.id.val for u in admin.getAdminsWithPrivileges([])] == [ROOT]
    for call in (
        lambda: admin.getExperimenter(77),
        lambda: admin.lookupExperimenter("nobody"),
        lambda: admin.getGroup(77),
        lambda: admin.containedExperimenters(77),
        lambda: admin.getMemberOfGroupIds(None),
    ):
        with pytest.raises(omero.ApiUsageException):
            call()
