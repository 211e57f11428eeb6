"""Lists objects of OMERO's model by what they lie in and whose they are, page by page.

A page is found by ids alone, and only its objects are loaded: a query that fetches collections
would have the server read everything and cut the page out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from render.blitz.ami import call, start
from render.blitz.model_mapping import record_of
from render.blitz.model_records import Listing, ModelRecord, Page
from render.blitz.queries import distinct, with_id, with_ids
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotFound


@dataclass(frozen=True)
class _Kind:
    """How the objects of a class are found: their order, what they lie in, what is fetched.

    `parents` has, by class, a join and the path to the parent's id. `alone` is met by what lies in
    nothing. `children` is the link that leads to what lies in it.
    """

    order: tuple[str, ...] = ("lower(o.name)", "o.id")
    parents: dict[str, tuple[str, str]] = field(default_factory=dict)
    fetch: str = ""
    alone: str = ""
    children: str = ""
    has_owner: bool = True


_IN_NO = "not exists (select link from {} as link where link.child = o.id)"
_PIXELS = "left outer join fetch o.pixels as p left outer join fetch p.pixelsType"

_KINDS = {
    "Project": _Kind(
        parents={"Dataset": ("join o.datasetLinks as l", "l.child.id")},
        children="ProjectDatasetLink",
    ),
    "Dataset": _Kind(
        parents={
            "Project": ("join o.projectLinks as l", "l.parent.id"),
            "Image": ("join o.imageLinks as l", "l.child.id"),
        },
        alone=_IN_NO.format("ProjectDatasetLink"),
        children="DatasetImageLink",
    ),
    "Image": _Kind(
        parents={"Dataset": ("join o.datasetLinks as l", "l.parent.id")},
        fetch=_PIXELS,
        alone=_IN_NO.format("DatasetImageLink")
        + " and not exists (select ws from WellSample as ws where ws.image.id = o.id)",
    ),
    "Screen": _Kind(
        parents={"Plate": ("join o.plateLinks as l", "l.child.id")}, children="ScreenPlateLink"
    ),
    "Plate": _Kind(
        parents={
            "Screen": ("join o.screenLinks as l", "l.parent.id"),
            "Well": ("join o.wells as w", "w.id"),
        },
        alone=_IN_NO.format("ScreenPlateLink"),
    ),
    "PlateAcquisition": _Kind(parents={"Plate": ("", "o.plate.id")}),
    "Well": _Kind(
        order=("o.column", "o.row", "o.id"),
        parents={
            "Plate": ("", "o.plate.id"),
            "PlateAcquisition": ("join o.wellSamples as ws", "ws.plateAcquisition.id"),
        },
        fetch="""left outer join fetch o.wellSamples as ws
            left outer join fetch ws.plateAcquisition left outer join fetch ws.image""",
    ),
    "Experimenter": _Kind(
        order=("lower(o.lastName)", "lower(o.firstName)", "o.id"),
        parents={"ExperimenterGroup": ("join o.groupExperimenterMap as m", "m.parent.id")},
        has_owner=False,
    ),
    "ExperimenterGroup": _Kind(
        parents={"Experimenter": ("join o.groupExperimenterMap as m", "m.child.id")},
        has_owner=False,
    ),
}

#: What is fetched more of an image that is asked for alone.
_CHANNELS = "left outer join fetch p.channels as c left outer join fetch c.logicalChannel"
_DETAILS = "join fetch o.details.owner join fetch o.details.group"

#: The largest number that travels as an index.
_MOST = 2**31 - 1


def list_objects(live: LiveSession, listing: Listing, deadline: Deadline) -> Page:
    """Give a page of objects in the order of OMERO.web's JSON API, and how many there are."""
    hql, parameters = _condition(listing)
    query = live.service("query", deadline)
    counted = start(
        "count objects",
        query.projectionAsync,
        f"select count(distinct o.id) {hql}",
        _copy(parameters),
    )
    kind = _KINDS[listing.kind]
    order = ", ".join(kind.order)
    columns = ", ".join(["o.id", *(column for column in kind.order if column != "o.id")])
    ids: list[int] = []
    if listing.limit:
        parameters.theFilter = omero.sys.Filter(
            limit=omero.RInt(min(listing.limit, _MOST)), offset=omero.RInt(listing.offset)
        )
        rows = call(
            deadline,
            "list objects",
            query.projectionAsync,
            f"select distinct {columns} {hql} order by {order}",
            parameters,
        )
        ids = [row[0].val for row in rows]
    records = load_objects(live, listing.kind, ids, deadline)
    return Page(records, counted.result(deadline)[0][0].val)


