"""Pictures in Redis, between hosts, and life without it."""

import logging
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from cache import redis_tier
from cache.redis_tier import RedisTier
from tests.support.servers import start_redis

WAIT_S = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start_redis(tmp_path_factory.mktemp("redis")) as (port, process):
        yield f"redis://127.0.0.1:{port}/0", process


@pytest.fixture
def make_tier(server, monkeypatch):
    monkeypatch.setattr(redis_tier, "FIRST_LOOK_S", 0.05)
    made = []

    def make(timeout_s=60.0, **options):
        made.append(RedisTier(server[0], timeout_s, **options))
        return made[-1]

    yield make
    for tier in made:
        tier.close()


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_one_host_keeps_another_finds_until_its_time_is_over(make_tier):
    first, second, brief = make_tier(patience_s=5), make_tier(patience_s=5), make_tier(0.05)
    first.put("a/1/x", bytes(range(256)))
    brief.put("a/1/brief", b"x")
    assert first.flush(WAIT_S) and brief.flush(WAIT_S)
    assert second.get("a/1/x") == bytes(range(256))
    assert second.get("a/1/y") is None
    assert (second.hits, second.misses, first.stored) == (1, 1, 1)
    until(lambda: second.get("a/1/brief") is None)


def test_what_is_below_a_key_goes_and_nothing_else(make_tier):
    tier = make_tier(patience_s=5)
    for key in ("img/1*/x", "img/1*/y", "img/1*", "img/12/x", "img/10/x"):
        tier.put(key, b"x")
    assert tier.flush(WAIT_S)
    assert tier.delete_below("img/1*") == 2
    assert [tier.get(k) for k in ("img/1*/x", "img/12/x", "img/1*")] == [None, b"x", b"x"]


@pytest.mark.parametrize("letter", "*?[]^\\-")
def test_no_letter_of_a_key_stands_for_others(make_tier, letter):
    tier = make_tier(patience_s=5)
    keys = [f"a{letter}b/x", "a.b/x", "ab/x"]
    for key in keys:
        tier.put(key, b"x")
    assert tier.flush(WAIT_S)
    assert tier.delete_below(f"a{letter}b") == 1
    assert [tier.get(key) for key in keys] == [None, b"x", b"x"]


def test_too_large_or_too_much_is_dropped_and_counted(make_tier, monkeypatch):
    tier = make_tier(patience_s=5)
    tier.put("large", bytes(redis_tier.MAX_VALUE_BYTES + 1))
    monkeypatch.setattr(redis_tier, "MAX_WAITING_BYTES", 10)
    tier.put("much", bytes(11))
    assert tier.dropped == 2


def test_redis_that_hangs_is_waited_for_once_and_used_again_when_it_goes_on(
    make_tier, server, caplog
):
    caplog.set_level(logging.INFO)
    tier, process = make_tier(patience_s=0.2), server[1]
    tier.put("kept", b"x")
    assert tier.flush(WAIT_S)
    process.send_signal(signal.SIGSTOP)
    try:
        assert tier.get("kept") is None
        assert not tier.is_usable
        # The thread that looks for it waits by itself; nobody else does.
        began = time.monotonic()
        for _ in range(1000):
            assert tier.get("kept") is None
            tier.put("new", b"x")
        assert time.monotonic() - began < 1
    finally:
        process.send_signal(signal.SIGCONT)
    until(lambda: tier.is_usable)
    assert tier.get("kept") == b"x"
    ours = [record for record in caplog.records if record.name == redis_tier.__name__]
    assert [record.levelname for record in ours] == ["WARNING", "INFO"]


def test_redis_that_is_not_there_costs_nothing():
    tier = RedisTier("redis://127.0.0.1:1/0", 60)
    began = time.monotonic()
    for number in range(1000):
        assert tier.get(str(number)) is None
        tier.put(str(number), b"x")
    assert time.monotonic() - began < 5
    assert tier.failures >= 1
    tier.close()


GEVENT = """
    from gevent import monkey
    monkey.patch_all()
    import os, signal, sys, time
    import gevent
    from cache.redis_tier import RedisTier

    url, process = sys.argv[1], int(sys.argv[2])
    tier = RedisTier(url, 60, patience_s=1)
    tier.put("gevent", b"x")
    assert tier.flush(20)
    ticks = []
    def tick():
        while True:
            ticks.append(1)
            gevent.sleep(0.01)
    gevent.spawn(tick)
    os.kill(process, signal.SIGSTOP)
    try:
        gevent.joinall([gevent.spawn(tier.get, "gevent") for _ in range(40)], timeout=10)
    finally:
        os.kill(process, signal.SIGCONT)
    assert len(ticks) > 20, len(ticks)
    assert not tier.is_usable
    with gevent.Timeout(20):
        while not tier.is_usable:
            gevent.sleep(0.05)
    assert tier.get("gevent") == b"x"
    tier.close()
"""


@pytest.mark.slow
def test_the_event_loop_turns_while_redis_is_waited_for(server):
    url, process = server
    code = [sys.executable, "-c", textwrap.dedent(GEVENT), url, str(process.pid)]
    output = subprocess.run(code, capture_output=True, text=True, timeout=60)
    assert output.returncode == 0, output.stderr
