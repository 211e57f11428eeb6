import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from cache import write_behind
from cache.file_cache import FileCache
from cache.write_behind import WriteBehind

WAIT_S = 20


@pytest.fixture
def cache(tmp_path):
    cache = FileCache(tmp_path / "cache")
    yield cache
    cache.close()


@pytest.fixture
def make_behind():
    made = []

    def make(*arguments):
        made.append(WriteBehind(*arguments))
        return made[-1]

    yield make
    for behind in made:
        behind.close()


class Gate:
    """Stands before a file cache and lets nothing be written until it is opened."""

    def __init__(self, cache):
        self.cache, self.may_write, self.steps = cache, threading.Event(), []
        self.entered = threading.Event()

    def set_many(self, values):
        self.entered.set()
        assert self.may_write.wait(WAIT_S)
        self.steps.append([key for key, _ in values])
        return self.cache.set_many(values)


class Steps:
    """Notes what is written in which step, and lets it be waited for."""

    def __init__(self):
        self.steps = queue.SimpleQueue()

    def set_many(self, values):
        self.steps.put([key for key, _ in values])
        return len(values)

    def next(self):
        return self.steps.get(timeout=WAIT_S)


def test_values_gather_until_somebody_waits_for_one(make_behind, monkeypatch):
    monkeypatch.setattr(write_behind, "GATHER_S", 3600)
    wanted = threading.Event()
    behind, steps = WriteBehind(10**6, is_wanted=wanted.is_set), Steps()
    for key in "abc":
        behind.put(steps, key, b"1")
        time.sleep(write_behind.LOOK_S)
    assert steps.steps.empty()
    wanted.set()
    assert steps.next() == ["a", "b", "c"]
    behind.put(steps, "d", b"1")
    assert steps.next() == ["d"]
    behind.close()


def test_much_is_not_left_waiting(make_behind, monkeypatch):
    monkeypatch.setattr(write_behind, "GATHER_S", 3600)
    behind, steps = make_behind(10**8), Steps()
    for number in range(write_behind.STEP_ENTRIES):
        behind.put(steps, f"small {number}", b"1")
    assert len(steps.next()) == write_behind.STEP_ENTRIES
    behind.put(steps, "large", bytes(write_behind.STEP_BYTES))
    assert steps.next() == ["large"]


def test_what_nobody_waits_for_is_written_all_the_same(make_behind):
    steps = Steps()
    make_behind(10**6).put(steps, "a", b"1")
    assert steps.next() == ["a"]


def test_what_is_put_is_found_at_once_and_written_soon(cache, make_behind):
    behind, gate = make_behind(10**6), Gate(cache)
    told = []
    assert behind.put(gate, "a", b"1", lambda: told.append(cache.get("a")))
    assert behind.put(gate, "b", b"2")
    assert behind.get(gate, "a") == b"1"
    assert behind.waiting(gate) == 2
    assert cache.get("a") is None
    gate.may_write.set()
    assert behind.flush(WAIT_S)
    assert [cache.get("a"), cache.get("b")] == [b"1", b"2"]
    assert told == [b"1"]
    assert behind.get(gate, "a") is None


def test_many_are_written_in_one_step(cache, make_behind):
    behind, gate = make_behind(10**6), Gate(cache)
    behind.put(gate, "first", b"x")
    for number in range(50):
        behind.put(gate, str(number), b"x")
    gate.may_write.set()
    assert behind.flush(WAIT_S)
    assert len(gate.steps) <= 2
    assert cache.stats().entries == 51


def test_more_than_the_bounds_is_dropped_and_counted(cache, make_behind):
    behind, gate = make_behind(100, 3), Gate(cache)
    told = []
    assert behind.put(gate, "a", bytes(60))
    assert not behind.put(gate, "b", bytes(60), lambda: told.append("b"))
    assert told == ["b"]
    assert behind.put(gate, "c", bytes(20))
    assert behind.put(gate, "d", bytes(20))
    assert not behind.put(gate, "e", b"x")
    assert behind.dropped(gate) == 2
    gate.may_write.set()
    assert behind.flush(WAIT_S)
    assert [key in cache for key in "abcde"] == [True, False, True, True, False]


def test_a_value_that_is_replaced_while_it_is_written_is_written_again(cache, make_behind):
    behind, gate = make_behind(10**6), Gate(cache)
    told = []
    behind.put(gate, "a", b"old", lambda: told.append("old"))
    assert gate.entered.wait(WAIT_S)
    behind.put(gate, "a", b"new", lambda: told.append("new"))
    assert told == ["old"]
    gate.may_write.set()
    assert behind.flush(WAIT_S)
    assert cache.get("a") == b"new"
    assert told == ["old", "new"]
    assert gate.steps == [["a"], ["a"]]


def test_close_writes_what_waits_and_takes_nothing_more(cache, make_behind):
    behind = make_behind(10**6)
    for number in range(200):
        behind.put(cache, str(number), b"x")
    behind.close()
    assert cache.stats().entries == 200
    assert not behind.put(cache, "late", b"x")


def test_a_folder_that_takes_nothing_ends_nothing(cache, make_behind, tmp_path):
    behind = make_behind(10**6)
    cache.close()
    told = []
    behind.put(cache, "a", b"x", lambda: told.append("a"))
    assert behind.flush(WAIT_S)
    behind.put(cache, "b", b"x", lambda: told.append("b"))
    assert behind.flush(WAIT_S)
    behind.close()
    assert told == ["a", "b"]


GEVENT = """
    from gevent import monkey
    monkey.patch_all()
    import sys, time
    import gevent
    from cache.file_cache import FileCache
    from cache.write_behind import WriteBehind

    cache, behind = FileCache(sys.argv[1]), WriteBehind(64 * 1024**2)
    gaps = []
    def heartbeat():
        while True:
            before = time.perf_counter()
            gevent.sleep(0.001)
            gaps.append(time.perf_counter() - before)
    beat = gevent.spawn(heartbeat)
    for number in range(600):
        assert behind.put(cache, f"key {number}", bytes(100_000 if number % 20 == 0 else 20_000))
        gevent.sleep(0.0005)
    behind.close(30)
    beat.kill()
    assert cache.stats().entries == 600, cache.stats()
    assert cache.stats().failures == 0
    cache.close()
    print(sorted(gaps)[len(gaps) // 2])
"""


@pytest.mark.slow
def test_the_event_loop_turns_while_much_is_written(tmp_path):
    code = textwrap.dedent(GEVENT)
    output = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert output.returncode == 0, output.stderr
    assert float(output.stdout) < 0.05


KILLED = """
    import sys
    from cache.file_cache import FileCache
    from cache.write_behind import WriteBehind

    cache, behind = FileCache(sys.argv[1]), WriteBehind(64 * 1024**2)
    behind.put(cache, "first", b"x")
    behind.flush(20)
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        behind.put(cache, f"key {number % 50}", number.to_bytes(4, "big") * 20_000)
"""


def test_a_kill_loses_no_more_than_what_waits(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    cache = FileCache(tmp_path)
    assert cache.get("first") == b"x"
    for number in range(50):
        value = cache.get(f"key {number}")
        assert value is None or value == value[:4] * 20_000
    assert cache.stats().failures == 0
    cache.close()
