"""SharedResources: what OMERO offers beside its services, of which there is nothing here."""

from typing import Any

import Ice

from imageserver.faults import guarded
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero


@guarded(omero.grid.SharedResources)
class SharedResources(omero.grid.SharedResources):
    """Answers as that of an OMERO.server without tables, processors and scripts."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def areTablesEnabled(self, current: Ice.Current) -> bool:  # noqa: N802
        return False

    def openTable(self, file: Any, current: Ice.Current) -> None:  # noqa: N802
        """There is none to open; null says so."""

    def repositories(self, current: Ice.Current) -> Any:
        return omero.grid.RepositoryMap(descriptions=[], proxies=[])
