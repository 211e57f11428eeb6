"""What the services do with regions that users draw: check, save, delete and load them.

Who may annotate an image may draw on it; what somebody drew may change and delete who drew it, and
who oversees or writes into the group. Regions that files tell of are nobody's to change.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from imageserver.definitions import StaleVersion
from imageserver.drawing_store import TooManyShapes
from imageserver.drawings import DrawnRoi, GivenRoi, GivenShape
from imageserver.entities import Entity
from imageserver.faults import fault, not_visible, usage
from imageserver.graph import Graph
from imageserver.model import Builder, Fetch
from imageserver.readers.objects import ShapeMetadata
from imageserver.region_entities import drawn_of
from imageserver.services.context import ServiceContext
from imageserver.services.given_regions import given_roi, given_shape
from render.blitz.slices import omero

PARTS = Fetch.of("shapes.transform", "details.owner", "details.updateEvent")


def is_region(obj: Any) -> bool:
    """Tell whether an object that a client sends is a region or a shape."""
    return isinstance(obj, omero.model.Roi | omero.model.Shape)


def save(context: ServiceContext, objects: Sequence[Any]) -> list[tuple[str, int]]:
    """Save regions and shapes, all or none; give the class and id of each.

    OptimisticLockException where one was changed meanwhile.
    """
    graph = context.graph
    rois = [obj for obj in objects if isinstance(obj, omero.model.Roi)]
    shapes = [obj for obj in objects if isinstance(obj, omero.model.Shape)]
    given = [_roi_to_save(graph, obj) for obj in rois] + _shapes_to_save(graph, shapes)
    try:
        saved = context.catalog.save_drawings(context.user_id, given)
    except StaleVersion as error:
        raise fault(
            omero.OptimisticLockException,
            "These regions were changed by somebody else.",
            backOff=0,
        ) from error
    except TooManyShapes as error:
        raise usage(f"There is no room: {error}.") from error
    found = iter(saved)
    return [
        ("Shape", obj.id.val) if isinstance(obj, omero.model.Shape) else ("Roi", next(found).id)
        for obj in objects
    ]


def delete(context: ServiceContext, roi_ids: Iterable[int]) -> list[int]:
    """Delete regions with all their shapes, all or none; give the ids of those that were there."""
    graph, ids = context.graph, list(roi_ids)
    for roi_id in ids:
        _check_may(graph, _find(graph, "Roi", roi_id), "delete")
    return context.catalog.delete_drawings(ids)


def load(context: ServiceContext, kind: str, identifier: int) -> Any:
    """Give a region with its shapes, or a shape, as a model object."""
    graph = context.graph
    entity = _find(graph, kind, identifier)
    parts = PARTS if kind == "Roi" else Fetch.of("transform", "details.owner")
    return Builder(graph).load(entity, parts)


def _roi_to_save(graph: Graph, obj: Any) -> GivenRoi:
    if not obj.loaded:
        raise usage("This image server saves loaded regions only.")
    if obj.id is not None:
        before = _check_may(graph, _find(graph, "Roi", obj.id.val), "edit")
        return given_roi(obj, before.image_id, _known(before))
    if obj.image is None or obj.image.id is None:
        raise usage("A new region needs the image that it lies on.")
    image = _find(graph, "Image", obj.image.id.val)
    if not graph.rights(image).annotate:
        raise fault(
            omero.ReadOnlyGroupSecurityViolation,
            "Drawing regions takes the permission to annotate the image.",
        )
    return given_roi(obj, image.id, {})


def _shapes_to_save(graph: Graph, objects: Sequence[Any]) -> list[GivenRoi]:
    """Give the regions of shapes, with these alone to be changed."""
    by_roi: dict[int, list[GivenShape]] = {}
    rois: dict[int, DrawnRoi] = {}
    for obj in objects:
        if obj.id is None:
            raise usage("A new shape is saved with its region.")
        roi = _check_may(graph, _find(graph, "Shape", obj.id.val), "edit")
        rois[roi.id] = roi
        by_roi.setdefault(roi.id, []).append(given_shape(obj, _known(roi)[obj.id.val]))
    return [
        GivenRoi(roi.image_id, tuple(by_roi[roi.id]), id=roi.id, only_shapes=True)
        for roi in rois.values()
    ]


def _known(roi: DrawnRoi) -> dict[int, ShapeMetadata]:
    return {shape.id: shape.shape for shape in roi.shapes}


def _find(graph: Graph, kind: str, identifier: int) -> Entity:
    entity = graph.find(kind, identifier)
    if entity is None:
        raise not_visible(kind, identifier)
    return entity


def _check_may(graph: Graph, entity: Entity, what: str) -> DrawnRoi:
    """Give the drawn region of an entity, where the caller may `edit` or `delete` it."""
    drawn = drawn_of(entity)
    if drawn is None:
        raise fault(omero.SecurityViolation, "Regions that a file tells of are fixed.")
    if not getattr(graph.rights(entity), what):
        raise fault(omero.SecurityViolation, f"This region is not the caller's to {what}.")
    return drawn
