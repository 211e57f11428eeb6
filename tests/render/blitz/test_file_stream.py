"""Original files streamed from a real image server, directly and with faults on the way."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from render.blitz.file_stream import FileStream
from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint
from render.deadline import NOBODY, Asker, Deadline
from render.errors import ClientGone, NotFound, SourceUnavailable
from tests.app.conftest import start_image_server, stop

LOGIN = Credentials.login("local", "local")
SIZE = 3_000_001


def soon() -> Deadline:
    return Deadline.after(20)


@pytest.fixture(scope="module")
def content() -> bytes:
    return np.random.default_rng(7).integers(0, 256, SIZE, dtype=np.uint8).tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> Path:
    from PIL import Image

    made = tmp_path_factory.mktemp("files")
    Image.new("L", (8, 8), 7).save(made / "flat.png")
    # What follows the last chunk of a PNG is no part of the picture, but of the file.
    with (made / "flat.png").open("ab") as file:
        file.write(content)
    return made


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process, port = start_image_server(folder, tmp_path_factory.mktemp("index"))
    yield port
    stop(process)


@pytest.fixture
def session(server: int) -> Iterator[BlitzSession]:
    source = BlitzSource(Endpoint("127.0.0.1", server, "tcp"))
    yield source.session(LOGIN, soon())
    source.close()


def file_id_of(session: BlitzSession) -> int:
    (project,) = session.projects(soon())
    (dataset,) = session.datasets(project.id, soon())
    (image,) = session.images(dataset.id, soon())
    fileset = session.fileset(image.id, soon())
    assert fileset is not None and fileset.files[0].name == "flat.png"
    return fileset.files[0].id


@dataclass(frozen=True)
class Steady:
    """Blocks of one size, so many ahead."""

    size: int
    ahead: int = 2

    def block_bytes(self) -> int:
        return self.size

    def blocks_ahead(self) -> int:
        return self.ahead

    def turn(self, deadline: Deadline) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()


def read(stream: FileStream, begin: int, end: int, block: int, asker: Asker = NOBODY) -> bytes:
    return b"".join(stream.read(begin, end, Steady(block, block % 3), asker))


@pytest.mark.parametrize("block", [70_001, 1_000_000, 10_000_000])
def test_every_byte_comes_in_order_whatever_the_size_of_blocks(
    session: BlitzSession, folder: Path, block: int
) -> None:
    stream = session.open_file(file_id_of(session), soon())
    expected = (folder / "flat.png").read_bytes()
    assert stream.size_bytes == len(expected)
    assert read(stream, 0, len(expected), block) == expected
    assert read(stream, 1000, 5000, block) == expected[1000:5000]
    assert read(stream, 5000, 5000, block) == b""
    stream.close()


def test_a_file_that_does_not_exist_is_not_found(session: BlitzSession) -> None:
    with pytest.raises(NotFound):
        session.open_file(123_456_789, soon())


def test_a_client_that_hung_up_ends_the_stream(session: BlitzSession) -> None:
    stream = session.open_file(file_id_of(session), soon())
    gone = threading.Event()
    blocks = stream.read(0, SIZE, Steady(1000), Asker("v", gone.is_set))
    next(blocks)
    gone.set()
    with pytest.raises(ClientGone):
        for _ in blocks:
            pass
    stream.close()


def test_a_session_in_use_by_a_stream_is_not_closed_for_being_idle(server: int) -> None:
    from render.blitz.endpoint import Limits

    limits = Limits(session_idle_s=0.2, keep_alive_s=0.1)
    source = BlitzSource(Endpoint("127.0.0.1", server, "tcp"), limits)
    session = source.session(LOGIN, soon())
    stream = session.open_file(file_id_of(session), soon())
    time.sleep(1.0)
    assert len(source.pool.live_sessions()) == 1
    stream.close()
    until_s = time.monotonic() + 10
    while source.pool.live_sessions() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert source.pool.live_sessions() == []
    source.close()


@pytest.mark.slow
def test_a_server_that_is_restarted_midway_is_asked_again(folder: Path, tmp_path: Path) -> None:
    process, port = start_image_server(folder, tmp_path)
    source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
    session = source.session(LOGIN, soon())
    expected = (folder / "flat.png").read_bytes()
    stream = session.open_file(file_id_of(session), soon())
    blocks = stream.read(0, len(expected), Steady(100_000), NOBODY)
    begun = next(blocks) + next(blocks)
    process.kill()
    stop(process)
    process, _ = start_image_server(folder, tmp_path, port)
    assert begun + b"".join(blocks) == expected
    stream.close()
    source.close()
    stop(process)


def test_a_server_that_stays_away_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.blitz.file_stream._REOPEN_TIMEOUT_S", 1.0)
    process, port = start_image_server(folder, tmp_path)
    source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
    session = source.session(LOGIN, soon())
    stream = session.open_file(file_id_of(session), soon())
    blocks = stream.read(0, SIZE, Steady(100_000), NOBODY)
    next(blocks)
    process.kill()
    stop(process)
    with pytest.raises(SourceUnavailable):
        for _ in blocks:
            pass
    stream.close()
    source.close()
