"""Those who stop waiting, and connections that fall silent. Runs with and without gevent."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint, Limits
from render.deadline import Asker, Deadline
from render.errors import ClientGone, DeadlineExceeded, SourceUnavailable
from render.values import PlaneIndex, Region
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import LOGIN, TinyServer, soon, tiny_info
from tests.render.blitz.test_sessions import side_by_side
from tests.support.proxy import faulty_proxy

TILE = Region(0, 0, 16, 16)


def read(session: BlitzSession, z: int, deadline: Deadline) -> object:
    return session.read_region(tiny_info(), PlaneIndex(z, 0, 0), 0, TILE, deadline)


def leaving(gone: Callable[[], bool]) -> Deadline:
    return Deadline.after(20, Asker("somebody", gone))


def test_a_client_that_hangs_up_leaves_the_queue_for_a_store(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(stores_per_session=1).session(LOGIN, soon())
    gone = threading.Event()
    reader = threading.Thread(target=lambda: read(session, tiny_server.SLOW, soon()))
    reader.start()
    time.sleep(0.2)
    timer = threading.Timer(0.2, gone.set)
    timer.start()
    results = side_by_side(5, lambda: read(session, 0, leaving(gone.is_set)))
    assert reader.is_alive()  # the one store was not free meanwhile
    assert [type(result) for result in results] == [ClientGone] * 5
    reader.join()
    read(session, 0, soon())
    assert tiny.counters()["most_stores"] == 1


def test_a_read_that_is_under_way_is_finished_and_keeps_its_store(
    tiny: TinyServer, session: BlitzSession
) -> None:
    read(session, 0, soon())
    read(session, tiny_server.SLOW, leaving(lambda: True))
    read(session, 0, soon())
    counters = tiny.counters()
    assert (counters["stores"], counters["most_stores"], counters["logins"]) == (1, 1, 1)


def test_a_login_goes_on_without_the_one_who_asked_for_it(
    tiny: TinyServer, source: BlitzSource
) -> None:
    slow = Credentials.login(tiny_server.SLOW_USER, tiny_server.PASSWORD)
    with pytest.raises(DeadlineExceeded):
        source.session(slow, soon(0.1))
    asked = []

    def gone() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(ClientGone):
        source.session(slow, leaving(gone))
    source.session(slow, soon())
    assert tiny.counters()["logins"] == 1


def test_a_login_that_ends_after_its_place_was_given_up_is_closed(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(sessions=1)
    slow = Credentials.login(tiny_server.SLOW_USER, tiny_server.PASSWORD)
    with pytest.raises(DeadlineExceeded):
        source.session(slow, soon(0.1))
    source.session(LOGIN, soon())
    tiny.wait_for("logins", 2)
    tiny.wait_for("sessions", 1)


@pytest.mark.slow
def test_a_silent_connection_is_given_up_before_the_deadline(
    tiny: TinyServer, make_source: Callable[..., BlitzSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.blitz.pool._PING_TIMEOUT_S", 0.3)
    source = make_source(silence_s=0.4, connect_timeout_s=0.5)
    session = source.session(LOGIN, soon())
    with tiny.standing_still():
        started = time.monotonic()
        with pytest.raises(SourceUnavailable):
            read(session, 0, soon(20))
        assert time.monotonic() - started < 10
    until = time.monotonic() + 10
    while True:
        try:
            read(session, 0, soon())
            break
        except SourceUnavailable:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_slow_answer_is_no_silence(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(silence_s=0.2).session(LOGIN, soon())
    read(session, tiny_server.SLOW, soon())
    assert tiny.counters()["logins"] == 1


def test_one_dead_connection_is_replaced_while_the_server_is_well(
    tiny: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.blitz.pool._PING_TIMEOUT_S", 0.3)
    with faulty_proxy(tiny.port) as proxy:
        source = BlitzSource(Endpoint("127.0.0.1", proxy.port, "tcp"), Limits(silence_s=0.4))
        session = source.session(LOGIN, soon())
        read(session, 0, soon())
        proxy.swallow()
        proxy.heal()  # for new connections
        started = time.monotonic()
        read(session, 0, soon(20))
        assert time.monotonic() - started < 10
        assert source.circuit == "closed"
        source.close()
    tiny.wait_for("sessions", 0)


def test_an_answer_that_is_cut_off_is_asked_for_again(tiny: TinyServer) -> None:
    with faulty_proxy(tiny.port) as proxy:
        source = BlitzSource(Endpoint("127.0.0.1", proxy.port, "tcp"))
        session = source.session(LOGIN, soon())
        proxy.cut_within_message()
        region = Region(0, 0, 200, 200)
        tile = session.read_region(tiny_info(), PlaneIndex(0, 0, 0), 0, region, soon())
        np.testing.assert_array_equal(tile, tiny_server.plane(0, 0, 0, 0)[:200, :200])
        assert tiny.counters()["logins"] == 2
        source.close()
    tiny.wait_for("stores", 0)


def test_a_server_that_is_down_is_tried_now_and_then_and_seen_when_it_is_back(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(failures=2, pause_s=0.3)
    tiny.stop()
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="refuses connections"):
            source.check(soon())
    assert source.circuit == "open"
    with pytest.raises(SourceUnavailable, match="tried again soon"):
        source.session(LOGIN, soon())
    tiny.start()
    time.sleep(0.3)
    assert source.circuit == "half-open"
    source.check(soon())
    assert source.circuit == "closed"
    source.session(LOGIN, soon())
