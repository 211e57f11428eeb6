"""What is annotated to objects, as OMERO.web's pages, OMERO.figure and QuPath ask for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from app.call import Call
from app.parsing.annotation_params import Objects, parse_objects
from app.parsing.numbers import shown
from app.parsing.object_params import parse_number
from render.blitz.model_records import AnnotationLink, Person
from render.errors import BadRequest, NotFound
from render.values import ObjectPermissions

_TYPES = {
    "tag": "TagAnnotation",
    "file": "FileAnnotation",
    "comment": "CommentAnnotation",
    "rating": "LongAnnotation",
    "map": "MapAnnotation",
}
_RATING = "openmicroscopy.org/omero/insight/rating"
_DEFAULT_LIMIT, _MOST_AT_ONCE = 500, 10_000


@dataclass(frozen=True)
class AnnotationsRequest:
    """Whose annotations are wanted, of which type and namespace, and which page of them.

    `parents` = also those of what the images lie in.
    """

    objects: Objects
    type: str | None
    namespace: str | None
    parents: bool
    offset: int
    limit: int


def parse_annotations(arguments: MultiDict[str, str]) -> AnnotationsRequest:
    """Read whose annotations are wanted. Raises BadRequest for what is malformed."""
    objects = parse_objects(arguments)
    wanted = arguments.get("type") or None
    if wanted is not None and wanted not in (*_TYPES, "custom"):
        raise BadRequest(
            f"type={shown(wanted)} is none of {', '.join(_TYPES)}, custom", parameter="type"
        )
    page = max(1, parse_number(arguments, "page") or 1)
    limit = parse_number(arguments, "limit")
    limit = _DEFAULT_LIMIT if limit is None or limit < 0 else min(limit, _MOST_AT_ONCE)
    return AnnotationsRequest(
        objects=objects,
        type=wanted,
        namespace=arguments.get("ns"),
        parents=arguments.get("parents") == "true",
        offset=(page - 1) * limit,
        limit=limit,
    )


def describe_annotations(call: Call, request: AnnotationsRequest) -> dict[str, Any]:
    """Give a page of the annotations of each class of objects, and who made them.

    Objects that are missing or invisible have none.
    """
    own = [link for kind, ids in request.objects for link in _links(call, request, kind, ids)]
    if not request.parents:
        return {"annotations": [_told(link) for link in own], "experimenters": _people(own)}
    above = _above(call, request)
    inherited = [
        link for kind, by_id in above.items() for link in _links(call, request, kind, tuple(by_id))
    ]
    lineage: dict[str, dict[str, Any]] = {}
    for link in inherited:
        known = lineage.setdefault(f"{link.parent_kind}I", {})
        known[str(link.parent_id)] = above[link.parent_kind][link.parent_id]
    return {
        "annotations": [_told(link) for link in own],
        "parents": {"annotations": [_told(link) for link in inherited], "lineage": lineage},
        "experimenters": _people([*own, *inherited]),
    }


def _links(
    call: Call, request: AnnotationsRequest, kind: str, ids: Sequence[int]
) -> list[AnnotationLink]:
    found = call.session.annotations(kind, ids, call.deadline)
    chosen = [link for link in found if _is_wanted(link, request)]
    # As OMERO.web orders them; those without a namespace come last, as in its database.
    chosen.sort(key=lambda link: (link.namespace is None, link.namespace or ""))
    return chosen[request.offset : request.offset + request.limit]


def _is_wanted(link: AnnotationLink, request: AnnotationsRequest) -> bool:
    if request.namespace is not None and link.namespace != request.namespace:
        return False
    rates = link.kind == "LongAnnotation" and link.namespace == _RATING
    if request.type == "rating":
        return rates
    if request.type == "custom":
        return not rates and (link.kind == "LongAnnotation" or link.kind not in _TYPES.values())
    return request.type is None or link.kind == _TYPES[request.type]


def _above(call: Call, request: AnnotationsRequest) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Give what visible images lie in, by class and id, with the images."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for image_id in dict(request.objects).get("Image", ()):
        try:
            info = call.image_info(image_id)
        except NotFound:
            continue
        told = {"id": image_id, "class": "ImageI", "name": info.name}
        above = [("Project", project.id) for project in info.projects]
        above += [("Dataset", dataset.id) for dataset in info.datasets]
        if info.well_sample_ids:
            for place in call.session.wells_of_image(image_id, call.deadline):
                above += [("Screen", place.screen_id or -1), ("Plate", place.plate_id)]
                above += [("PlateAcquisition", place.run_id or -1), ("Well", place.well_id)]
        for kind, object_id in dict.fromkeys(above):
            if object_id >= 0:
                found.setdefault(kind, {}).setdefault(object_id, []).append(told)
    return found


def _told(link: AnnotationLink) -> dict[str, Any]:
    parent: dict[str, Any] = {"id": link.parent_id, "class": f"{link.parent_kind}I"}
    name = link.parent_name
    if name is None and link.parent_kind == "PlateAcquisition":
        name = f"Run {link.parent_id}"
    if name:
        parent["name"] = name
    permissions = _rights(link.annotation_permissions)
    told: dict[str, Any] = {
        "id": link.annotation_id,
        "ns": link.namespace,
        "name": link.name,
        "description": link.description,
        "owner": {"id": link.annotation_owner.id},
        "date": _date(link.annotation_made_at_s),
        "permissions": permissions,
        "link": {
            "id": link.id,
            "owner": {"id": link.owner.id},
            "parent": parent,
            "date": _date(link.made_at_s),
            "permissions": _rights(link.permissions),
        },
        "class": f"{link.kind}I",
        **link.values,
    }
    if link.file is not None:
        file = link.file
        told["file"] = {
            "id": file.id,
            "name": file.name,
            "size": file.size,
            "path": file.path,
            "mimetype": file.mimetype,
        }
        permissions["canDownload"] = link.annotation_permissions.can_download
    return told


def _rights(rights: ObjectPermissions) -> dict[str, bool]:
    return {
        "canDelete": rights.can_delete,
        "canAnnotate": rights.can_annotate,
        "canLink": rights.can_link,
        "canEdit": rights.can_edit,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _people(links: Iterable[AnnotationLink]) -> list[dict[str, Any]]:
    people: dict[int, Person] = {}
    for link in links:
        for person in (link.owner, link.annotation_owner):
            people[person.id] = person
    return [
        {
            "id": person.id,
            "omeName": person.user_name,
            "firstName": person.first_name,
            "lastName": person.last_name,
        }
        for _, person in sorted(people.items())
    ]
