"""Saves, changes and deletes regions of interest through OMERO's own services."""

from collections.abc import Mapping, Sequence
from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import permissions_of
from render.blitz.model_mapping import members_of_shape
from render.blitz.model_records import ModelRecord, Quantity
from render.blitz.queries import LARGEST_MASK_OF_IMAGE, distinct, with_id, with_values
from render.blitz.regions import page_for
from render.blitz.requests import run_request
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.blitz.updates import check_alive, saved
from render.deadline import Deadline
from render.errors import BadRequest, Forbidden, NotFound
from render.values import ImageInfo

#: Regions in one message.
_MOST_AT_ONCE = 500
_MATRIX = {"A00": "a00", "A10": "a10", "A01": "a01", "A11": "a11", "A02": "a02", "A12": "a12"}

_SHAPES = """
    select s from Shape as s join fetch s.roi left outer join fetch s.transform
    where s.id in (:ids) and s.roi.image.id = :image
"""
_ROIS = "select r from Roi as r where r.id in (:ids) and r.image.id = :image"


def add_rois(
    live: LiveSession, info: ImageInfo, shapes: Sequence[ModelRecord], deadline: Deadline
) -> tuple[tuple[int, int], ...]:
    """Save each shape in a region of its own; give the ids of region and shape of each."""
    made = [_new_roi(info.image_id, shape) for shape in shapes]
    update = live.service("update", deadline, info.group_id)
    check_alive(live, deadline)
    found = []
    for first in range(0, len(made), _MOST_AT_ONCE):
        part = made[first : first + _MOST_AT_ONCE]
        for roi in saved(deadline, "regions", update.saveAndReturnArrayAsync, part):
            found.append((roi.id.val, roi.shapesSeq[0].id.val))
    return tuple(found)


def change_shapes(
    live: LiveSession, info: ImageInfo, shapes: Sequence[ModelRecord], deadline: Deadline
) -> None:
    """Make shapes of an image what the records say; a mask keeps its bits."""
    query = live.service("query", deadline)
    update = live.service("update", deadline, info.group_id)
    largest = call(
        deadline, "measure masks", query.projectionAsync, LARGEST_MASK_OF_IMAGE,
        with_id(info.image_id),
    )  # fmt: skip
    size = min(page_for(live, largest), _MOST_AT_ONCE)
    for first in range(0, len(shapes), size):
        records = {record.id: record for record in shapes[first : first + size]}
        loaded = _load(live, _SHAPES, info, [i for i in records if i is not None], deadline)
        for shape in loaded:
            _check_may(shape, "can_edit")
            _apply(shape, records[shape.id.val])
            # What it lies in is neither sent along nor changed.
            shape.roi = omero.model.Roi(id=shape.roi.id, loaded=False)
        saved(deadline, "regions", update.saveArrayAsync, loaded)


def remove_shapes(
    live: LiveSession, info: ImageInfo, shapes: Mapping[int, Sequence[int]], deadline: Deadline
) -> None:
    """Take shapes out of regions that keep others."""
    for roi in _load(live, _ROIS, info, list(shapes), deadline):
        _check_may(roi, "can_edit")
    service = live.service("roi", deadline, info.group_id)
    update = live.service("update", deadline, info.group_id)
    for roi_id, shape_ids in shapes.items():
        result = call(deadline, "load the region", service.findByRoiAsync, roi_id, None)
        if not result.rois:
            raise NotFound(f"there is no region {roi_id} that is visible to you")
        roi, gone = result.rois[0], set(shape_ids)
        # Through the region, whose shapes are numbered: a shape deleted by itself leaves a gap.
        roi.shapesSeq = [s for s in roi.shapesSeq if s is None or s.id.val not in gone]
        saved(deadline, "regions", update.saveArrayAsync, [roi])


def delete_rois(
    live: LiveSession, info: ImageInfo, roi_ids: Sequence[int], deadline: Deadline
) -> None:
    """Delete regions with all their shapes."""
    for roi in _load(live, _ROIS, info, roi_ids, deadline):
        _check_may(roi, "can_delete")
    request = omero.cmd.Delete2(targetObjects={"Roi": list(roi_ids)})
    run_request(live, "delete regions", request, info.group_id, deadline)


def _load(
    live: LiveSession, hql: str, info: ImageInfo, ids: Sequence[int], deadline: Deadline
) -> list[Any]:
    """Load regions or shapes of an image; raise NotFound when one is not among them."""
    query = live.service("query", deadline)
    parameters = with_values(ids=list(ids), image=info.image_id)
    found = distinct(call(deadline, "find the regions", query.findAllByQueryAsync, hql, parameters))
    missing = set(ids) - {one.id.val for one in found}
    if missing:
        raise NotFound(f"image {info.image_id} has no region or shape {min(missing)} any more")
    return found


def _check_may(thing: Any, what: str) -> None:
    if not getattr(permissions_of(thing.details), what):
        raise Forbidden("these regions are not yours to change")


def _new_roi(image_id: int, record: ModelRecord) -> Any:
    shape = getattr(omero.model, record.kind)(
        loaded=True, details=omero.model.Details(), annotationLinksLoaded=True
    )
    _apply(shape, record)
    return omero.model.Roi(
        loaded=True,
        details=omero.model.Details(),
        image=omero.model.Image(id=omero.RLong(image_id), loaded=False),
        shapesSeq=[shape],
        shapesLoaded=True,
        folderLinksLoaded=True,
        annotationLinksLoaded=True,
    )


def _apply(shape: Any, record: ModelRecord) -> None:
    """Set all that can be told of a shape; what the record does not tell is not set afterwards."""
    kind = shape.ice_id().rpartition("::")[2]
    members = members_of_shape(kind)
    if members is None or kind != record.kind:
        raise BadRequest(f"shape {record.id} is a {kind} and cannot become a {record.kind}")
    for told, member in members.items():
        setattr(shape, member, _wrapped(record.values.get(told)))
    matrix = record.values.get("Transform")
    if not _is_same(shape.transform, matrix):
        shape.transform = None if matrix is None else _new_matrix(matrix)


def _is_same(matrix: Any, record: ModelRecord | None) -> bool:
    if matrix is None or record is None:
        return matrix is None and record is None
    numbers = {told: getattr(matrix, member) for told, member in _MATRIX.items()}
    return all(n is not None and n.val == record.values[told] for told, n in numbers.items())


def _new_matrix(record: ModelRecord) -> Any:
    numbers = {member: omero.RDouble(record.values[told]) for told, member in _MATRIX.items()}
    return omero.model.AffineTransform(loaded=True, details=omero.model.Details(), **numbers)


def _wrapped(value: Any) -> Any:
    """Give what OMERO keeps of a value, by its type in Python."""
    if isinstance(value, bool):
        return omero.RBool(value)
    if isinstance(value, int):
        return omero.RInt(value)
    if isinstance(value, float):
        return omero.RDouble(value)
    if isinstance(value, str):
        return omero.RString(value)
    if isinstance(value, Quantity):
        unit = getattr(omero.model.enums.UnitsLength, value.unit, None)
        if unit is None:
            raise BadRequest(f"there is no unit of length {value.unit[:40]}")
        return omero.model.Length(value=value.value, unit=unit)
    return None
