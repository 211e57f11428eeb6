"""Rates of requests: how buckets empty and fill, and what too many of an address are told."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from app.identity.given import address_of
from app.operations.rate_limits import TokenBuckets, _network
from app.settings import load_settings


def test_a_bucket_gives_its_burst_and_then_so_much_a_second():
    now_s = 100.0
    buckets = TokenBuckets(2.0, 4, clock=lambda: now_s)
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.take("b") == 0
    now_s += 0.25
    assert buckets.take("a") == 0.25
    now_s += 0.25
    # What was refused has cost nothing.
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5
    now_s += 1000
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_without_a_rate_nothing_is_refused():
    buckets = TokenBuckets(0.0, 1)
    assert not any(buckets.take("a") for _ in range(100))


def test_addresses_of_one_customer_share_a_bucket():
    assert _network("192.0.2.7") != _network("192.0.2.8")
    assert _network("2001:db8:0:1::7") == _network("2001:db8:0:1:ffff::8")
    assert _network("2001:db8:0:1::7") != _network("2001:db8:0:2::7")
    assert _network("::ffff:192.0.2.7") == _network("192.0.2.7")
    assert _network("") == ""


@pytest.mark.without_nginx("says itself who is connected")
def test_too_many_requests_of_an_address_are_answered_429(make_gateway):
    gateway = make_gateway(address_requests_per_s=0.01, requests_burst=20)
    path = f"render_thumbnail/{gateway.ids['flat.png']}/"
    asked = {"X-Forwarded-For": "203.0.113.9"}
    statuses = [gateway.get(path, headers=asked).status_code for _ in range(20)]
    assert statuses == [200] * 20
    answer = gateway.get(path, headers=asked)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 100
    assert answer.get_json()["type"] == "too-many-requests"
    assert "address_requests_per_s" in answer.get_json()["detail"]
    # Whoever sits elsewhere, and who watches over the service.
    assert gateway.get(path, headers={"X-Forwarded-For": "203.0.113.10"}).status_code == 200
    for address in ("/healthz", "/readyz", "/metrics"):
        assert gateway.client.get(address, headers=asked).status_code != 429


@pytest.mark.without_nginx("says itself who is connected")
def test_a_client_of_the_outside_cannot_take_another_name(make_gateway):
    gateway = make_gateway(address_requests_per_s=0.01, requests_burst=20)
    # Not even one near by, unless it is a proxy of ours.
    peer = {"REMOTE_ADDR": "192.168.7.8"}
    statuses = [
        gateway.get("luts/", headers={"X-Forwarded-For": f"203.0.113.{n}"}, environ_base=peer)
        for n in range(21)
    ]
    assert [answer.status_code for answer in statuses] == [200] * 20 + [429]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        # What the client wrote itself stands before what the proxy added.
        ("127.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("10.0.0.3", "203.0.113.9", "10.0.0.3"),
        ("8.8.8.8", "203.0.113.9", "8.8.8.8"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, ", "127.0.0.1"),
    ],
)
def test_who_is_taken_for_the_client(peer, told, client):
    proxies = load_settings(env_file=None, trusted_proxies=["127.0.0.0/8", "10.0.0.2"])
    headers = {} if told is None else {"X-Forwarded-For": told}
    asked = Request(
        EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ()
    )
    assert address_of(asked, proxies.trusted_proxies) == client


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://other.example.org"}])
def test_by_default_nobody_is_counted(gateway, headers):
    assert {gateway.get("luts/", headers=headers).status_code for _ in range(400)} == {200}
