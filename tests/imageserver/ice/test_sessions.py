"""Logging in and out, joining, timeouts, and who may address what."""

import time
import uuid
from pathlib import Path

import Ice
import pytest

from render.blitz.slices import Glacier2, omero
from tests.imageserver.ice.clients import LoggedIn, log_in, router_proxy
from tests.imageserver.ice.images import STACK, Folder
from tests.support.glacier2 import RunningRouter
from tests.support.image_server import PASSWORD, USER, RunningImageServer, start_image_server


def context() -> dict[str, str]:
    return {"omero.client.uuid": str(uuid.uuid4())}


@pytest.mark.parametrize("transport", ["tcp", "ssl", "ws"])
def test_every_endpoint_lets_in(server: RunningImageServer, transport: str) -> None:
    with log_in(server.ports[transport], transport) as client:
        event_context = client.factory.getAdminService().getEventContext()
    assert (event_context.userName, event_context.sessionUuid) == (USER, client.key)
    assert not event_context.isAdmin


@pytest.mark.parametrize("way", ["server", "glacier2"])
def test_wrong_credentials_are_refused(request: pytest.FixtureRequest, way: str) -> None:
    port = request.getfixturevalue(way).ports["tcp"]
    with router_proxy(port) as router, pytest.raises(Glacier2.PermissionDeniedException):
        router.createSession(USER, "wrong", context())


def test_a_login_without_client_id_is_refused_with_the_reason(each_client: LoggedIn) -> None:
    router = each_client.router.ice_connectionId("another")
    with pytest.raises(Glacier2.CannotCreateSessionException, match=r"omero\.client\.uuid"):
        router.createSession(USER, PASSWORD)


def test_joining_gives_the_same_session(server: RunningImageServer, client: LoggedIn) -> None:
    port = server.ports["tcp"]
    with log_in(port, user=client.key, password=client.key) as joined:
        assert joined.key == client.key
        joined.factory.detachOnDestroy()
        joined.router.destroySession()
    assert client.factory.keepAlive(client.factory.getQueryService())


def test_a_key_with_another_password_is_refused(
    server: RunningImageServer, client: LoggedIn
) -> None:
    for user, password in [(client.key, PASSWORD), (USER, client.key)]:
        port = server.ports["tcp"]
        with router_proxy(port) as router, pytest.raises(Glacier2.PermissionDeniedException):
            router.createSession(user, password, context())


def test_a_session_ends_with_its_last_client(server: RunningImageServer) -> None:
    with log_in(server.ports["tcp"]) as client:
        client.router.destroySession()
    port = server.ports["tcp"]
    with router_proxy(port) as router, pytest.raises(Glacier2.PermissionDeniedException):
        router.createSession(client.key, client.key, context())


@pytest.mark.parametrize("way", ["server", "glacier2"])
def test_a_detached_session_can_be_joined_later(request: pytest.FixtureRequest, way: str) -> None:
    port = request.getfixturevalue(way).ports["tcp"]
    with log_in(port) as client:
        client.factory.detachOnDestroy()
        client.router.destroySession()
    with log_in(port, user=client.key, password=client.key) as joined:
        assert joined.key == client.key
        joined.factory.closeOnDestroy()


def test_a_lost_connection_ends_the_login(server: RunningImageServer) -> None:
    with log_in(server.ports["tcp"]) as client:
        store = client.open_pixels(STACK)
        name = store.ice_getIdentity().name
    with log_in(server.ports["tcp"]) as other:
        for _ in range(100):
            sessions = other.factory.getSessionService().getMyOpenSessions()
            if client.key not in [session.uuid.val for session in sessions]:
                break
            time.sleep(0.05)
        assert client.key not in [session.uuid.val for session in sessions]
        assert name not in other.factory.activeServices()


def test_closing_a_session_closes_its_services(server: RunningImageServer) -> None:
    with log_in(server.ports["tcp"]) as client:
        store = client.open_pixels(STACK)
        service = client.factory.getSessionService()
        service.closeSession(service.getSession(client.key))
        with pytest.raises(Ice.ObjectNotExistException):
            store.getPlane(0, 0, 0)
        with pytest.raises(Glacier2.SessionNotExistException):
            client.router.destroySession()


