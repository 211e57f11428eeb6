"""Turns in the order of asking."""

import threading
import time

import pytest

from app.downloads.turns import Turns
from render.deadline import Asker, Deadline
from render.errors import ClientGone, DeadlineExceeded


def soon() -> Deadline:
    return Deadline.after(20)


def test_those_who_come_back_at_once_do_not_overtake():
    turns, taken = Turns(1), []

    def work(name: int) -> None:
        for _ in range(5):
            with turns.take(soon()):
                taken.append(name)
                time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    with turns.take(soon()):
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert taken == [0, 1, 2] * 5


def test_no_more_than_that_many_have_a_turn():
    turns, at_once, most = Turns(3), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        for _ in range(20):
            with turns.take(soon()):
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                time.sleep(0.001)
                with lock:
                    at_once -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_who_gives_up_waiting_takes_no_turn_along():
    turns = Turns(1)
    gone = Asker("v", lambda: True)
    with turns.take(soon()):
        with pytest.raises(DeadlineExceeded), turns.take(Deadline.after(0.05)):
            pass
        with pytest.raises(ClientGone), turns.take(Deadline.after(20, gone)):
            pass
    with turns.take(Deadline.after(1)):
        pass
