"""Lists what is annotated to objects: tags, pairs of names and values, comments, files, numbers."""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call
from render.blitz.files import version_of
from render.blitz.mapping import permissions_of, seconds_of, unwrap
from render.blitz.model_records import AnnotationLink, AttachedFile, Person
from render.blitz.queries import distinct, with_ids, with_values
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import TooLarge

#: Links that are looked at for one request.
_MOST_LINKS = 10_000

_LINKS = """
    select l from {}AnnotationLink as l
      join fetch l.details.owner
      join fetch l.details.creationEvent
      join fetch l.parent
      join fetch l.child as c
      join fetch c.details.owner
      join fetch c.details.creationEvent
    where l.parent.id in (:ids) order by l.id
"""
_FILES = """
    select f from FileAnnotation as f left outer join fetch f.file where f.id in (:ids)
"""
_VALUES = ("timeValue", "termValue", "longValue", "doubleValue", "boolValue", "textValue")


def list_annotations(
    live: LiveSession, kind: str, object_ids: Sequence[int], deadline: Deadline
) -> tuple[AnnotationLink, ...]:
    """Give the links from objects of a class to annotations, by rising id.

    Objects that are missing or invisible have none. Raises TooLarge for too many links.
    """
    query = live.service("query", deadline)
    parameters = with_values(_MOST_LINKS + 1, ids=list(object_ids))
    links = distinct(
        call(
            deadline,
            "list annotations",
            query.findAllByQueryAsync,
            _LINKS.format(kind),
            parameters,
        )
    )
    if len(links) > _MOST_LINKS:
        raise TooLarge(f"there are more than {_MOST_LINKS} annotations; ask for fewer objects")
    links = [link for link in links if link.child is not None]
    files = _files(live, [link.child for link in links], deadline)
    return tuple(_link_of(kind, link, files) for link in links)


def _files(
    live: LiveSession, annotations: Sequence[Any], deadline: Deadline
) -> dict[int, AttachedFile]:
    """Give the files that are attached, by the ids of their annotations."""
    ids = {a.id.val for a in annotations if isinstance(a, omero.model.FileAnnotation)}
    if not ids:
        return {}
    query = live.service("query", deadline)
    found = call(
        deadline, "find attached files", query.findAllByQueryAsync, _FILES, with_ids(sorted(ids))
    )
    return {a.id.val: file_of(a.file) for a in found if a.file is not None}


def file_of(file: Any) -> AttachedFile:
    """Give an original file that was loaded."""
    return AttachedFile(
        id=file.id.val,
        name=unwrap(file.name),
        size=unwrap(file.size),
        path=unwrap(file.path),
        mimetype=unwrap(file.mimetype),
        version=version_of(file),
    )


def _link_of(kind: str, link: Any, files: dict[int, AttachedFile]) -> AnnotationLink:
    annotation, parent = link.child, link.parent
    values: dict[str, Any] = {
        name: unwrap(getattr(annotation, name)) for name in _VALUES if hasattr(annotation, name)
    }
    if isinstance(annotation, omero.model.MapAnnotation):
        values["values"] = pairs_of(annotation)
    return AnnotationLink(
        id=link.id.val,
        owner=person_of(link.details.owner),
        made_at_s=seconds_of(link.details.creationEvent.time) or 0.0,
        permissions=permissions_of(link.details),
        parent_kind=kind,
        parent_id=parent.id.val,
        parent_name=unwrap(getattr(parent, "name", None)) if parent.loaded else None,
        kind=annotation.ice_id().rpartition("::")[2],
        annotation_id=annotation.id.val,
        namespace=unwrap(annotation.ns),
        name=unwrap(annotation.name),
        description=unwrap(annotation.description),
        annotation_owner=person_of(annotation.details.owner),
        annotation_made_at_s=seconds_of(annotation.details.creationEvent.time) or 0.0,
        annotation_permissions=permissions_of(annotation.details),
        values=values,
        file=files.get(annotation.id.val),
    )


def pairs_of(annotation: Any) -> tuple[tuple[str, str], ...]:
    """Give the pairs of a map annotation."""
    return tuple((pair.name, pair.value) for pair in annotation.mapValue or () if pair is not None)


def person_of(person: Any) -> Person:
    """Give a user who was loaded."""
    return Person(
        person.id.val, unwrap(person.omeName), unwrap(person.firstName), unwrap(person.lastName)
    )
