"""The circuit breaker: when it opens, what it lets through, and that it heals."""

import threading
import time

import pytest

from render.blitz.breaker import Breaker
from render.blitz.errors import ConnectionLost, Unreachable
from render.errors import DeadlineExceeded, NotAuthenticated, ServiceError, SourceUnavailable

PAUSE_S = 0.2


def raising(error: ServiceError):
    def attempt() -> None:
        raise error

    return attempt


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unreachable):
            breaker.run(raising(Unreachable("down")))


def never() -> None:
    raise AssertionError("the attempt was made")


def test_some_failures_in_a_row_open_it_and_the_answer_says_when_to_come_back() -> None:
    breaker = Breaker(3, PAUSE_S)
    fail(breaker, 2)
    assert breaker.state == "closed"
    assert breaker.run(lambda: 5) == 5
    fail(breaker, 3)
    assert breaker.state == "open"
    with pytest.raises(SourceUnavailable) as caught:
        breaker.run(never)
    assert caught.value.retry_after_s == 1.0


def test_a_single_failure_that_took_long_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render.blitz.breaker._LONG_S", 0.01)
    breaker = Breaker(3, PAUSE_S)

    def hang() -> None:
        time.sleep(0.02)
        raise DeadlineExceeded("no answer")

    with pytest.raises(DeadlineExceeded):
        breaker.run(hang)
    assert breaker.state == "open"


def test_one_probe_decides_and_the_others_are_refused_meanwhile() -> None:
    breaker = Breaker(1, PAUSE_S)
    fail(breaker, 1)
    time.sleep(PAUSE_S)
    assert breaker.state == "half-open"
    entered, leave = threading.Event(), threading.Event()

    def probe() -> None:
        entered.set()
        leave.wait(10)

    prober = threading.Thread(target=lambda: breaker.run(probe))
    prober.start()
    assert entered.wait(10)
    with pytest.raises(SourceUnavailable):
        breaker.run(never)
    leave.set()
    prober.join()
    assert breaker.state == "closed"


def test_a_probe_that_fails_opens_it_again() -> None:
    breaker = Breaker(3, PAUSE_S)
    fail(breaker, 3)
    time.sleep(PAUSE_S)
    with pytest.raises(ConnectionLost):
        breaker.run(raising(ConnectionLost("cut")))
    assert breaker.state == "open"


def test_a_refusal_is_an_answer_and_a_killed_probe_leaves_room_for_the_next() -> None:
    breaker = Breaker(1, PAUSE_S)
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            breaker.run(raising(NotAuthenticated("wrong")))
    assert breaker.state == "closed"
    fail(breaker, 1)
    time.sleep(PAUSE_S)

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaker.run(killed)
    with pytest.raises(NotAuthenticated):
        breaker.run(raising(NotAuthenticated("wrong")))
    assert breaker.state == "closed"
    assert breaker.run(lambda: 5) == 5
    assert breaker.state == "closed"
