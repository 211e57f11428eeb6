import multiprocessing
import os
import random
import signal
import threading
import time
import zlib
from collections import OrderedDict

import pytest

from cache.shared_memory import SharedMemory

FORK = multiprocessing.get_context("fork")
MIB = 1024**2
WAIT_S = 60


@pytest.fixture
def make_memory():
    made = []

    def make(max_bytes=MIB):
        made.append(SharedMemory(max_bytes))
        return made[-1]

    yield make
    for memory in made:
        memory.close()


def in_child(action, *arguments):
    """Run an action in a forked process; it passes when that one ends well."""
    child = FORK.Process(target=action, args=arguments, daemon=True)
    child.start()
    child.join(60)
    assert child.exitcode == 0


def test_what_one_process_keeps_others_find(make_memory):
    memory = make_memory()

    def child():
        assert memory.get("from the parent") == b"head" + b"x" * 1000
        assert memory.set("from the child", b"y" * 1000)

    assert memory.set("from the parent", b"head", memoryview(b"x" * 1000))
    in_child(child)
    assert memory.get("from the child") == b"y" * 1000
    assert memory.get("from nobody") is None
    assert memory.has("from the child") and not memory.has("from nobody")
    stats = memory.stats()
    assert (stats.entries, stats.size_bytes) == (2, 2004)
    assert (stats.hits, stats.misses, stats.stored, stats.refused) == (1, 1, 1, 0)


def test_a_new_value_replaces_the_old_one(make_memory):
    memory = make_memory()
    memory.set("a", b"1" * 1000)
    memory.set("a", b"2" * 10)
    assert memory.get("a") == b"2" * 10
    assert memory.stats().entries == 1
    memory.clear()
    assert memory.get("a") is None


def test_a_value_that_would_push_out_most_others_is_refused(make_memory):
    memory = make_memory()
    assert not memory.set("a", bytes(MIB // 8 + 1))
    assert memory.set("a", bytes(MIB // 8))
    assert not memory.set("empty", b"")
    assert memory.stats().refused == 2


def test_the_bound_is_kept_and_what_is_asked_for_stays(make_memory):
    memory = make_memory()
    memory.set("asked for", b"x" * 30_000)
    for number in range(300):
        memory.set(str(number), number.to_bytes(4, "big") * 7500)
        if number % 8 == 0:
            assert memory.get("asked for") == b"x" * 30_000
    stats = memory.stats()
    assert 28 <= stats.entries <= 34
    assert stats.size_bytes <= MIB
    assert memory.get("299") == (299).to_bytes(4, "big") * 7500
    assert memory.get("0") is None


def test_values_of_any_size_are_right_or_not_there(make_memory):
    memory, known = make_memory(), OrderedDict()
    chooser = random.Random(5)
    found = 0
    for _ in range(1500):
        key = str(chooser.randrange(100))
        if chooser.random() < 0.5:
            value = chooser.randbytes(chooser.randrange(1, 60_000))
            assert memory.set(key, value)
            known[key] = value
        else:
            value = memory.get(key)
            assert value is None or value == known[key]
            found += value is not None
    assert found > 100
    stats = memory.stats()
    assert stats.size_bytes <= MIB


def sealed(key, chooser):
    body = key.encode() + chooser.randbytes(chooser.randrange(1000, 100_000))
    return zlib.crc32(body).to_bytes(4, "big") + body


def is_whole(key, value):
    return value[4:].startswith(key.encode()) and zlib.crc32(value[4:]) == int.from_bytes(
        value[:4], "big"
    )


def work(memory, seed):
    """Write and read for ever, and end at the first value that is not what it should be."""
    chooser = random.Random(seed)
    while True:
        key = f"key {chooser.randrange(60):02}"
        value = memory.get(key)
        if value is None or chooser.random() < 0.3:
            memory.set(key, sealed(key, chooser))
        elif not is_whole(key, value):
            os._exit(3)


@pytest.mark.slow
def test_processes_that_are_killed_leave_no_torn_value_and_no_lock(make_memory):
    memory = make_memory()
    chooser = random.Random(1)
    steady = FORK.Process(target=work, args=(memory, -1), daemon=True)
    steady.start()
    for seed in range(100):
        child = FORK.Process(target=work, args=(memory, seed), daemon=True)
        child.start()
        time.sleep(chooser.uniform(0.001, 0.02))
        assert child.is_alive(), "a torn value"
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        key = f"key {seed % 60:02}"
        value = memory.get(key)
        assert value is None or is_whole(key, value)
    until = time.monotonic() + 20
    while not memory.set("still", b"usable"):
        assert time.monotonic() < until, "a process that was killed holds the lock"
    assert steady.is_alive(), "a torn value"
    steady.kill()
    steady.join()


def test_whoever_finds_the_memory_taken_goes_without(make_memory):
    memory = make_memory()
    memory.set("a", b"x")
    taken, done = FORK.Event(), FORK.Event()

    def hold():
        with memory._locked() as is_ours:
            assert is_ours
            taken.set()
            done.wait(60)

    child = FORK.Process(target=hold, daemon=True)
    child.start()
    assert taken.wait(20)
    assert memory.get("a") is None
    assert not memory.set("b", b"x")
    done.set()
    child.join()
    assert memory.get("a") == b"x"


def test_threads_share_it(make_memory):
    memory, faults = make_memory(), []

    def use(seed):
        chooser = random.Random(seed)
        for _ in range(300):
            key = f"key {chooser.randrange(30):02}"
            value = memory.get(key)
            if value is None:
                memory.set(key, sealed(key, chooser))
            elif not is_whole(key, value):
                faults.append(key)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert memory.stats().entries == 30 or memory.stats().size_bytes > MIB // 2


def test_many_values_at_a_time(make_memory, monkeypatch):
    monkeypatch.setattr("cache.shared_memory.AT_A_TIME_BYTES", 3000)
    memory = make_memory()
    values = {str(number): bytes([number]) * 1000 for number in range(10)}
    huge = ("huge", (bytes(MIB // 8 + 1),))
    kept = memory.set_many(
        [huge, *((key, (value[:7], value[7:])) for key, value in values.items())]
    )
    assert kept == 10
    assert memory.get_many(["huge", *values, "missing"]) == [None, *values.values(), None]
    assert memory.get_many([]) == []
    stats = memory.stats()
    assert (stats.hits, stats.misses, stats.stored, stats.refused) == (10, 2, 10, 1)


def test_how_far_the_ring_is_used_never_goes_back_not_even_for_a_moment(make_memory):
    # A writer that is killed in such a moment would have others take old places for good ones.
    memory = make_memory()

    def write():
        while True:
            memory._put(b"a" * 16, (b"x",), 1)

    writer = FORK.Process(target=write, daemon=True)
    writer.start()
    try:
        farthest, until = 0, time.monotonic() + WAIT_S
        while farthest < 64 * 50_000:
            head = memory._head()
            assert head >= farthest
            farthest = head
            assert time.monotonic() < until
    finally:
        writer.kill()
        writer.join()
