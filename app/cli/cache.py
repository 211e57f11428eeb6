"""`flask cache`: what is kept on disk, and taking it away."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli import cache_warm
from app.pictures import GROUPS, PictureStore, open_pictures
from app.servers import source_names_of
from app.web import parts_of
from cache.figures import CacheFigures

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
#: What a command, which is a process of its own, knows of a tier that the service uses.
_SHARED = ("cache", "tier", "usable", "entries", "max_entries", "size_bytes", "max_bytes")


@click.group("cache")
def command() -> None:
    """Look at the cache of rendered pictures, and take things out of it.

    A picture's key says all that is in it, so that nothing that is kept can be out of date: these
    commands save room or time, and are never needed for pictures to be right.
    """


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def stats(as_json: bool) -> None:
    """Tell how full the cache is. Hits and misses of the running processes are at /metrics."""
    with _opened() as pictures:
        figures = [figure for figure in pictures.figures() if figure.is_shared]
    if as_json:
        rows = [dataclasses.asdict(figure) for figure in figures]
        click.echo(json.dumps([{name: row[name] for name in _SHARED} for row in rows], indent=2))
        return
    for line in _table(figures):
        click.echo(line)


@command.command()
@with_appcontext
def purge() -> None:
    """Clear away what has expired, which otherwise happens by and by."""
    with _opened() as pictures:
        click.echo(f"{pictures.purge()} expired entries removed")


@command.command()
@click.option("--group", "groups", multiple=True, type=click.Choice(list(GROUPS)))
@click.option("--image", "image_id", type=click.IntRange(min=0), help="Only what belongs to it.")
@click.option("--yes", is_flag=True, help="Do not ask before everything goes.")
@with_appcontext
def clear(groups: Sequence[str], image_id: int | None, yes: bool) -> None:
    """Remove all entries, those of one or more groups, or those of one image.

    Each process keeps some pictures in its own memory until others push them out.
    """
    if not groups and image_id is None and not yes:
        click.confirm("Remove everything from the cache?", abort=True)
    names = source_names_of(parts_of(current_app).settings)
    with _opened() as pictures:
        stores = [pictures.for_source(name) for name in names]
        removed = sum(store.clear(groups or GROUPS, image_id) for store in stores)
        click.echo(f"{removed} entries removed")


command.add_command(cache_warm.command)


@contextmanager
def _opened() -> Iterator[PictureStore]:
    settings = parts_of(current_app).settings
    pictures = open_pictures(settings, source_names_of(settings)[0])
    try:
        yield pictures
    finally:
        pictures.close()


def _table(figures: Sequence[CacheFigures]) -> Iterator[str]:
    yield f"{'cache':<12}{'tier':<8}{'entries':>10}{'of':>10}{'size':>12}{'of':>12}{'full':>7}"
    for figure in figures:
        if not figure.usable:
            yield f"{figure.cache:<12}{figure.tier:<8}  cannot be used"
            continue
        yield (
            f"{figure.cache:<12}{figure.tier:<8}{_count(figure.entries):>10}"
            f"{_count(figure.max_entries):>10}{_bytes(figure.size_bytes):>12}"
            f"{_bytes(figure.max_bytes):>12}{_share(figure):>7}"
        )


def _count(count: int | None) -> str:
    return "-" if count is None else str(count)


def _bytes(size: int | None) -> str:
    if size is None:
        return "-"
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _share(figure: CacheFigures) -> str:
    shares = [
        have / bound
        for have, bound in (
            (figure.entries, figure.max_entries),
            (figure.size_bytes, figure.max_bytes),
        )
        if have is not None and bound
    ]
    return f"{max(shares):.0%}" if shares else "-"
