"""Lists regions page by page as records, also those of some planes, and tells where shapes lie."""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call, start
from render.blitz.mapping import unwrap
from render.blitz.model_mapping import record_of, shape_record_of
from render.blitz.model_records import ModelRecord, Page, PlaneRange, ShapePlace
from render.blitz.queries import LARGEST_MASK_OF_IMAGE, distinct, with_id, with_ids
from render.blitz.regions import page_for
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotFound, TooLarge

_ON_PLANES = """ and (s.theZ is null or (s.theZ >= :firstZ and s.theZ <= :lastZ))
    and (s.theT is null or (s.theT >= :firstT and s.theT <= :lastT))"""

_ROIS = """
    select r from Roi as r join fetch r.details.owner join fetch r.details.group
    where r.id in (:ids)
"""
_SHAPES = """
    select s from {} as s join fetch s.roi join fetch s.details.owner
      join fetch s.details.group left outer join fetch s.transform
    where s.roi.id in (:ids) order by s.id
"""
_COUNTS = """
    select s.theZ, s.theT, count(s.id) from Shape as s where s.roi.image.id = :id
    group by s.theZ, s.theT
"""


def list_roi_page(
    live: LiveSession,
    image_id: int,
    planes: PlaneRange | None,
    offset: int,
    limit: int,
    deadline: Deadline,
    only: str = "Shape",
) -> Page:
    """Give regions of an image by id, with all their shapes, and how many there are.

    With `planes` those that have a shape there; with `only` those that have shapes of a class, and
    these alone. Raises TooLarge above `Limits.shapes`.
    """
    query = live.service("query", deadline)
    from_where, parameters = _rois_where(image_id, planes, only)
    counted = start(
        "count regions",
        query.projectionAsync,
        f"select count(distinct r.id) {from_where}",
        omero.sys.Parameters(map=dict(parameters.map)),
    )
    largest = start(
        "measure masks", query.projectionAsync, LARGEST_MASK_OF_IMAGE, with_id(image_id)
    )
    ids = _roi_ids(live, from_where, parameters, deadline, offset, limit) if limit else []
    size = page_for(live, largest.result(deadline))
    return Page(_load(live, ids, size, only, deadline), counted.result(deadline)[0][0].val)


def roi_ids(
    live: LiveSession, image_id: int, planes: PlaneRange | None, deadline: Deadline
) -> list[int]:
    """Give the ids of the regions of an image, of those with a shape on `planes` if it is given."""
    return _roi_ids(live, *_rois_where(image_id, planes), deadline)


def count_rois(live: LiveSession, image_id: int, deadline: Deadline) -> int:
    """Count the regions of an image."""
    hql = "select count(r.id) from Roi as r where r.image.id = :id"
    query = live.service("query", deadline)
    rows = call(deadline, "count regions", query.projectionAsync, hql, with_id(image_id))
    return rows[0][0].val


def count_shapes(
    live: LiveSession, image_id: int, deadline: Deadline
) -> list[tuple[int | None, int | None, int]]:
    """Give section, timepoint and number of an image's shapes; None = those on all of them."""
    query = live.service("query", deadline)
    rows = call(deadline, "count shapes", query.projectionAsync, _COUNTS, with_id(image_id))
    return [(unwrap(row[0]), unwrap(row[1]), row[2].val) for row in rows]


def find_place(live: LiveSession, kind: str, object_id: int, deadline: Deadline) -> ShapePlace:
    """Tell where a `roi` or `shape` lies; raise NotFound when it is missing or invisible."""
    hql = (
        "select r.image.id, r.id from Roi as r where r.id = :id"
        if kind == "roi"
        else "select s.roi.image.id, s.roi.id, s.theZ, s.theT from Shape as s where s.id = :id"
    )
    query = live.service("query", deadline)
    rows = call(deadline, f"find the {kind}", query.projectionAsync, hql, with_id(object_id))
    if not rows:
        raise NotFound(f"there is no {kind} {object_id} that is visible to you")
    return ShapePlace(*(unwrap(cell) for cell in rows[0]))


def _rois_where(image_id: int, planes: PlaneRange | None, only: str = "Shape") -> tuple[str, Any]:
    parameters = with_id(image_id)
    if only != "Shape":
        return f"from {only} as s join s.roi as r where r.image.id = :id", parameters
    if planes is None:
        return "from Roi as r where r.image.id = :id", parameters
    parameters.map |= {
        "firstZ": omero.RInt(planes.first_z),
        "lastZ": omero.RInt(planes.last_z),
        "firstT": omero.RInt(planes.first_t),
        "lastT": omero.RInt(planes.last_t),
    }
    return f"from Roi as r join r.shapes as s where r.image.id = :id {_ON_PLANES}", parameters


def _roi_ids(
    live: LiveSession,
    from_where: str,
    parameters: Any,
    deadline: Deadline,
    offset: int = 0,
    limit: int | None = None,
) -> list[int]:
    if limit is not None:
        parameters.theFilter = omero.sys.Filter(limit=omero.RInt(limit), offset=omero.RInt(offset))
    query = live.service("query", deadline)
    hql = f"select distinct r.id {from_where} order by r.id"
    rows = call(deadline, "list regions", query.projectionAsync, hql, parameters)
    return [row[0].val for row in rows]


def _load(
    live: LiveSession, ids: Sequence[int], page_size: int, only: str, deadline: Deadline
) -> tuple[ModelRecord, ...]:
    if not ids:
        return ()
    query = live.service("query", deadline)
    asked = start("load regions", query.findAllByQueryAsync, _ROIS, with_ids(ids))
    shapes: dict[int, list[ModelRecord]] = {}
    count, more = 0, True
    while more:
        parameters = with_ids(ids)
        parameters.theFilter = omero.sys.Filter(
            limit=omero.RInt(page_size), offset=omero.RInt(count)
        )
        loaded = call(
            deadline, "load shapes", query.findAllByQueryAsync, _SHAPES.format(only), parameters
        )
        for shape in loaded:
            shapes.setdefault(shape.roi.id.val, []).append(shape_record_of(shape))
        count += len(loaded)
        more = len(loaded) == page_size
        if more and count >= live.limits.shapes:
            asked.cancel()
            raise TooLarge(f"there are more than {live.limits.shapes} shapes, which is the most")
    by_id = {roi.id.val: record_of(roi) for roi in distinct(asked.result(deadline))}
    return tuple(
        ModelRecord(
            "ROI",
            roi_id,
            by_id[roi_id].details,
            {**by_id[roi_id].values, "shapes": tuple(shapes.get(roi_id, ()))},
        )
        for roi_id in ids
        if roi_id in by_id
    )
