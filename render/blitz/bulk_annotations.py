"""Finds the tables that are attached to something, or to what it belongs to."""

import re
from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import full_name_of, seconds_of, text_of, unwrap
from render.blitz.queries import with_id
from render.blitz.records import FileLink
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import BadRequest, SourceFailed

#: The namespace of tables that tell of many objects, and the type of file that tables are.
_NAMESPACE = "openmicroscopy.org/omero/bulk_annotations"
_MIMETYPE = "OMERO.tables"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_MOST_STEPS = 8


def find_bulk_annotations(
    live: LiveSession, path: str, object_id: int, deadline: Deadline
) -> tuple[FileLink, ...]:
    """Give the tables attached to the objects from which `path` leads to an object.

    `path` is a class with members after it, such as `Screen.plateLinks.child.wells`; the id is
    that of what the last one leads to. Raises BadRequest when the server knows no such path.
    """
    hql = bulk_query(path)
    parameters = with_id(object_id)
    parameters.map |= {"ns": omero.RString(_NAMESPACE), "mt": omero.RString(_MIMETYPE)}
    query = live.service("query", deadline)
    try:
        found = call(deadline, "find tables", query.findAllByQueryAsync, hql, parameters)
    except SourceFailed as error:
        if isinstance(error.__cause__, omero.QueryException | omero.ApiUsageException):
            raise BadRequest(f"{path} cannot be queried", parameter="objtype") from error
        raise
    links = {link.id.val: link for parent in found for link in parent.annotationLinksSeq or ()}
    children = [links[key] for key in sorted(links)]
    return tuple(
        link_of(link)
        for link in children
        if isinstance(link.child, omero.model.FileAnnotation) and link.child.file is not None
    )


def bulk_query(path: str) -> str:
    """Write the query; raise BadRequest for what is no path of names."""
    names = path.split(".")
    if len(names) > _MOST_STEPS or not all(map(_NAME.fullmatch, names)):
        raise BadRequest(f"{path} cannot be queried", parameter="objtype")
    joins = "".join(f" join obj{i}.{name} as obj{i + 1}" for i, name in enumerate(names[1:]))
    return (
        f"select obj0 from {names[0]} as obj0{joins}"
        " join fetch obj0.annotationLinks as links"
        " join fetch links.child as f"
        " join fetch links.details.owner"
        " join fetch links.details.creationEvent"
        " left outer join fetch f.details.owner"
        " left outer join fetch f.file"
        f" where obj{len(names) - 1}.id = :id and (f.ns = :ns or f.file.mimetype = :mt)"
    )


def link_of(link: Any) -> FileLink:
    """Give a link to a file annotation of OMERO's model."""
    annotation = link.child
    return FileLink(
        annotation_id=annotation.id.val,
        file_id=annotation.file.id.val,
        file_name=text_of(annotation.file.name),
        namespace=unwrap(annotation.ns),
        parent_id=link.parent.id.val,
        owner=_name_of(annotation.details.owner),
        added_by=_name_of(link.details.owner),
        added_at_s=seconds_of(link.details.creationEvent.time),
    )


def _name_of(person: Any) -> str:
    return full_name_of(person) if person is not None and person.loaded else ""
