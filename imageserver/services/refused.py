"""Services that are there to be asked for, but whose every call is refused in one sentence."""

from typing import Any

from imageserver.faults import guarded
from imageserver.services.context import ServiceContext
from imageserver.services.stateful import Stateful
from render.blitz.slices import omero


def _stateless(interface: type) -> type:
    def __init__(self: Any, context: ServiceContext) -> None:  # noqa: N807
        self._context = context

    return guarded(interface)(type(interface.__name__, (interface,), {"__init__": __init__}))


def _stateful(interface: type) -> type:
    return guarded(interface)(type(interface.__name__, (Stateful, interface), {}))


# Pictures are made by Blitzrender itself, and nothing is written into the folder.
Projection = _stateless(omero.api.IProjection)
Timeline = _stateless(omero.api.ITimeline)
Exporter = _stateful(omero.api.Exporter)
ThumbnailStore = _stateful(omero.api.ThumbnailStore)
