"""A tiny server in a process of its own, and sources that talk to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint, Limits
from render.deadline import Deadline
from render.values import ImageInfo
from render.waiting import gevent_is_in_charge
from tests.render.blitz import tiny_server

if os.environ.get("BLITZRENDER_TESTS_EXPECT_GEVENT"):
    # Otherwise a run that means to be one under gevent could pass without it.
    assert gevent_is_in_charge()


class TinyServer:
    """A running tiny server; `restart` keeps the port."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", tiny_server.__name__, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[1])

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    def renew(self) -> None:
        """Let the counters begin at zero; start the server if the test before killed it."""
        if not self.dead:
            self._ask("reset")
        else:
            self.start()

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the process for a while, as a network does that swallows everything."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def forget_stores(self) -> None:
        """Make the server forget its open stores, as one does that closes them for being idle."""
        self._ask("forget stores")

    def counters(self) -> dict[str, int]:
        return self._ask("counters")

    def _ask(self, line: str) -> dict[str, int]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def wait_for(self, counter: str, value: int, timeout_s: float = 5.0) -> None:
        """Wait until a counter has a value: closing goes on in the background."""
        until = time.monotonic() + timeout_s
        while self.counters()[counter] != value:
            assert time.monotonic() < until, f"{counter} is {self.counters()[counter]}, not {value}"
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def tiny_of_module() -> Iterator[TinyServer]:
    server = TinyServer()
    yield server
    server.stop()


@pytest.fixture
def tiny(tiny_of_module: TinyServer) -> TinyServer:
    tiny_of_module.renew()
    return tiny_of_module


@pytest.fixture
def make_source(tiny: TinyServer) -> Iterator[Callable[..., BlitzSource]]:
    sources = []

    def make(**limits: float) -> BlitzSource:
        source = BlitzSource(Endpoint("127.0.0.1", tiny.port, "tcp"), Limits(**limits))
        sources.append(source)
        return source

    yield make
    for source in sources:
        source.close()


@pytest.fixture
def source(make_source: Callable[..., BlitzSource]) -> BlitzSource:
    return make_source()


@pytest.fixture
def session(source: BlitzSource) -> BlitzSession:
    return source.session(LOGIN, soon())


LOGIN = Credentials.login("tess", tiny_server.PASSWORD)


def soon(seconds: float = 10.0) -> Deadline:
    return Deadline.after(seconds)


def tiny_info(**changes: object) -> ImageInfo:
    """Describe the tiny server's image, which has no metadata to load."""
    width, height = tiny_server.LEVELS[0]
    fields: dict[str, object] = {
        "image_id": 1, "pixels_id": tiny_server.PIXELS_ID, "name": "tiny", "description": "",
        "author": "", "owner_id": 4, "group_id": tiny_server.GROUP_ID, "archived": False,
        "acquired_at_s": None, "imported_at_s": 0.0, "pixel_type": "uint16",
        "significant_bits": None, "size_x": width, "size_y": height, "size_z": 1, "size_c": 3,
        "size_t": 1, "pixel_size_x": None, "pixel_size_y": None, "pixel_size_z": None,
        "levels": tiny_server.LEVELS, "tile_width": 256, "tile_height": 128, "channels": (),
        "pixels_version": "1",
    }  # fmt: skip
    return ImageInfo(**(fields | changes))  # type: ignore[arg-type]
