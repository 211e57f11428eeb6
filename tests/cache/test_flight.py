import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cache.flight import FlightTimeout, SingleFlight


class Missing(Exception):
    pass


class OwnDeadline(Exception):
    pass


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


def wait_until(condition, within_s=5.0):
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "this did not happen in time"
        time.sleep(0.002)


class Production:
    """A slow thing to make that counts how often it is made and lets the test say when it ends."""

    def __init__(self, result="value"):
        self.calls = 0
        self.started = threading.Event()
        self.may_end = threading.Event()
        self.result = result

    def __call__(self):
        self.calls += 1
        self.started.set()
        assert self.may_end.wait(10)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_thirty_callers_cause_one_production(pool):
    flight, production = SingleFlight(), Production()
    futures = [pool.submit(flight.do, "key", production, 10) for _ in range(30)]
    assert production.started.wait(5)
    assert flight.in_flight() == 1
    production.may_end.set()
    assert [future.result(10) for future in futures] == ["value"] * 30
    assert production.calls == 1
    assert flight.in_flight() == 0


def test_whoever_is_wanted_no_more_stops_waiting_and_harms_nobody(pool):
    flight, production = SingleFlight(), Production()
    leading = pool.submit(flight.do, "key", production, 10)
    assert production.started.wait(5)

    def unwanted():
        raise Missing

    with pytest.raises(Missing):
        flight.do("key", production, 10, unwanted)
    waiting = pool.submit(flight.do, "key", production, 10)
    production.may_end.set()
    assert [leading.result(10), waiting.result(10)] == ["value"] * 2
    assert (production.calls, flight.in_flight()) == (1, 0)


def test_other_keys_do_not_wait(pool):
    flight, slow = SingleFlight(), Production()
    future = pool.submit(flight.do, "slow", slow, 10)
    assert slow.started.wait(5)
    assert flight.do("quick", lambda: "at once", 1) == "at once"
    slow.may_end.set()
    assert future.result(10) == "value"


def test_each_waiter_hears_of_the_error(pool):
    flight, production = SingleFlight(), Production(Missing("no such image"))
    futures = [pool.submit(flight.do, "key", production, 10) for _ in range(10)]
    assert production.started.wait(5)
    time.sleep(0.05)
    production.may_end.set()
    for future in futures:
        assert isinstance(future.exception(10), Missing)
    assert production.calls == 1


def test_an_error_is_not_remembered():
    flight = SingleFlight()
    with pytest.raises(ZeroDivisionError):
        flight.do("key", lambda: 1 // 0, 1)
    assert flight.do("key", lambda: 1, 1) == 1


def test_a_waiter_takes_over_when_the_error_was_the_producers_own(pool):
    flight = SingleFlight(own_errors=(OwnDeadline,))
    first, second = Production(OwnDeadline()), Production("second")
    leader = pool.submit(flight.do, "key", first, 10)
    assert first.started.wait(5)
    waiters = [pool.submit(flight.do, "key", second, 10) for _ in range(5)]
    time.sleep(0.05)
    first.may_end.set()
    assert isinstance(leader.exception(10), OwnDeadline)
    assert second.started.wait(5)
    second.may_end.set()
    assert [future.result(10) for future in waiters] == ["second"] * 5
    assert second.calls == 1


def test_a_waiter_takes_over_when_the_producer_is_killed(pool):
    flight = SingleFlight()

    class Killed(BaseException):
        pass

    started, may_end = threading.Event(), threading.Event()

    def dies():
        started.set()
        may_end.wait(10)
        raise Killed

    leader = pool.submit(flight.do, "key", dies, 10)
    assert started.wait(5)
    waiter = pool.submit(flight.do, "key", lambda: "alive", 10)
    time.sleep(0.05)
    may_end.set()
    assert waiter.result(10) == "alive"
    assert isinstance(leader.exception(10), Killed)


def test_waiting_ends_at_the_callers_own_time(pool):
    flight, production = SingleFlight(), Production()
    leader = pool.submit(flight.do, "key", production, 10)
    assert production.started.wait(5)
    began = time.monotonic()
    with pytest.raises(FlightTimeout):
        flight.do("key", production, 0.1)
    assert 0.08 < time.monotonic() - began < 2
    production.may_end.set()
    assert leader.result(10) == "value"
    assert production.calls == 1


def test_none_is_a_value_like_any_other(pool):
    flight, production = SingleFlight(), Production(None)
    futures = [pool.submit(flight.do, "key", production, 10) for _ in range(3)]
    assert production.started.wait(5)
    wait_until(lambda: flight.in_flight() == 1)
    production.may_end.set()
    assert [future.result(10) for future in futures] == [None] * 3
