"""What every worker promises, tried on each of them."""

import threading
import time

import pytest

from render.blitz.source import BlitzSource, Endpoint
from render.deadline import Deadline
from render.errors import BadRequest, DeadlineExceeded, Overloaded, RenderFailed
from render.workers import WorkerOptions, create_worker, worker_names
from tests.render.workers import jobs
from tests.support.pages import blocks, entry_points

BUILT_IN = ("inline", "threads", "processes", "server")
#: Starting a process and importing numpy and numba in it takes seconds on a busy machine.
PATIENT_S = 60.0


def soon() -> Deadline:
    return Deadline.after(PATIENT_S)


def make_worker(name, **options):
    """Make a worker; what `server` needs for jobs without planes leads nowhere here."""
    source = BlitzSource(Endpoint("127.0.0.1", 1, "tcp"))
    return create_worker(name, parts={"source": source}, **options)


@pytest.fixture(scope="module", params=BUILT_IN)
def worker(request):
    made = make_worker(request.param, threads=2, queue_limit=64)
    yield made
    made.close()


@pytest.fixture(params=["threads", "processes", "server"])
def narrow(request):
    """A worker that runs one job at a time and lets one more wait."""
    made = make_worker(request.param, threads=1, queue_limit=1)
    made.submit(jobs.Square(1), soon())
    yield made
    made.close()


def test_a_job_gives_what_it_gives_without_a_worker(worker):
    job = jobs.picture_job()
    assert worker.submit(job, soon()) == job.run()


def test_errors_of_the_tree_arrive_as_they_are(worker):
    with pytest.raises(BadRequest) as caught:
        worker.submit(jobs.Refuse(), soon())
    assert caught.value.parameter == "c"
    assert caught.value.detail == "the window is wrong"


def test_any_other_fault_becomes_render_failed(worker):
    with pytest.raises(RenderFailed, match=r"Stumble.*KeyError"):
        worker.submit(jobs.Stumble(), soon())


def test_a_passed_deadline_is_noticed_before_anything_runs(worker):
    with pytest.raises(DeadlineExceeded, match="render"):
        worker.submit(jobs.Square(2), Deadline.after(-1))


def test_a_deadline_that_passes_meanwhile_is_noticed_and_the_worker_goes_on(worker):
    worker.submit(jobs.Square(2), soon())
    with pytest.raises(DeadlineExceeded, match="render"):
        worker.submit(jobs.Sleep(0.5), Deadline.after(0.2))
    assert worker.submit(jobs.Square(3), soon()) == 9


def test_many_callers_get_their_own_results(worker):
    results: dict[int, int] = {}

    def ask(number: int) -> None:
        results[number] = worker.submit(jobs.Square(number), soon())

    callers = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == {number: number**2 for number in range(40)}


def test_a_full_queue_is_an_answer_with_a_time_to_come_back(narrow):
    waiting = [
        threading.Thread(target=narrow.submit, args=(jobs.Sleep(0.6), soon())) for _ in range(2)
    ]
    for caller in waiting:
        caller.start()
    time.sleep(0.2)
    started = time.monotonic()
    with pytest.raises(Overloaded) as caught:
        narrow.submit(jobs.Square(1), soon())
    assert time.monotonic() - started < 0.2
    assert caught.value.retry_after_s is not None and caught.value.retry_after_s >= 1
    for caller in waiting:
        caller.join()
    assert narrow.submit(jobs.Square(4), soon()) == 16


def test_a_job_whose_caller_gave_up_is_not_run(narrow, tmp_path):
    busy = threading.Thread(target=narrow.submit, args=(jobs.Sleep(0.6), soon()))
    busy.start()
    time.sleep(0.2)
    with pytest.raises(DeadlineExceeded):
        narrow.submit(jobs.Sleep(30), Deadline.after(0.1))
    busy.join()
    started = time.monotonic()
    assert narrow.submit(jobs.Square(5), soon()) == 25
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_closed_worker_refuses_jobs(name):
    made = make_worker(name, threads=1)
    assert made.submit(jobs.Square(2), soon()) == 4
    made.close()
    made.close()
    with pytest.raises(RenderFailed, match="closed"):
        made.submit(jobs.Square(2), soon())


def test_jobs_that_wait_are_refused_when_the_worker_closes(narrow):
    caught: list[BaseException] = []
    running = threading.Thread(target=narrow.submit, args=(jobs.Sleep(0.6), soon()))
    running.start()
    time.sleep(0.2)

    def wait_in_vain() -> None:
        try:
            narrow.submit(jobs.Square(1), soon())
        except RenderFailed as error:
            caught.append(error)

    waiting = threading.Thread(target=wait_in_vain)
    waiting.start()
    time.sleep(0.1)
    narrow.close()
    waiting.join()
    running.join()
    assert len(caught) == 1


def test_workers_are_created_by_name():
    assert set(BUILT_IN) <= set(worker_names())
    with pytest.raises(ValueError, match=r"no worker is called 'steam'.*threads"):
        create_worker("steam")


def test_an_installed_package_can_offer_a_worker(tmp_path, monkeypatch):
    modules = [block.text for block in blocks("python", ["docs/extending.md"])]
    [module] = [text for text in modules if "class Counting" in text]
    package = tmp_path / "counting-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(entry_points("blitzrender.workers"))
    (tmp_path / "counting_worker.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    made = create_worker("counting", threads=3, parts={"source": "somewhere"})
    assert "counting" in worker_names()
    assert (made.submit(jobs.Square(6), soon()), made.jobs) == (36, 1)
    assert made.options == WorkerOptions(3, parts={"source": "somewhere"})
