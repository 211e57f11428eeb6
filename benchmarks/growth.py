"""The cost as images, channels, users and the cache grow ten and a hundred times: tables, plots.

Prints tables in Markdown, and draws plots below docs/images, for docs/benchmarks.md.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import growth_cache, plots
from benchmarks.growth_cache import CacheCost
from benchmarks.growth_requests import FEW, ImageCost, UsersCost, measure_images, measure_users
from benchmarks.shared_tiles import Size

#: Each has about ten times as many pixels as the one before.
SIDES = (1024, 3238, 10240, 32382)
CHANNELS = (1, 10, 100)
CHANNELS_SIDE = 1024
USERS = (1, 10, 100)
#: As the setting says by default, and enough for all of them.
SESSIONS_MAX = (64, 128)
ENTRIES = (1_000, 10_000, 100_000)
TILES, MANY_CHANNELS_TILES, THUMBNAILS, USERS_TILES = 200, 60, 60, 400


def report_growth(data: Path) -> None:
    """Measure, print the tables and draw the plots."""
    _report_sides(measure_images(data, [Size(side) for side in SIDES], TILES, THUMBNAILS))
    sizes = [Size(CHANNELS_SIDE, channels) for channels in CHANNELS]
    _report_channels(measure_images(data, sizes, MANY_CHANNELS_TILES, THUMBNAILS))
    usual, enough = SESSIONS_MAX
    costs = measure_users(data, USERS, USERS_TILES, usual)
    _report_users(costs, *measure_users(data, USERS[-1:], USERS_TILES, enough))
    _report_cache([growth_cache.measure(entries) for entries in ENTRIES])


def _report_sides(costs: Sequence[ImageCost]) -> None:
    _print_table(
        "side in pixels | pixels | tile, median | p95 | processor time | thumbnail, median | "
        "processor time | first tile of all",
        (
            f"{cost.size.side:,} | x {(cost.size.side / costs[0].size.side) ** 2:,.0f} | "
            f"{_ms(cost.tile.median_s)} | {_ms(cost.tile.p95_s)} | {cost.tile.cpu_ms:.1f} ms | "
            f"{_ms(cost.thumbnail.median_s)} | {cost.thumbnail.cpu_ms:.1f} ms | {_ms(cost.first_s)}"
            for cost in costs
        ),
    )
    curves = {
        "tile": {
            "median": [cost.tile.median_s * 1000 for cost in costs],
            "p95": [cost.tile.p95_s * 1000 for cost in costs],
            "processor time": [cost.tile.cpu_ms for cost in costs],
        },
        "thumbnail": {
            "median": [cost.thumbnail.median_s * 1000 for cost in costs],
            "processor time": [cost.thumbnail.cpu_ms for cost in costs],
        },
    }
    sides = [cost.size.side for cost in costs]
    plots.draw_lines(
        "growth-side",
        [plots.Panel(title, "side, pixels", "ms", sides, kind) for title, kind in curves.items()],
    )


def _report_channels(costs: Sequence[ImageCost]) -> None:
    first = costs[0].tile
    _print_table(
        f"channels | tile of all, median | p95 | processor time | ratio | tile of {FEW}, median | "
        "processor time | thumbnail, median",
        (
            f"{cost.size.channels} | {_ms(cost.tile.median_s)} | {_ms(cost.tile.p95_s)} | "
            f"{cost.tile.cpu_ms:.1f} ms | {cost.tile.cpu_ms / first.cpu_ms:.1f} | "
            f"{_ms(cost.few.median_s)} | {cost.few.cpu_ms:.1f} ms | {_ms(cost.thumbnail.median_s)}"
            for cost in costs
        ),
    )
    curves = {
        "all shown": [cost.tile for cost in costs],
        f"{FEW} shown": [cost.few for cost in costs],
    }
    channels = [cost.size.channels for cost in costs]
    plots.draw_lines(
        "growth-channels",
        [
            plots.Panel(
                title,
                "channels",
                "ms",
                channels,
                {n: [of(c) for c in v] for n, v in curves.items()},
            )
            for title, of in (
                ("tile, median", lambda cost: cost.median_s * 1000),
                ("tile, processor time", lambda cost: cost.cpu_ms),
            )
        ],
    )


def _report_users(usual: Sequence[UsersCost], roomy: UsersCost) -> None:
    _print_table(
        "users | `omero_sessions_max` | 8 at a time: tiles/s | median | processor time | "
        "all at once: tiles/s | median | p95 | processor time",
        (
            f"{cost.users} | {cost.sessions_max} | {cost.some.per_second:.0f} | "
            f"{_ms(cost.some.median_s)} | {cost.some.cpu_ms:.1f} ms | {cost.all.per_second:.0f} | "
            f"{_ms(cost.all.median_s)} | {_ms(cost.all.p95_s)} | {cost.all.cpu_ms:.1f} ms"
            for cost in (*usual, roomy)
        ),
    )
    users = [cost.users for cost in usual]
    panels = []
    for title, unit, of in (
        ("8 at a time, processor time of a tile", "ms", lambda cost: cost.some.cpu_ms),
        ("all at once, median", "ms", lambda cost: cost.all.median_s * 1000),
    ):
        alone = [*[math.nan] * (len(users) - 1), of(roomy)]
        curves = {
            f"{usual[0].sessions_max} sessions kept": [of(cost) for cost in usual],
            f"{roomy.sessions_max} sessions kept": alone,
        }
        panels.append(plots.Panel(title, "users", unit, users, curves))
    plots.draw_lines("growth-users", panels)


def _report_cache(costs: Sequence[CacheCost]) -> None:
    _print_table(
        "entries | on disk | first look | hit | miss | store, full | an image forgotten | "
        "expired entries purged",
        (
            f"{cost.entries:,} | {cost.disk_bytes / 1e6:.0f} MB | {cost.open_ms:.1f} ms | "
            f"{cost.hit_us:.0f} µs | {cost.miss_us:.0f} µs | {cost.store_us:.0f} µs | "
            f"{cost.forget_ms:.1f} ms for {cost.forgotten:,} | "
            f"{cost.purge_ms:.1f} ms for {cost.purged:,}"
            for cost in costs
        ),
    )
    entries = [cost.entries for cost in costs]
    each = {
        "hit": [cost.hit_us for cost in costs],
        "miss": [cost.miss_us for cost in costs],
        "store, full": [cost.store_us for cost in costs],
    }
    sweeps = {
        "an image forgotten": [cost.forget_ms for cost in costs],
        "expired purged": [cost.purge_ms for cost in costs],
    }
    plots.draw_lines(
        "growth-cache",
        [
            plots.Panel("one entry, median", "entries", "µs", entries, each),
            plots.Panel("a hundredth, a tenth of them", "entries", "ms", entries, sweeps),
        ],
    )


def _print_table(head: str, rows: Iterable[str]) -> None:
    columns = head.count("|") + 1
    print(f"\n| {head} |\n|{'---|' * columns}")
    for row in rows:
        print(f"| {row} |".replace(" x ", " × "), flush=True)
    print()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"
