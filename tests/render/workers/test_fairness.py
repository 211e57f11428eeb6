"""Viewers take turns in the queue for a rendering thread, and those who left make room."""

import threading
import time
from collections.abc import Callable

import pytest

from render.deadline import Asker, Deadline
from render.errors import ClientGone, Overloaded
from render.workers import Worker, create_worker
from render.workers.fair_queue import FairQueue
from tests.render.workers import jobs


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_each_viewer_has_a_turn_and_each_viewers_items_keep_their_order() -> None:
    queue: FairQueue[str, str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "a4", "c1", "b2"):
        queue.put(item, item[0])
    queue.end()
    got = iter(queue.get, None)
    assert list(got) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_what_was_taken_out_does_not_come_and_keeps_nobody_waiting() -> None:
    queue: FairQueue[int, int] = FairQueue()
    for item in range(4):
        queue.put(item, "a")
    assert queue.remove(1, "a") and not queue.remove(1, "a") and not queue.remove(9, "b")
    assert queue.make_room("b") == 3
    queue.end()
    assert list(iter(queue.get, None)) == [0, 2]


def test_room_is_made_only_where_somebody_has_two_more() -> None:
    queue: FairQueue[int, int] = FairQueue()
    assert queue.make_room("a") is None
    queue.put(1, "a")
    assert queue.make_room("b") is None
    queue.put(2, "a")
    assert queue.make_room("a") is None
    assert queue.make_room("b") == 2


class Hold:
    """A job that ends when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def run(self) -> None:
        assert self.let_go.wait(20)


class Crowd:
    """Submits jobs for viewers in threads of their own and notes who is served when."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.served: list[str] = []
        self.refused: list[tuple[str, Exception]] = []
        self.first = Hold()
        self._threads: list[threading.Thread] = []

    def submit(self, viewer: str, job: object, asker: Asker | None = None) -> None:
        deadline = Deadline.after(60, asker or Asker(viewer))

        def run() -> None:
            try:
                self.worker.submit(job, deadline)
                self.served.append(viewer)
            except (Overloaded, ClientGone) as error:
                self.refused.append((viewer, error))

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


@pytest.fixture
def crowd():
    worker = create_worker("threads", threads=1, queue_limit=200)
    crowd = Crowd(worker)
    crowd.submit("first", crowd.first)
    wait_until(lambda: worker._accepted == 1)
    yield crowd
    crowd.first.let_go.set()
    crowd.join()
    worker.close()


def test_one_viewers_200_jobs_do_not_hold_up_anothers_first(crowd: Crowd) -> None:
    for _ in range(200):
        crowd.submit("greedy", jobs.Sleep(0.001))
    wait_until(lambda: crowd.worker._accepted == 201)
    # The queue is full: the newcomer takes the place of the greedy one's last.
    crowd.submit("late", jobs.Sleep(0.001))
    wait_until(lambda: len(crowd.refused) == 1)
    crowd.first.let_go.set()
    crowd.join()
    assert crowd.served.index("late") <= 3
    assert [viewer for viewer, _ in crowd.refused] == ["greedy"]
    assert crowd.refused[0][1].retry_after_s >= 1
    assert crowd.served.count("greedy") == 199
    assert crowd.worker._accepted == 0


def test_clients_that_hang_up_give_their_places_back_at_once(crowd: Crowd) -> None:
    gone = threading.Event()
    for _ in range(50):
        crowd.submit("fickle", jobs.Square(3), Asker("fickle", gone.is_set))
    wait_until(lambda: crowd.worker._accepted == 51)
    gone.set()
    wait_until(lambda: crowd.worker._accepted == 1)
    crowd.first.let_go.set()
    crowd.join()
    assert {type(error) for _, error in crowd.refused} == {ClientGone}
    assert len(crowd.refused) == 50
    assert crowd.worker._accepted == 0
