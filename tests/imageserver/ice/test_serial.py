"""The queue of a stateful object: one call at a time, and no thread parked for those that wait."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import SimpleNamespace

import pytest

from imageserver.calls import REQUEST_ID, note_request
from imageserver.serial import Serial
from render.blitz.slices import omero


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_an_idle_object_answers_at_once(executor: ThreadPoolExecutor) -> None:
    serial = Serial(executor)
    assert [serial.run(lambda: 5), serial.run(lambda: 6)] == [5, 6]


def test_calls_that_come_meanwhile_wait_without_a_thread(executor: ThreadPoolExecutor) -> None:
    serial = Serial(executor)
    go_on, running, order = threading.Event(), threading.Event(), []

    def slow() -> str:
        running.set()
        assert go_on.wait(10)
        order.append("slow")
        return "slow"

    results: list[str] = []
    first = threading.Thread(target=lambda: results.append(serial.run(slow)))
    first.start()
    assert running.wait(10)
    # These return while the first one is still at work, from this very thread.
    waiting = [serial.run(lambda i=i: order.append(i) or i) for i in range(50)]
    assert not any(future.done() for future in waiting)
    go_on.set()
    first.join(10)
    assert [future.result() for future in waiting] == list(range(50))
    assert order == ["slow", *range(50)]
    assert results == ["slow"]


@pytest.mark.parametrize(
    ("given", "logged"), [("a-request", "a-request"), ("a\nline", "-"), ("", "-")]
)
def test_an_error_reaches_its_caller_only_and_the_queue_goes_on(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture, given: str, logged: str
) -> None:
    serial = Serial(executor)
    go_on, running = threading.Event(), threading.Event()

    def slow() -> None:
        running.set()
        go_on.wait(10)

    first = threading.Thread(target=serial.run, args=(slow,))
    first.start()
    assert running.wait(10)
    context = {REQUEST_ID: given}
    in_call = copy_context()
    in_call.run(note_request, SimpleNamespace(ctx=context))
    failing = in_call.run(serial.run, lambda: 1 // 0)
    working = serial.run(lambda: 7)
    go_on.set()
    first.join(10)
    with pytest.raises(omero.InternalException):
        failing.result()
    assert f"a call for request {logged} failed" in caplog.text
    assert working.result() == 7
    with pytest.raises(ZeroDivisionError):
        serial.run(lambda: 1 // 0)
    assert serial.run(lambda: 8) == 8
