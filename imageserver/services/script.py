"""IScript: of all scripts, only the lookup tables, which OMERO lists as such."""

import Ice

from imageserver.entities import Entity
from imageserver.faults import guarded
from imageserver.model import Builder
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero

LUT_MIMETYPE = "text/x-lut"


@guarded(omero.api.IScript)
class Script(omero.api.IScript):
    """Lists lookup tables; there are no scripts to run."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getScripts(self, current: Ice.Current) -> list:  # noqa: N802
        return []

    def getScriptsByMimetype(self, mimetype: str, current: Ice.Current) -> list:  # noqa: N802
        if mimetype != LUT_MIMETYPE:
            return []
        builder = Builder(self._context.graph)
        # Asked for each time: tables that come and go are no change of the image index.
        luts = self._context.catalog.luts()
        return [builder.load(Entity("OriginalFile", lut.id, lut)) for lut in luts]

    def getUserScripts(self, accepts: object, current: Ice.Current) -> list:  # noqa: N802
        return []

    def canRunScript(self, script_id: int, current: Ice.Current) -> bool:  # noqa: N802
        return False
