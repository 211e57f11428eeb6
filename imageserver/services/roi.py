"""IRoi: there are no regions of interest yet, and that is what it says."""

from typing import Any

import Ice

from imageserver.faults import guarded, not_visible
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero


@guarded(omero.api.IRoi)
class Roi(omero.api.IRoi):
    """Answers with no regions for every image that exists."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def findByImage(self, image_id: int, options: Any, current: Ice.Current) -> Any:  # noqa: N802
        if self._context.graph.find("Image", image_id) is None:
            raise not_visible("Image", image_id)
        return omero.api.RoiResult(opts=options, rois=[], byZ={}, byT={})

    def findByPlane(  # noqa: N802
        self, image_id: int, z: int, t: int, options: Any, current: Ice.Current
    ) -> Any:
        return self.findByImage(image_id, options, current)

    def getRoiMeasurements(  # noqa: N802
        self, image_id: int, options: Any, current: Ice.Current
    ) -> list:
        return []
