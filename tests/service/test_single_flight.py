"""Many clients of several worker processes ask for one cold picture: it is rendered once."""

import collections
import contextlib
import http.client
import threading
import time

import psutil
import pytest

from tests.support import service
from tests.support.service import PROJECT

pytestmark = pytest.mark.slow

WORKERS = 3
CLIENTS = 200


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    cache_dir = tmp_path_factory.mktemp("cache")
    # Connections rest while others are made and looked at, on a busy machine for long.
    settings = {"workers": WORKERS, "keepalive_s": 100}
    with service.running(PROJECT / "samples", cache_dir, **settings) as it:
        it.image_ids(6)
        yield it


def path_of(samples, name, window_end):
    image_id = samples.image_ids(6)[name]
    return f"/webgateway/render_image/{image_id}/0/0/?c=1|0:{window_end}$FFFFFF&m=g"


def connected(samples, count):
    connections = [
        http.client.HTTPConnection("127.0.0.1", samples.port, timeout=60) for _ in range(count)
    ]
    for connection in connections:
        connection.connect()
    return connections


def workers_of(samples, connections):
    """Give the worker process that has accepted each of the connections."""
    by_port = {}
    for worker in samples.master.children():
        # One that was killed may still be listed.
        with contextlib.suppress(psutil.Error):
            for found in worker.net_connections("tcp"):
                if found.raddr:
                    by_port[found.raddr.port] = worker
    return [by_port.get(connection.sock.getsockname()[1]) for connection in connections]


def worker_of(samples, connection):
    """Give the worker process that has accepted a connection, None when it was killed."""
    return workers_of(samples, [connection])[0] if connection.sock else None


def ask_all(connections, path):
    """Ask on all connections at the same time; give the threads, which fill in the answers.

    An answer is (status, X-Cache, body), or the error.
    """
    barrier = threading.Barrier(len(connections))
    answers = [None] * len(connections)

    def ask(index):
        barrier.wait(60)
        try:
            connections[index].request("GET", path)
            answer = connections[index].getresponse()
            answers[index] = answer.status, answer.headers["X-Cache"], answer.read()
        except (OSError, http.client.HTTPException) as error:
            answers[index] = error

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(connections))]
    for thread in threads:
        thread.start()
    return threads, answers


def spread(samples, count):
    """Give `count` connections of which several worker processes have accepted some."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        connections = connected(samples, count)
        threads, answers = ask_all(connections, "/healthz")
        for thread in threads:
            thread.join()
        assert {answer[0] for answer in answers} == {200}
        if len(set(workers_of(samples, connections)) - {None}) > 1:
            return connections
        # The first worker that is ready takes them all while the others still start.
        for connection in connections:
            connection.close()
        time.sleep(0.2)
    raise TimeoutError("all connections went to one worker")


def test_200_clients_of_one_cold_picture_cause_one_rendering(samples):
    connections = spread(samples, CLIENTS)
    waited = 0
    for window_end in range(4001, 4006):
        threads, answers = ask_all(connections, path_of(samples, "speckles.ome.tif", window_end))
        for thread in threads:
            thread.join()
        assert {answer[0] for answer in answers} == {200}
        assert len({answer[2] for answer in answers}) == 1
        outcomes = collections.Counter(answer[1] for answer in answers)
        assert outcomes["miss"] + outcomes["raw"] == 1, outcomes
        waited += outcomes["wait"]
    assert waited > 0
    for connection in connections:
        connection.close()


def test_another_worker_takes_over_when_the_one_that_renders_is_killed(samples):
    path = path_of(samples, "nuclei-3d.ome.tif", 3999)
    first = connected(samples, 1)
    ask_all(first, "/healthz")[0][0].join()
    renderer = worker_of(samples, first[0])
    others = []
    while len(others) < 5:
        (connection,) = connected(samples, 1)
        ask_all([connection], "/healthz")[0][0].join()
        if worker_of(samples, connection) not in (renderer, None):
            others.append(connection)
    image_server = samples.image_server()
    assert image_server is not None and renderer is not None
    # While nobody gives out pixels the first one holds the turn and the others wait for it.
    image_server.suspend()
    try:
        first_asking, first_answer = ask_all(first, path)
        time.sleep(0.5)
        asking, answers = ask_all(others, path)
        time.sleep(0.5)
        renderer.kill()
        psutil.wait_procs([renderer], timeout=10)
    finally:
        image_server.resume()
    for thread in [*first_asking, *asking]:
        thread.join()
    for connection in [*first, *others]:
        connection.close()
    assert isinstance(first_answer[0], Exception)
    assert {answer[0] for answer in answers} == {200}
    outcomes = collections.Counter(answer[1] for answer in answers)
    assert outcomes["miss"] + outcomes["raw"] == 1, outcomes


def test_another_worker_renders_other_windows_from_the_raw_tiles_of_the_first(samples):
    def ask(connection, window_end):
        threads, answers = ask_all([connection], path_of(samples, "worms.ome.tif", window_end))
        threads[0].join()
        status, outcome, _ = answers[0]
        assert status == 200
        return outcome

    by_worker = {}
    until = time.monotonic() + 30
    while len(by_worker) < 2 and time.monotonic() < until:
        (connection,) = connected(samples, 1)
        ask_all([connection], "/healthz")[0][0].join()
        by_worker[worker_of(samples, connection)] = connection
    (first, of_first), (_, of_second) = list(by_worker.items())[:2]
    assert ask(of_first, 3001) == "miss"
    assert ask(of_second, 3002) == "raw"
    first.kill()
    assert ask(of_second, 3003) == "raw"
    # A worker that is started in its place knows them too.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        (connection,) = connected(samples, 1)
        ask_all([connection], "/healthz")[0][0].join()
        worker = worker_of(samples, connection)
        if worker is not None and worker not in by_worker:
            by_worker[worker] = connection
            assert ask(connection, 3004) == "raw"
            break
        connection.close()
        time.sleep(0.05)
    assert len(by_worker) > 2
    for connection in by_worker.values():
        connection.close()
