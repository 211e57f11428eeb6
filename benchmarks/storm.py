"""A mixed load through the whole service while the way to its server fails again and again.

The image server plays OMERO.server behind a proxy that fails on purpose. Nothing is cached, so
that each picture comes over that way. Every answer is compared with the one of a calm moment.
"""

import argparse
import json
import random
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import psutil

from tests.support import counted_image_server, service
from tests.support.asking import Asking, Heard
from tests.support.image_server import PASSWORD, USER, RunningImageServer, start_image_server
from tests.support.proxy import FaultyProxy, faulty_proxy
from tests.support.service import PROJECT, Service

CLIENTS = 6
#: One round: a fault lasts, then heals; after RECOVERY_S answers must be as they were, for a while.
FAULT_S, RECOVERY_S, CALM_S = 2.0, 5.0, 3.0
#: What clients may hear while something is out of order, besides the right answer.
EXCUSED = {503, 504}

SETTINGS: dict[str, object] = {
    "workers": 1,
    "render_threads": 2,
    "cache_max_bytes": 0,
    "hot_pictures_max_bytes": 0,
    "raw_tiles_max_bytes": 0,
    "image_info_max_age_s": 0.5,
    "request_deadline_s": 12,
    "omero_transport": "tcp",
    "omero_user": USER,
    "omero_password": PASSWORD,
    "omero_stores_max": 8,
    "omero_store_idle_s": 5,
}

Fault = Callable[[FaultyProxy], None]
FAULTS: dict[str, Fault] = {
    "refuse": FaultyProxy.refuse,
    "swallow": FaultyProxy.swallow,
    "cut within a message": FaultyProxy.cut_within_message,
    "stall": FaultyProxy.stall,
    "drop": FaultyProxy.drop,
    "delay": lambda proxy: proxy.delay(0.3),
    "refuse new": FaultyProxy.refuse_new,
}


@dataclass(frozen=True)
class Answer:
    """What one request came to. `status` 0 = the service itself broke the connection."""

    at_s: float
    took_s: float
    path: str
    status: int
    is_right: bool


@dataclass
class Outcome:
    """What a storm came to."""

    answers: list[Answer] = field(default_factory=list)
    vanished: int = 0
    calm_p99_s: float = 0.0
    #: Name of each fault, and the 99th percentile of latencies once it should be over.
    rounds: list[tuple[str, float]] = field(default_factory=list)
    #: Of the worker process, after each round.
    memory_mib: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    def statuses(self) -> Counter[int]:
        """Count the answers by status."""
        return Counter(answer.status for answer in self.answers)


