"""People who look at images: how long a tile takes, and how long until the screen is whole.

Each one pans, zooms, moves a contrast slider and scrolls through z, over six connections as
browsers do, one step right after the other. The service has its default settings; nothing is
cached at the start, and what was seen before is, as it is in use.
"""

import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import plots, pyramids
from benchmarks.load import Browser
from benchmarks.screens import TILE, Looker, Pyramid, Stack
from tests.support import service

VIEWERS = (1, 4)
STEPS = 160
STACK = "nuclei-3d.ome.tif"
SHARES = (50, 90, 99)
KINDS = ("pan", "zoom", "slider", "z-scroll")


@dataclass
class Seen:
    """Seconds that each tile, and each whole step, took; by what was done."""

    tiles_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0


def report_viewer(data: Path) -> None:
    """Print latencies by percentile, for one and for several people."""
    pyramid = pyramids.make_plain(data)
    shares_s: dict[str, list[float]] = {}
    for viewers in VIEWERS:
        seen = measure(pyramid, viewers, STEPS // viewers)
        print(f"{viewers} looking, {STEPS // viewers} steps each, {seen.failed} requests failed")
        heads = "".join(f"{name:>8}" for name in (f"p{share}" for share in SHARES))
        print(f"  {'':<10}{'tiles':>7}{heads}    {'steps':>7}{heads}   in ms")
        for kind in KINDS:
            print(f"  {kind:<10}{_figures(seen.tiles_s[kind])}    {_figures(seen.steps_s[kind])}")
            shares_s[f"{viewers} looking: {kind}"] = _shares_s(seen.steps_s[kind])
    draw(shares_s)


def draw(shares_s: Mapping[str, Sequence[float]]) -> None:
    """Draw the seconds until screens were whole, by percentile, for each label."""
    plots.draw_bars(
        "bench-viewer",
        "until the screen is whole",
        "ms",
        list(shares_s),
        {
            f"p{share}": [values[index] * 1000 for values in shares_s.values()]
            for index, share in enumerate(SHARES)
        },
        logarithmic=True,
    )


def measure(pyramid: Path, viewers: int, steps: int) -> Seen:
    """Have so many people look at a pyramid and a stack, each for so many steps."""
    with tempfile.TemporaryDirectory() as made:
        images, cache_dir = Path(made) / "images", Path(made) / "cache"
        images.mkdir()
        cache_dir.mkdir()
        for path in (pyramid, pyramids.SAMPLES / STACK):
            pyramids.place(path, images)
        with service.running(images, cache_dir) as running:
            ids = running.image_ids(2)
            levels = levels_in_tiles(running, ids[pyramid.name])
            places = Pyramid(ids[pyramid.name], levels), stack_of(running, ids[STACK])
            return _look(running.port, *places, viewers, steps)


def levels_in_tiles(running: service.Service, image_id: int) -> tuple[tuple[int, int], ...]:
    """Give width and height of each level of an image in tiles."""
    data = running.get_json(f"/webgateway/imgData/{image_id}/")
    width, height = data["size"]["width"], data["size"]["height"]
    return tuple(
        (-(-width // (TILE << level)), -(-height // (TILE << level)))
        for level in range(data.get("levels", 1))
    )


def stack_of(running: service.Service, image_id: int) -> Stack:
    """Give an image as a stack."""
    data = running.get_json(f"/webgateway/imgData/{image_id}/")
    return Stack(image_id, data["size"]["z"])


def _look(port: int, pyramid: Pyramid, stack: Stack, viewers: int, steps: int) -> Seen:
    seen, lock = Seen(), threading.Lock()

    def look(seed: int) -> None:
        browser = Browser(port)
        for _, (kind, paths) in zip(
            range(steps), Looker(pyramid, stack, seed).steps(), strict=False
        ):
            if paths:
                found = browser.show(paths)
                with lock:
                    seen.tiles_s[kind] += found.latencies_s
                    seen.steps_s[kind].append(found.seconds)
                    seen.failed += found.failed
        browser.close()

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(viewers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _figures(seconds: list[float]) -> str:
    if not seconds:
        return f"{0:7}"
    return f"{len(seconds):7}" + "".join(f"{share * 1000:8.1f}" for share in _shares_s(seconds))


def _shares_s(seconds: list[float]) -> list[float]:
    ordered = sorted(seconds) or [0.0]
    return [ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in SHARES]
