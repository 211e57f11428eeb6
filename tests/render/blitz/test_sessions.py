"""Sessions: logging in, joining, healing, bounds. Runs with and without gevent."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint
from render.errors import (
    DeadlineExceeded,
    NotAuthenticated,
    Overloaded,
    ServiceError,
    SourceNotReady,
    SourceUnavailable,
)
from render.values import PlaneIndex, Region
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import LOGIN, TinyServer, soon, tiny_info

TILE = Region(0, 0, 16, 16)


def side_by_side(count: int, work: Callable[[], object]) -> list[object]:
    """Run `work` `count` times at once; give the results, or the errors of ours."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except ServiceError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def read(session: BlitzSession, z: int = 0, deadline_s: float = 10.0) -> object:
    return session.read_region(tiny_info(), PlaneIndex(z, 0, 0), 0, TILE, soon(deadline_s))


def test_a_session_knows_its_user_and_the_servers_settings(session: BlitzSession) -> None:
    assert session.user(soon()).user_name == "tess"
    settings = session.server_settings(soon())
    assert settings.max_plane_width == 900
    assert settings.max_plane_height == 3192  # not told, so the default
    assert settings.client["viewer.initial_zoom_level"] == "2"


def test_simultaneous_first_requests_log_in_once(tiny: TinyServer, source: BlitzSource) -> None:
    slow = Credentials.login(tiny_server.SLOW_USER, tiny_server.PASSWORD)
    results = side_by_side(12, lambda: source.session(slow, soon()).user(soon()).user_name)
    assert results == ["tess"] * 12
    assert tiny.counters()["logins"] == 1


def test_waiting_for_somebody_elses_login_ends_with_the_deadline(source: BlitzSource) -> None:
    slow = Credentials.login(tiny_server.SLOW_USER, tiny_server.PASSWORD)
    opener = threading.Thread(target=lambda: source.session(slow, soon()))
    opener.start()
    time.sleep(0.1)
    with pytest.raises(DeadlineExceeded):
        source.session(slow, soon(0.1))
    opener.join()


def test_those_who_wait_for_a_login_share_its_failure(tiny: TinyServer) -> None:
    tiny.stop()
    source = BlitzSource(Endpoint("127.0.0.1", tiny.port, "tcp"))
    results = side_by_side(5, lambda: source.session(LOGIN, soon()))
    source.close()
    assert len(results) == 5
    assert all(isinstance(result, SourceUnavailable) for result in results)


def test_joining_detaches_before_leaving(tiny: TinyServer, source: BlitzSource) -> None:
    source.session(Credentials.join("some-key"), soon())
    assert tiny.counters()["detached"] == 1
    source.close()
    tiny.wait_for("sessions", 0)


def test_an_own_session_ends_with_the_source(tiny: TinyServer, source: BlitzSource) -> None:
    source.session(LOGIN, soon())
    assert tiny.counters()["sessions"] == 1
    source.close()
    tiny.wait_for("sessions", 0)
    assert tiny.counters()["detached"] == 0


@pytest.mark.parametrize(
    ("credentials", "kind", "retry_after_s"),
    [
        (Credentials.login("tess", "wrong"), NotAuthenticated, None),
        (Credentials.login(tiny_server.BUSY_USER, "x"), SourceNotReady, 4.0),
        (Credentials.login(tiny_server.FULL_USER, "x"), SourceUnavailable, 5.0),
    ],
)
def test_a_refused_login_says_why(
    source: BlitzSource, credentials: Credentials, kind: type, retry_after_s: float | None
) -> None:
    with pytest.raises(kind) as caught:
        source.session(credentials, soon())
    assert type(caught.value) is kind
    assert caught.value.retry_after_s == retry_after_s
    assert "x" not in (credentials.session_key,) and "wrong" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = BlitzSource(Endpoint("127.0.0.1", unused.getsockname()[1], "tcp"))
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match="refuses connections"):
            source.session(LOGIN, soon())
        assert time.monotonic() - started < 1
        source.close()