def load_object(live: LiveSession, kind: str, object_id: int, deadline: Deadline) -> ModelRecord:
    """Load one object, an image with its channels; NotFound when it is missing or invisible."""
    more = _CHANNELS if kind == "Image" else ""
    found = load_objects(live, kind, [object_id], deadline, more)
    if not found:
        raise NotFound(f"{kind} {object_id} not found")
    return found[0]


def count_children(
    live: LiveSession, kind: str, ids: Sequence[int], deadline: Deadline
) -> dict[int, int] | None:
    """Count what lies in each container; None for a class in which OMERO counts nothing."""
    link = _KINDS[kind].children
    if not link:
        return None
    if not ids:
        return {}
    hql = (
        f"select l.parent.id, count(l.id) from {link} as l "
        "where l.parent.id in (:ids) group by l.parent.id"
    )
    query = live.service("query", deadline)
    rows = call(deadline, "count children", query.projectionAsync, hql, with_ids(ids))
    return dict.fromkeys(ids, 0) | {row[0].val: row[1].val for row in rows}


def field_range(
    live: LiveSession, kind: str, object_id: int, deadline: Deadline
) -> tuple[int, int] | None:
    """Give the lowest and highest index of the fields of a Plate or PlateAcquisition, or None."""
    path = "w.plate.id" if kind == "Plate" else "ws.plateAcquisition.id"
    hql = f"select index(ws) from Well as w join w.wellSamples as ws where {path} = :id"
    query = live.service("query", deadline)
    rows = call(deadline, "find the fields", query.projectionAsync, hql, with_id(object_id))
    found = [row[0].val for row in rows]
    return (min(found), max(found)) if found else None


def _condition(listing: Listing) -> tuple[str, Any]:
    kind = _KINDS[listing.kind]
    parameters = omero.sys.Parameters(map={})
    joins, conditions = [], []
    if listing.parent is not None:
        parent_kind, parent_id = listing.parent
        join, path = kind.parents[parent_kind]
        joins.append(join)
        conditions.append(f"{path} = :parent")
        parameters.map["parent"] = omero.RLong(parent_id)
    if listing.field_index is not None:
        if not any("as ws" in join for join in joins):
            joins.append("join o.wellSamples as ws")
        conditions.append("index(ws) = :field")
        parameters.map["field"] = omero.RInt(min(listing.field_index, _MOST))
    for name, wanted in (("owner", listing.owner_id), ("group", listing.group_id)):
        if wanted is not None and kind.has_owner:
            conditions.append(f"o.details.{name}.id = :{name}")
            parameters.map[name] = omero.RLong(wanted)
    if listing.orphaned and kind.alone:
        conditions.append(kind.alone)
    where = f"where {' and '.join(conditions)}" if conditions else ""
    return f"from {listing.kind} as o {' '.join(joins)} {where}", parameters


def _copy(parameters: Any) -> Any:
    return omero.sys.Parameters(map=dict(parameters.map))


def load_objects(
    live: LiveSession, kind: str, ids: Sequence[int], deadline: Deadline, more: str = ""
) -> tuple[ModelRecord, ...]:
    """Load objects in the order of their ids; those that cannot be seen are left out.

    `more` is what is fetched of them besides.
    """
    if not ids:
        return ()
    how = _KINDS[kind]
    details = _DETAILS if how.has_owner else ""
    hql = f"select o from {kind} as o {details} {how.fetch} {more} where o.id in (:ids)"
    query = live.service("query", deadline)
    found = distinct(call(deadline, "load objects", query.findAllByQueryAsync, hql, with_ids(ids)))
    by_id = {thing.id.val: thing for thing in found}
    return tuple(record_of(by_id[object_id]) for object_id in ids if object_id in by_id)