class Clients:
    """Clients that ask for what is in `expected` until they are told to stop."""

    def __init__(self, port: int, expected: dict[str, bytes]) -> None:
        self._port = port
        self._expected = expected
        self._paths = list(expected)
        self._stop = threading.Event()
        self.answers: list[Answer] = []
        self.vanished = 0
        self._chances = [random.Random(number) for number in range(CLIENTS)]
        self._asking = Asking(port, CLIENTS, self._path_of, self._judge)
        self._vanishing = threading.Thread(target=self._vanish_on)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask all the while the block lasts."""
        with self._asking.going_on():
            self._vanishing.start()
            try:
                yield
            finally:
                self._stop.set()
                self._vanishing.join()

    def _path_of(self, client: int, count: int) -> str:
        return self._chances[client].choice(self._paths)

    def _judge(self, heard: Heard) -> None:
        is_right = heard.status == 200 and same(heard.path, heard.body, self._expected[heard.path])
        self.answers.append(Answer(heard.at_s, heard.took_s, heard.path, heard.status, is_right))

    def _vanish_on(self) -> None:
        """Ask, and hang up before the answer can be there."""
        chance = random.Random(4711)
        while not self._stop.wait(0.05):
            with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
                request = f"GET {chance.choice(self._paths)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                connection.sendall(request.encode())
                time.sleep(chance.choice((0, 0.002, 0.01)))
            self.vanished += 1


def same(path: str, body: bytes, expected: bytes) -> bool:
    """Tell whether an answer is the right one; JSON may be in any order."""
    if body == expected:
        return True
    return "imgData" in path and json.loads(body) == json.loads(expected)


@dataclass(frozen=True)
class Stage:
    """The service, its server, and the proxy between them."""

    running: Service
    server: RunningImageServer
    proxy: FaultyProxy
    counts_file: Path
    cache_dir: Path

    def services(self) -> dict[str, dict[str, int]]:
        """Give what the server holds: `now`, and the `most` that it ever held."""
        return json.loads(self.counts_file.read_text())

    def worker(self) -> psutil.Process:
        """Give the one worker process."""
        (worker,) = self.running.master.children()
        return worker


@contextmanager
def staged(
    folder: Path,
    *,
    headers_of: Callable[[RunningImageServer], Mapping[str, str]] = lambda server: {},
    **settings: object,
) -> Iterator[Stage]:
    """Run the service in front of a server over a folder, with a proxy between them.

    `headers_of` gives what has to be sent with each request.
    """
    with ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-")))
        counts_file = made / "counts.json"
        server = stack.enter_context(
            start_image_server(
                folder,
                cache_dir=made / "images",
                environment={counted_image_server.VARIABLE: str(counts_file)},
                module=counted_image_server.__name__,
            )
        )
        proxy = stack.enter_context(faulty_proxy(server.ports["tcp"]))
        where = {"omero_host": "127.0.0.1", "omero_port": proxy.port}
        cache_dir = made / "cache"
        cache_dir.mkdir()
        running = stack.enter_context(
            service.running(
                folder, cache_dir, headers=headers_of(server), **SETTINGS | where | settings
            )
        )
        yield Stage(running, server, proxy, counts_file, cache_dir)


def mixed_paths(running: Service) -> list[str]:
    """Give tiles, regions, thumbnails and metadata of every image."""
    paths = []
    for image_id in running.image_ids(6).values():
        rest = f"{image_id}/0/0/"
        paths += [f"/webgateway/imgData/{image_id}/", f"/webgateway/render_thumbnail/{image_id}/"]
        paths += [
            f"/webgateway/render_image_region/{rest}?region={x},{y},200,150&format={form}"
            for x, y in ((0, 0), (30, 20), (55, 40))
            for form in ("jpeg", "png")
        ]
    return paths


def expected_answers(running: Service, paths: list[str]) -> dict[str, bytes]:
    """Ask for everything once, in a calm moment."""
    connection = HTTPConnection("127.0.0.1", running.port, timeout=60)
    expected = {}
    for path in paths:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} is answered {response.status} in a calm moment")
        expected[path] = body
    connection.close()
    return expected


def run_storm(stage: Stage, rounds: int) -> Outcome:
    """Let `rounds` faults happen, one after the other, under load."""
    expected = expected_answers(stage.running, mixed_paths(stage.running))
    worker = stage.worker()
    clients = Clients(stage.running.port, expected)
    outcome = Outcome()
    with clients.asking():
        time.sleep(RECOVERY_S)
        # After a first while under load: what is opened once is open.
        before = _held(worker)
        outcome.calm_p99_s = p99(_between(clients.answers, time.monotonic() - CALM_S))
        for number in range(rounds):
            name = list(FAULTS)[number % len(FAULTS)]
            FAULTS[name](stage.proxy)
            time.sleep(FAULT_S)
            stage.proxy.heal()
            time.sleep(RECOVERY_S)
            calm_from_s = time.monotonic()
            time.sleep(CALM_S)
            calm = _between(clients.answers, calm_from_s)
            outcome.rounds.append((name, p99(calm)))
            outcome.memory_mib.append(round(_held(worker)["mib"]))
            outcome.problems += [
                f"{answer.path} is answered {answer.status} {RECOVERY_S:g} s after '{name}'"
                for answer in calm
                if answer.status != 200
            ]
            if not calm:
                outcome.problems.append(f"no answer {RECOVERY_S:g} s after '{name}'")
    outcome.answers, outcome.vanished = clients.answers, clients.vanished
    _judge(outcome, stage, before, _held(worker), worker)
    return outcome


def _judge(
    outcome: Outcome,
    stage: Stage,
    before: dict[str, float],
    after: dict[str, float],
    worker: psutil.Process,
) -> None:
    problems = outcome.problems
    for answer in outcome.answers:
        if answer.status == 200 and not answer.is_right:
            problems.append(f"{answer.path} came wrong")
        elif answer.status not in EXCUSED | {200}:
            problems.append(f"{answer.path} was answered {answer.status}")
    # Twice the calm value, and what other work on the machine adds now and then. Whatever is not
    # healed takes longer: connections are tried, and servers left alone, for two seconds and more.
    bound_s = 2 * outcome.calm_p99_s + 1.0
    problems += [
        f"p99 is {value_s:.2f} s {RECOVERY_S:g} s after '{name}', {outcome.calm_p99_s:.2f} s before"
        for name, value_s in outcome.rounds
        if value_s > bound_s
    ]
    if stage.worker().pid != worker.pid:
        problems.append("the worker process was replaced")
    # Connections of clients that just left may still be on their way out.
    if after["files"] > before["files"] + 10:
        problems.append(f"open files: {before['files']} before, {after['files']} after")
    if after["mib"] > before["mib"] + 64:
        problems.append(f"memory: {before['mib']:.0f} MiB before, {after['mib']:.0f} MiB after")
    # Dead connections keep theirs until the server notices: one session for each 'swallow'.
    swallowed = sum(name == "swallow" for name, _ in outcome.rounds)
    most = int(str(SETTINGS["omero_stores_max"])) * (1 + swallowed)
    held = stage.services()
    if held["now"]["RawPixelsStore"] > most or held["now"]["clients"] > 1 + swallowed:
        problems.append(f"the server holds {held['now']}")
    outcome.figures = {"before": before, "after": after, "memory": outcome.memory_mib} | held


def _held(worker: psutil.Process) -> dict[str, float]:
    return {"files": worker.num_fds(), "mib": worker.memory_info().rss / 2**20}


def _between(answers: list[Answer], from_s: float) -> list[Answer]:
    return [answer for answer in list(answers) if answer.at_s >= from_s]


def p99(answers: list[Answer]) -> float:
    """Give the 99th percentile of latencies, in seconds."""
    ordered = sorted(answer.took_s for answer in answers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else float("inf")


def report_storm(minutes: float) -> bool:
    """Run a storm for some minutes, print what it came to, and tell whether all was well."""
    rounds = max(1, round(minutes * 60 / (FAULT_S + RECOVERY_S + CALM_S)))
    with staged(PROJECT / "samples") as stage:
        outcome = run_storm(stage, rounds)
    print(f"storm of {rounds} faults in {minutes:g} minutes, {CLIENTS} clients")
    print(f"  answers             {dict(sorted(outcome.statuses().items()))}")
    print(f"  clients that left   {outcome.vanished}")
    print(f"  p99 while calm      {outcome.calm_p99_s * 1000:.0f} ms")
    for name in FAULTS:
        values = [value for other, value in outcome.rounds if other == name]
        if values:
            print(f"  p99 {RECOVERY_S:g} s after       {max(values) * 1000:.0f} ms at most: {name}")
    for name, figure in outcome.figures.items():
        print(f"  {name:<19} {figure}")
    for problem, count in Counter(outcome.problems).most_common(20):
        print(f"  PROBLEM x{count}: {problem}")
    return not outcome.problems


def main(arguments: list[str]) -> int:
    """Run a storm as the command line says; give the exit status."""
    parser = argparse.ArgumentParser("script/bench storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    return 0 if report_storm(parser.parse_args(arguments).minutes) else 1
