import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from cache.flight import FlightTimeout
from cache.turns import Turns

WAIT_S = 20


@pytest.fixture
def make_turns(tmp_path):
    made = []

    def make(path=None):
        made.append(Turns(path or tmp_path / "turns"))
        return made[-1]

    yield make
    for turns in made:
        turns.close()


def test_one_has_the_turn_of_a_key_until_it_ends_it(make_turns):
    first, second = make_turns(), make_turns()
    end = first.take("a", 0)
    second.take("b", 0)
    for turns in (first, second):
        with pytest.raises(FlightTimeout):
            turns.take("a", 0.01)
    end()
    end_second = second.take("a", 0)
    end()
    with pytest.raises(FlightTimeout):
        first.take("a", 0)
    end_second()
    first.take("a", 0)


def test_ending_a_turn_twice_does_not_end_that_of_the_next_one(make_turns):
    turns, other = make_turns(), make_turns()
    end = turns.take("a", 0)
    end()
    turns.take("a", 0)
    end()
    for one in (turns, other):
        with pytest.raises(FlightTimeout):
            one.take("a", 0)


def test_whoever_waits_comes_on_when_the_turn_ends(make_turns):
    first, second = make_turns(), make_turns()
    end = first.take("a", 0)
    came = threading.Event()

    def wait():
        second.take("a", WAIT_S)
        came.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not came.wait(0.05)
    end()
    assert came.wait(WAIT_S)
    waiting.join()


def test_that_somebody_waits_is_known_to_the_others(make_turns):
    holder, waiting, other = make_turns(), make_turns(), make_turns()
    end = holder.take("a", 0)
    waiters = [threading.Thread(target=waiting.take, args=(key, WAIT_S)) for key in ("a", "b")]
    assert not holder.are_awaited()
    waiters[0].start()
    until = time.monotonic() + WAIT_S
    while not holder.are_awaited():
        assert time.monotonic() < until
        time.sleep(0.001)
    assert other.are_awaited()
    waiters[1].start()
    waiters[1].join()
    assert holder.are_awaited()
    end()
    waiters[0].join()
    assert not holder.are_awaited()
    assert not other.are_awaited()
    with pytest.raises(FlightTimeout):
        holder.take("a", 0.002)
    assert not other.are_awaited()


def test_the_folder_of_the_file_is_made(make_turns, tmp_path):
    path = tmp_path / "not there" / "turns"
    make_turns(path).take("a", 0)
    with pytest.raises(FlightTimeout):
        make_turns(path).take("a", 0)


def test_closing_ends_all_turns(make_turns):
    first, second = make_turns(), make_turns()
    first.take("a", 0)
    first.close()
    second.take("a", 0)


def test_without_a_usable_file_everybody_has_a_turn(make_turns, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    first, second = make_turns(tmp_path / "file" / "turns"), make_turns(tmp_path / "file" / "turns")
    first.take("a", 0)
    second.take("a", 0)()
    assert not first.are_awaited()


HOLDER = """
    import sys, time
    from cache.turns import Turns
    turns = Turns(sys.argv[1])
    turns.take("a", 0)
    print("holds", flush=True)
    time.sleep(100)
"""


def test_the_turn_of_a_process_that_is_killed_ends(make_turns, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path / "turns")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"holds\n"
    turns = make_turns()
    with pytest.raises(FlightTimeout):
        turns.take("a", 0.05)
    os.kill(holder.pid, signal.SIGKILL)
    turns.take("a", WAIT_S)
    holder.wait()
    holder.stdout.close()


COUNTING = """
    from gevent import monkey
    monkey.patch_all()
    import sys, time
    import gevent
    from cache.turns import Turns

    turns, path = Turns(sys.argv[1]), sys.argv[2]
    ticks = []
    def tick():
        while True:
            ticks.append(1)
            gevent.sleep(0.002)
    ticking = gevent.spawn(tick)
    for _ in range(40):
        end = turns.take("a", 60)
        with open(path) as file:
            count = int(file.read())
        gevent.sleep(0.001)
        with open(path, "w") as file:
            file.write(str(count + 1))
        end()
    ticking.kill()
    assert len(ticks) > 20
"""


@pytest.mark.slow
def test_processes_exclude_each_other_and_their_loops_turn(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    command = [sys.executable, "-c", textwrap.dedent(COUNTING), str(tmp_path / "turns"), str(count)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    until = time.monotonic() + 100
    for process in processes:
        assert process.wait(until - time.monotonic()) == 0
    assert count.read_text() == "120"
