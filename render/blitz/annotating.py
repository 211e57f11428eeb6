"""Makes, changes and deletes annotations through OMERO's own services, and tells of single ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from render.blitz.ami import call
from render.blitz.annotations import file_of, list_annotations, pairs_of, person_of
from render.blitz.mapping import permissions_of, seconds_of, unwrap
from render.blitz.model_records import Annotated, AnnotationRecord, NewAnnotation
from render.blitz.queries import distinct, with_id, with_ids
from render.blitz.requests import run_request
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.blitz.updates import check_alive, saved
from render.deadline import Deadline
from render.errors import Forbidden, NotFound

_OBJECTS = "select o from {} as o join fetch o.details.group where o.id in (:ids)"
_ANNOTATION = """
    select a from {} as a
      join fetch a.details.owner
      join fetch a.details.group
      join fetch a.details.creationEvent
      {}
    where a.id = :id
"""


def find_annotated(
    live: LiveSession, kind: str, ids: Sequence[int], deadline: Deadline
) -> tuple[Annotated, ...]:
    """Tell of objects of a class whether they may be annotated; NotFound when one is not there."""
    query = live.service("query", deadline)
    hql = _OBJECTS.format(kind)
    step = "find what to annotate"
    found = distinct(call(deadline, step, query.findAllByQueryAsync, hql, with_ids(ids)))
    by_id = {
        one.id.val: Annotated(
            kind, one.id.val, one.details.group.id.val, permissions_of(one.details).can_annotate
        )
        for one in found
    }
    missing = next((i for i in ids if i not in by_id), None)
    if missing is not None:
        raise NotFound(f"there is no {kind.lower()} {missing} that is visible to you")
    return tuple(by_id[i] for i in dict.fromkeys(ids))


def add_annotation(
    live: LiveSession,
    annotation: NewAnnotation,
    group_id: int,
    targets: Sequence[Annotated],
    deadline: Deadline,
) -> int:
    """Make an annotation in a group, with links from all targets, and give its id."""
    update = live.service("update", deadline, group_id)
    check_alive(live, deadline)
    made = _new(annotation)
    if not targets:
        found = saved(deadline, "annotations", update.saveAndReturnObjectAsync, made)
        return found.id.val
    # All or none: the one annotation is a part of each link that is sent.
    links = [_link(target, made) for target in targets]
    found = saved(deadline, "annotations", update.saveAndReturnArrayAsync, links)
    return found[0].child.id.val


def link_annotation(
    live: LiveSession,
    kind: str,
    annotation_id: int,
    targets: Sequence[Annotated],
    deadline: Deadline,
) -> None:
    """Link an annotation of a class that is there to all targets that lack a link of the user's."""
    found = _load(live, kind, annotation_id, deadline)
    group_id = found.details.group.id.val
    linked = {
        (link.parent_kind, link.parent_id)
        for parent_kind in {target.kind for target in targets}
        for link in list_annotations(
            live, parent_kind, [t.id for t in targets if t.kind == parent_kind], deadline
        )
        if link.annotation_id == annotation_id and link.owner.id == live.user.user_id
    }
    child = type(found)(id=found.id, loaded=False)
    links = [_link(one, child) for one in targets if (one.kind, one.id) not in linked]
    if links:
        update = live.service("update", deadline, group_id)
        saved(deadline, "links", update.saveArrayAsync, links)


def load_annotation(
    live: LiveSession, kind: str, annotation_id: int, deadline: Deadline
) -> AnnotationRecord:
    """Load an annotation of a class, such as `FileAnnotation`; NotFound when there is none."""
    return record_of_annotation(_load(live, kind, annotation_id, deadline))


def record_of_annotation(found: Any) -> AnnotationRecord:
    """Give an annotation that was loaded with owner, group, event and, if it has one, file."""
    file = getattr(found, "file", None)
    return AnnotationRecord(
        id=found.id.val,
        kind=found.ice_id().rpartition("::")[2],
        namespace=unwrap(found.ns),
        description=unwrap(found.description),
        pairs=pairs_of(found) if hasattr(found, "mapValue") else (),
        owner=person_of(found.details.owner),
        group_id=found.details.group.id.val,
        made_at_s=seconds_of(found.details.creationEvent.time) or 0.0,
        permissions=permissions_of(found.details),
        file=file_of(file) if file is not None and file.loaded else None,
    )


def change_annotation(
    live: LiveSession, kind: str, annotation_id: int, changes: Mapping[str, Any], deadline: Deadline
) -> None:
    """Give an annotation another `description`, `namespace` or other `pairs`.

    Raises Forbidden where the caller may not edit it, Conflict when it was changed meanwhile.
    """
    found = _load(live, kind, annotation_id, deadline)
    if not permissions_of(found.details).can_edit:
        raise Forbidden(f"annotation {annotation_id} is not yours to change")
    if "description" in changes:
        found.description = _text(changes["description"])
    if "namespace" in changes:
        found.ns = _text(changes["namespace"])
    if "pairs" in changes:
        found.mapValue = _named_values(changes["pairs"])
    update = live.service("update", deadline, found.details.group.id.val)
    saved(deadline, "annotations", update.saveObjectAsync, found)


def delete_annotation(live: LiveSession, kind: str, annotation_id: int, deadline: Deadline) -> None:
    """Delete an annotation with all links to it, and with its file, if no other one has it.

    Raises Forbidden where the caller may not.
    """
    found = _load(live, kind, annotation_id, deadline)
    if not permissions_of(found.details).can_delete:
        raise Forbidden(f"annotation {annotation_id} is not yours to delete")
    request = omero.cmd.Delete2(targetObjects={kind: [annotation_id]})
    run_request(live, "delete the annotation", request, found.details.group.id.val, deadline)


def _load(live: LiveSession, kind: str, annotation_id: int, deadline: Deadline) -> Any:
    query = live.service("query", deadline)
    joins = "left outer join fetch a.file" if kind == "FileAnnotation" else ""
    hql = _ANNOTATION.format(kind, joins)
    found = call(
        deadline, "load the annotation", query.findByQueryAsync, hql, with_id(annotation_id)
    )
    if found is None:
        raise NotFound(
            f"there is no annotation {annotation_id} of this kind that is visible to you"
        )
    return found


def _new(annotation: NewAnnotation) -> Any:
    common = {
        "loaded": True,
        "details": omero.model.Details(),
        "ns": _text(annotation.namespace),
        "description": _text(annotation.description),
    }
    if annotation.file_id is None:
        return omero.model.MapAnnotation(mapValue=_named_values(annotation.pairs), **common)
    file = omero.model.OriginalFile(id=omero.RLong(annotation.file_id), loaded=False)
    return omero.model.FileAnnotation(file=file, **common)


def _link(target: Annotated, annotation: Any) -> Any:
    parent = getattr(omero.model, target.kind)(id=omero.RLong(target.id), loaded=False)
    return getattr(omero.model, f"{target.kind}AnnotationLink")(
        loaded=True, details=omero.model.Details(), parent=parent, child=annotation
    )


def _named_values(pairs: Sequence[tuple[str, str]]) -> list[Any]:
    return [omero.model.NamedValue(name, value) for name, value in pairs]


def _text(text: str | None) -> Any:
    return None if text is None else omero.RString(text)
