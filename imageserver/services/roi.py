"""IRoi: the regions of interest of images."""

from typing import Any

import Ice

from imageserver.entities import Entity
from imageserver.faults import guarded, not_visible
from imageserver.graph import Graph
from imageserver.model import Builder
from imageserver.services.context import ServiceContext
from imageserver.services.regions import PARTS
from render.blitz.slices import omero

#: The key of shapes that lie on no plane in particular.
_ANY_PLANE = -1


@guarded(omero.api.IRoi)
class Roi(omero.api.IRoi):
    """Reads regions; there are no measurements."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def findByImage(self, image_id: int, options: Any, current: Ice.Current) -> Any:  # noqa: N802
        graph = self._context.graph
        return _result(graph, _regions_of(graph, image_id), options)

    def findByRoi(self, roi_id: int, options: Any, current: Ice.Current) -> Any:  # noqa: N802
        graph = self._context.graph
        found = graph.find("Roi", roi_id)
        return _result(graph, [] if found is None else [found], options)

    def findByPlane(  # noqa: N802
        self, image_id: int, z: int, t: int, options: Any, current: Ice.Current
    ) -> Any:
        graph = self._context.graph
        regions = _regions_of(graph, image_id)
        return _result(graph, regions, options, {"theZ": z, "theT": t})

    def getRoiMeasurements(  # noqa: N802
        self, image_id: int, options: Any, current: Ice.Current
    ) -> list:
        return []


def _regions_of(graph: Graph, image_id: int) -> list[Entity]:
    image = graph.image_record(image_id)
    if image is None:
        raise not_visible("Image", image_id)
    return graph.regions.rois_of(image)


def _result(
    graph: Graph, regions: list[Entity], options: Any, plane: dict[str, int] | None = None
) -> Any:
    builder = Builder(graph)
    loaded = [builder.load(region, PARTS) for region in regions]
    kinds = set(options.shapes or ()) if options is not None else set()
    for region in loaded:
        region.shapesSeq = [
            shape
            for shape in region.shapesSeq
            if (not kinds or type(shape).__name__ in kinds) and _lies_on(shape, plane or {})
        ]
    if kinds or plane:
        loaded = [region for region in loaded if region.shapesSeq]
    loaded = _page(loaded, options)
    shapes = [shape for region in loaded for shape in region.shapesSeq]
    return omero.api.RoiResult(
        opts=options, rois=loaded, byZ=_by_plane(shapes, "theZ"), byT=_by_plane(shapes, "theT")
    )


def _lies_on(shape: Any, plane: dict[str, int]) -> bool:
    found = ((getattr(shape, name), wanted) for name, wanted in plane.items())
    return all(value is None or value.val == wanted for value, wanted in found)


def _page(regions: list[Any], options: Any) -> list[Any]:
    if options is None:
        return regions
    offset = 0 if options.offset is None else max(0, options.offset.val)
    limit = len(regions) if options.limit is None else max(0, options.limit.val)
    return regions[offset : offset + limit]


def _by_plane(shapes: list[Any], name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for shape in shapes:
        value = getattr(shape, name)
        found.setdefault(_ANY_PLANE if value is None else value.val, []).append(shape)
    return found