@pytest.mark.parametrize("way", ["server", "glacier2"])
def test_another_session_cannot_be_addressed(request: pytest.FixtureRequest, way: str) -> None:
    port = request.getfixturevalue(way).ports["tcp"]
    with log_in(port) as owner, log_in(port) as stranger:
        store = owner.open_pixels(STACK)
        for victim in (store, owner.factory, owner.factory.getQueryService()):
            text = owner.communicator.proxyToString(victim)
            stolen = stranger.communicator.stringToProxy(text)
            with pytest.raises(Ice.ObjectNotExistException):
                stolen.ice_ping()
        assert len(store.getPlane(0, 0, 0)) > 0


def test_without_a_login_nothing_can_be_addressed(
    server: RunningImageServer, client: LoggedIn
) -> None:
    with router_proxy(server.ports["tcp"]) as router:
        stolen = router.ice_getCommunicator().stringToProxy(str(client.factory))
        with pytest.raises(Ice.ObjectNotExistException):
            stolen.ice_ping()
        with pytest.raises(Glacier2.SessionNotExistException):
            router.refreshSession()


def test_one_connection_holds_one_session(server: RunningImageServer) -> None:
    port = server.ports["tcp"]
    with log_in(port) as client, pytest.raises(Glacier2.CannotCreateSessionException):
        client.router.createSession(USER, PASSWORD, context())


def test_the_manager_is_not_reachable_for_clients(server: RunningImageServer) -> None:
    with router_proxy(server.ports["tcp"]) as router:
        communicator = router.ice_getCommunicator()
        proxy = communicator.stringToProxy(f"BlitzManager:tcp -p {server.ports['tcp']}")
        with pytest.raises(Ice.ObjectNotExistException):
            proxy.ice_router(None).ice_ping()


def test_keep_alive_tells_what_is_open(each_client: LoggedIn) -> None:
    store = each_client.open_pixels(STACK)
    query = each_client.factory.getQueryService()
    assert each_client.factory.keepAlive(store)
    assert not each_client.factory.keepAlive(None)
    store.close()
    assert each_client.factory.keepAllAlive([query, store, query]) == 0b010


def test_the_session_describes_itself(server: RunningImageServer) -> None:
    with log_in(server.ports["tcp"], agent="a test") as client:
        session = client.factory.getSessionService().getSession(client.key)
        assert session.userAgent.val == "a test"
        assert session.timeToIdle.val == 600_000
        assert session.owner.omeName.val == USER
        with pytest.raises(omero.RemovedSessionException):
            client.factory.getSessionService().getSession("no such key")


def test_a_group_of_others_is_refused(client: LoggedIn) -> None:
    query = client.factory.getQueryService().ice_context({"omero.group": "77"})
    with pytest.raises(omero.SecurityViolation):
        query.find("Image", 1)


@pytest.mark.slow
def test_an_idle_session_ends_and_a_used_one_stays(folder: Folder, tmp_path: Path) -> None:
    arguments = ("--session-timeout", "2")
    with start_image_server(folder.path, cache_dir=tmp_path, arguments=arguments) as server:
        port = server.ports["tcp"]
        with log_in(port) as busy, log_in(port) as idle:
            for each in (busy, idle):
                each.factory.detachOnDestroy()
            until = time.monotonic() + 15
            open_keys = {idle.key}
            while idle.key in open_keys and time.monotonic() < until:
                sessions = busy.factory.getSessionService().getMyOpenSessions()
                open_keys = {session.uuid.val for session in sessions}
                time.sleep(0.2)
            assert open_keys == {busy.key}


def test_glacier2_hands_out_its_own_session(
    glacier2: RunningRouter, server: RunningImageServer
) -> None:
    with log_in(glacier2.ports["ssl"], "ssl") as client:
        assert client.factory.ice_getIdentity().category == f"session-{client.client_id}"
        assert client.rows("select count(i) from Image i")[0][0] > 0
