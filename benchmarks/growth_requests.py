"""What a tile and a thumbnail cost as images, channels and users become more."""

import contextlib
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import load
from benchmarks.ab import KEEPS_NOTHING
from benchmarks.pyramids import TILE, place
from benchmarks.shared_tiles import Size, make
from render.blitz.endpoint import Endpoint
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from tests.support import service
from tests.support.image_server import start_image_server

WORKERS = 2
#: Requests go all the way, and nothing is read that was not asked for.
SETTINGS: dict[str, object] = {
    **KEEPS_NOTHING,
    "workers": WORKERS,
    "read_ahead_tiles": 0,
    "read_ahead_sections": 0,
}
#: Shown at a time where not all channels are.
FEW = 3
_COLORS = ("FF0000", "00FF00", "0000FF")
_GROUP = "all"


@dataclass(frozen=True)
class Cost:
    """What requests of one kind came to: seconds, and processor time of all processes for each."""

    median_s: float
    p95_s: float
    cpu_ms: float
    per_second: float


@dataclass(frozen=True)
class ImageCost:
    """Of an image of one size: its first tile, then tiles and thumbnails."""

    size: Size
    first_s: float
    tile: Cost
    #: With `FEW` channels shown, where the image has more.
    few: Cost
    thumbnail: Cost


@dataclass(frozen=True)
class UsersCost:
    """Of so many users with a session each: some at a time, and all at once."""

    users: int
    sessions_max: int
    some: Cost
    all: Cost


def measure_images(
    data: Path, sizes: Sequence[Size], tiles: int, thumbnails: int
) -> list[ImageCost]:
    """Ask one after the other for tiles and thumbnails of an image of each size."""
    with tempfile.TemporaryDirectory() as made:
        images, cache_dir = Path(made) / "images", Path(made) / "cache"
        images.mkdir()
        cache_dir.mkdir()
        for size in sizes:
            place(make(data, size), images)
        with service.running(images, cache_dir, **SETTINGS) as running:
            ids = running.image_ids(len(sizes))
            # What only the first requests of a start have to wait for is over.
            time.sleep(3)
            return [
                _measure_image(running, ids[size.name], size, tiles, thumbnails) for size in sizes
            ]


def _measure_image(
    running: service.Service, image_id: int, size: Size, tiles: int, thumbnails: int
) -> ImageCost:
    paths = _tile_paths(image_id, size)
    first = load.run(running.port, [next(paths)], 1)
    few_paths = _tile_paths(image_id, size, FEW)
    small = (f"/webgateway/render_thumbnail/{image_id}/{side}/" for side in itertools.count(40))
    ask = _asking(running.port, running.master.children)
    return ImageCost(
        size, first.latencies_s[0], ask(paths, tiles), ask(few_paths, tiles), ask(small, thumbnails)
    )


def _asking(port: int, processes: Callable[[], Sequence[psutil.Process]]) -> Callable[..., Cost]:
    """Give the function that asks for things and tells what they cost."""

    def ask(
        paths: Iterator[str], count: int, clients: int = 1, headers: Sequence[str] = ("",)
    ) -> Cost:
        # Both workers get to know what is asked for, for each who asks.
        warm = max(8, 4 * len(headers))
        load.run(port, list(itertools.islice(paths, warm)), 8, headers)
        before_s = _cpu_s(processes())
        found = load.run(port, list(itertools.islice(paths, count)), clients, headers)
        cpu_s = _cpu_s(processes()) - before_s
        if found.failed:
            raise RuntimeError(f"answers were {dict(found.statuses)}")
        return Cost(
            found.percentile_s(50), found.percentile_s(95), cpu_s / count * 1000, found.per_second
        )

    return ask


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _tile_paths(image_id: int, size: Size, channels: int | None = None) -> Iterator[str]:
    """Give tiles of full size anywhere in the image, each with a window of its own."""
    across = size.side // TILE
    shown = min(size.channels, channels or size.channels)
    chance = random.Random(size.side)
    for number in itertools.count(1):
        column, row = chance.randrange(across), chance.randrange(across)
        colors = ",".join(f"{c + 1}|{number}:20000${_COLORS[c % 3]}" for c in range(shown))
        yield (
            f"/webgateway/render_image_region/{image_id}/0/0/"
            f"?tile=0,{column},{row},{TILE},{TILE}&c={colors}&m=c&q=0.9"
        )


def measure_users(
    data: Path, numbers: Sequence[int], tiles: int, sessions_max: int
) -> list[UsersCost]:
    """Ask for tiles in the name of more and more users, each with an OMERO session."""
    size = Size(1024)
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder, cache_dir = made / "images", made / "cache"
        (folder / _GROUP).mkdir(parents=True)
        cache_dir.mkdir()
        place(make(data, size), folder / _GROUP)
        users_file = made / "users.toml"
        users_file.write_text(_users_file(max(numbers)), "utf-8")
        server = stack.enter_context(
            start_image_server(
                folder,
                transports=("tcp",),
                arguments=("--users", str(users_file), "--log-level", "error"),
            )
        )
        keys = _log_in(server.ports["tcp"], max(numbers))
        running = stack.enter_context(
            service.running(
                folder,
                cache_dir,
                headers={"X-OMERO-Session-Key": keys[0]},
                omero_host="127.0.0.1",
                omero_port=server.ports["tcp"],
                omero_transport="tcp",
                omero_sessions_max=sessions_max,
                **SETTINGS,
            )
        )
        [image_id] = running.image_ids().values()
        image_server = psutil.Process(server.process.pid)
        ask = _asking(running.port, lambda: [*running.master.children(), image_server])
        paths = _tile_paths(image_id, size)
        costs = []
        for users in numbers:
            headers = [f"X-OMERO-Session-Key: {key}" for key in keys[:users]]
            some = ask(paths, tiles, min(users, 8), headers)
            costs.append(UsersCost(users, sessions_max, some, ask(paths, tiles, users, headers)))
        return costs


def _users_file(count: int) -> str:
    names = [f"user{number}" for number in range(count)]
    users = "".join(
        f'[[users]]\nid = {10 + number}\nname = "{name}"\npassword = "of-{name}"\n'
        for number, name in enumerate(names)
    )
    members = ", ".join(f'"{name}"' for name in names)
    return (
        f'{users}[[groups]]\nid = 3\nname = "{_GROUP}"\npermissions = "rwra--"\n'
        f"members = [{members}]\n"
        f'[[folders]]\nname = "{_GROUP}"\nowner = "{names[0]}"\ngroup = "{_GROUP}"\n'
    )


def _log_in(port: int, count: int) -> list[str]:
    """Make a session for each user, that goes on by itself; give their keys."""
    source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
    try:
        return [
            source.log_in(f"user{number}", f"of-user{number}", Deadline.after(60)).key
            for number in range(count)
        ]
    finally:
        source.close()
