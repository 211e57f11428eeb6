"""Faults between the application and its server: what clients hear, how soon, and the healing."""

import time
from collections.abc import Iterator

import pytest

from app import create_app
from app.settings import load_settings
from app.web import parts_of
from render.blitz.source import BlitzSource, Credentials, Endpoint
from render.deadline import Deadline
from tests.app.conftest import STACK, Gateway
from tests.app.test_routes import assert_is_error
from tests.support.proxy import FaultyProxy, faulty_proxy

#: Longer than any of this may take.
DEADLINE_S = 25


def soon() -> Deadline:
    return Deadline.after(20)


@pytest.fixture
def proxy(image_server) -> Iterator[FaultyProxy]:
    with faulty_proxy(image_server.port) as running:
        yield running


@pytest.fixture
def gateway(make_gateway, proxy: FaultyProxy) -> Gateway:
    return make_gateway(
        image_server_port=proxy.port,
        image_info_max_age_s=0,
        raw_tiles_max_bytes=0,
        request_deadline_s=DEADLINE_S,
    )


def fresh(gateway: Gateway, number: int) -> str:
    """Give the path of a picture that nobody asked for before."""
    return f"render_image/{gateway.ids[STACK]}/0/0/?c=1|{number}:999$FFFFFF"


def heals(gateway: Gateway, within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    number = 500
    while (response := gateway.get(fresh(gateway, number))).status_code != 200:
        assert_is_error(response, 503)
        assert time.monotonic() < until
        time.sleep(0.1)
        number += 1


def test_a_server_that_is_down_is_answered_at_once_and_seen_when_it_is_back(gateway, proxy):
    assert gateway.get(fresh(gateway, 0)).status_code == 200
    proxy.refuse()
    began = time.monotonic()
    for number in range(1, 20):
        response = gateway.get(fresh(gateway, number))
        assert_is_error(response, 503)
        assert 1 <= int(response.headers["Retry-After"]) <= 5
    assert time.monotonic() - began < 5
    assert parts_of(gateway.app).get().source.circuit == "open"
    proxy.heal()
    heals(gateway)
    assert parts_of(gateway.app).get().source.circuit == "closed"


def test_connections_that_break_are_made_anew_without_anybody_noticing(gateway, proxy):
    for number in range(4):
        proxy.drop()
        assert gateway.get(fresh(gateway, number)).status_code == 200
    proxy.cut_within_message()
    assert gateway.get(fresh(gateway, 9)).status_code == 200


@pytest.mark.slow
def test_a_connection_that_nothing_comes_through_is_replaced_before_the_deadline(gateway, proxy):
    assert gateway.get(fresh(gateway, 0)).status_code == 200
    proxy.swallow()
    proxy.heal()  # for new connections
    began = time.monotonic()
    assert gateway.get(fresh(gateway, 1)).status_code == 200
    assert time.monotonic() - began < DEADLINE_S / 2


@pytest.mark.slow
def test_a_network_that_swallows_everything_is_answered_before_the_deadline(gateway, proxy):
    assert gateway.get(fresh(gateway, 0)).status_code == 200
    proxy.swallow()
    began = time.monotonic()
    assert_is_error(gateway.get(fresh(gateway, 1)), 503)
    assert time.monotonic() - began < DEADLINE_S * 0.8
    began = time.monotonic()
    assert_is_error(gateway.get(fresh(gateway, 2)), 503)
    assert time.monotonic() - began < 2
    proxy.heal()
    heals(gateway)


def test_an_own_session_that_ends_on_the_server_is_opened_anew(gateway, image_server):
    assert gateway.get(fresh(gateway, 0)).status_code == 200
    (live,) = parts_of(gateway.app).get().source.pool.live_sessions()
    other = BlitzSource(Endpoint("127.0.0.1", image_server.port, "tcp"))
    other.log_out(live.key, soon())
    other.close()
    assert gateway.get(fresh(gateway, 1)).status_code == 200


@pytest.mark.slow
def test_an_outage_logs_nobody_out(image_server, proxy, tmp_path):
    owner = BlitzSource(Endpoint("127.0.0.1", image_server.port, "tcp"))
    session = owner.session(Credentials.login("local", "local"), soon())
    key = owner.pool.live_sessions()[0].key
    app = create_app(
        load_settings(
            env_file=None,
            omero_host="127.0.0.1",
            omero_port=proxy.port,
            omero_transport="tcp",
            cache_dir=tmp_path,
            image_info_max_age_s=0,
        )
    )

    def status() -> int:
        headers = {"X-OMERO-Session-Key": key}
        return app.test_client().get("/webgateway/proj/list/", headers=headers).status_code

    try:
        assert status() == 200
        proxy.refuse()
        assert {status() for _ in range(5)} == {503}
        proxy.heal()
        until = time.monotonic() + 10
        while (told := status()) != 200:
            assert told == 503 and time.monotonic() < until
            time.sleep(0.1)
        # A session that really ended is another matter.
        owner.log_out(key, soon())
        assert status() == 401
    finally:
        parts_of(app).close()
        owner.close()
    assert session is not None