def test_a_server_that_accepts_and_says_nothing_ends_with_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        source = BlitzSource(Endpoint("127.0.0.1", mute.getsockname()[1], "tcp"))
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            source.session(LOGIN, soon(0.4))
        assert time.monotonic() - started < 0.8
        source.close()


def test_a_session_that_ended_on_the_server_is_opened_anew(
    tiny: TinyServer, session: BlitzSession
) -> None:
    read(session)
    with pytest.raises(SourceUnavailable):
        read(session, tiny_server.LEAVES_SESSION)  # ends each session it is read in
    read(session)
    assert tiny.counters()["logins"] == 3


def test_a_server_that_dies_under_a_request_heals_when_it_is_back(
    tiny: TinyServer, session: BlitzSession
) -> None:
    read(session)
    started = time.monotonic()
    with pytest.raises(SourceUnavailable):
        read(session, tiny_server.DIES)
    with pytest.raises(SourceUnavailable):
        read(session)
    assert time.monotonic() - started < 2
    tiny.stop()
    tiny.start()
    read(session)


def test_all_waiting_requests_fail_fast_when_the_server_dies(
    tiny: TinyServer, session: BlitzSession
) -> None:
    slow = threading.Thread(target=tiny.stop)
    waiting = side_by_side  # for the line below to be readable
    timer = threading.Timer(0.3, slow.start)
    timer.start()
    started = time.monotonic()
    results = waiting(5, lambda: read(session, tiny_server.SLOW))
    assert time.monotonic() - started < tiny_server.SLOW_S
    assert all(isinstance(result, SourceUnavailable) for result in results)
    slow.join()


def test_used_sessions_are_kept_alive(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(keep_alive_s=0.1)
    source.session(LOGIN, soon())
    time.sleep(0.5)
    assert tiny.counters()["kept_alive"] >= 2


def test_an_idle_session_is_closed_and_comes_back_when_used(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(session_idle_s=0.2, store_idle_s=0.1)
    session = source.session(LOGIN, soon())
    read(session)
    tiny.wait_for("sessions", 0)
    assert tiny.counters()["stores"] == 0
    read(session)
    assert tiny.counters()["logins"] == 2


def test_the_pool_of_sessions_is_bounded(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(sessions=3)
    for number in range(8):
        source.session(Credentials.join(f"key-{number}"), soon())
    tiny.wait_for("sessions", 3)


def test_sessions_in_use_are_not_closed_for_others(
    make_source: Callable[..., BlitzSource],
) -> None:
    source = make_source(sessions=1)
    session = source.session(LOGIN, soon())
    reader = threading.Thread(target=lambda: read(session, tiny_server.SLOW))
    reader.start()
    time.sleep(0.2)
    with pytest.raises(Overloaded):
        source.session(Credentials.join("key"), soon())
    reader.join()
    source.session(Credentials.join("key"), soon())


def test_a_connection_that_went_dead_without_a_sign_is_given_up(
    tiny: TinyServer, make_source: Callable[..., BlitzSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.blitz.pool._HOUSEKEEPING_TIMEOUT_S", 0.2)
    source = make_source(keep_alive_s=1)
    session = source.session(LOGIN, soon())
    (live,) = source.pool.live_sessions()
    with tiny.standing_still():
        with pytest.raises(DeadlineExceeded):
            read(session, deadline_s=0.2)
        until = time.monotonic() + 5
        while source.pool.live_sessions():
            assert time.monotonic() < until
            time.sleep(0.05)
    read(session)
    assert source.pool.live_sessions() != [live]


def test_a_slow_answer_costs_nobody_the_session(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(keep_alive_s=0.4)
    session = source.session(LOGIN, soon())
    with pytest.raises(DeadlineExceeded):
        read(session, tiny_server.SLOW, deadline_s=0.1)
    time.sleep(0.5)
    read(session)
    assert tiny.counters()["logins"] == 1
