"""Workers by name: the built-in ones, and those of installed packages."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from render.workers.base import Worker, WorkerOptions

#: A package offers a worker by an entry point of this group: its name, and a callable that takes
#: WorkerOptions and gives a Worker.
ENTRY_POINT_GROUP = "blitzrender.workers"

_BUILT_IN = {
    "inline": "render.workers.inline:InlineWorker",
    "threads": "render.workers.threads:ThreadsWorker",
    "processes": "render.workers.processes:ProcessesWorker",
    "server": "render.workers.server:ServerWorker",
}

WorkerFactory = Callable[[WorkerOptions], Worker]


def worker_names() -> tuple[str, ...]:
    """Name every worker that can be created."""
    return tuple(sorted(set(_BUILT_IN) | {point.name for point in _installed()}))


def create_worker(
    name: str,
    *,
    threads: int | None = None,
    queue_limit: int | None = None,
    parts: Mapping[str, Any] | None = None,
) -> Worker:
    """Make the worker of that name; see WorkerOptions for the rest, None = its default.

    An installed package's worker goes before a built-in one of the same name. Raises ValueError
    for a name that is not known, and where a part is missing that the worker needs.
    """
    options = WorkerOptions(parts=parts or {})
    if threads is not None:
        options = replace(options, threads=threads)
    if queue_limit is not None:
        options = replace(options, queue_limit=queue_limit)
    if options.threads < 1 or options.queue_limit < 0:
        raise ValueError("a worker needs at least one thread and a queue limit of 0 or more")
    return _factory(name)(options)


def _factory(name: str) -> WorkerFactory:
    for point in _installed():
        if point.name == name:
            factory: WorkerFactory = point.load()
            return factory
    if name not in _BUILT_IN:
        raise ValueError(f"no worker is called '{name}'; there are {', '.join(worker_names())}")
    module, _, attribute = _BUILT_IN[name].partition(":")
    built_in: WorkerFactory = getattr(import_module(module), attribute)
    return built_in


def _installed() -> tuple[Any, ...]:
    return tuple(entry_points(group=ENTRY_POINT_GROUP))
