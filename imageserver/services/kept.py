"""What the services do with what users make: check, save, delete and load it.

Who may annotate something may link annotations to it. What somebody made may change and delete who
made it, and who oversees or writes into the group. Annotations that files tell of are nobody's to
change; images and channels may get other names from who may edit them.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from imageserver.accounts.views import ALL_GROUPS
from imageserver.definitions import StaleVersion
from imageserver.entities import Entity
from imageserver.faults import fault, not_visible, usage
from imageserver.graph import Graph
from imageserver.kept import LINKS, NAMED, Fresh, GivenObject, Rename
from imageserver.kept_entities import kept_of
from imageserver.kept_files import OpenKeptFile
from imageserver.kept_store import NoRoom
from imageserver.model import Builder, Fetch
from imageserver.schema import load_schema
from imageserver.services.context import ServiceContext
from imageserver.services.given_objects import (
    ANNOTATIONS,
    annotation_values,
    file_values,
    hasher_of,
    kind_of,
    renamed,
)
from imageserver.wire import unwrap, wrap_as
from render.blitz.slices import omero

_PARTS = {"FileAnnotation": Fetch.of("details.owner", "file")} | {
    kind: Fetch.of("parent", "child") for kind in LINKS
}


def save(context: ServiceContext, objects: Sequence[Any]) -> list[tuple[str, int]]:
    """Save annotations, links, files, and names, all or none; give the class and id of each.

    OptimisticLockException where one was changed meanwhile.
    """
    saving = _Saving(context)
    places = [saving.take(obj) for obj in objects]
    try:
        ids = context.catalog.keep(context.user_id, saving.given)
    except StaleVersion as error:
        raise fault(
            omero.OptimisticLockException, "This was changed by somebody else.", backOff=0
        ) from error
    except NoRoom as error:
        raise usage(f"There is no room: {error}.") from error
    return [(kind_of(obj), ids[place]) for obj, place in zip(objects, places, strict=True)]


def delete(context: ServiceContext, kind: str, identifiers: Iterable[int]) -> dict[str, list[int]]:
    """Delete what somebody made, with what goes with it, all or none; give all ids by class."""
    graph, ids = context.graph, list(identifiers)
    for identifier in ids:
        _check_may(graph, _find(graph, kind, identifier), "delete")
        if kind == "OriginalFile" and identifier in graph.kept.state.holders:
            raise usage("This file is attached to something: its annotation is to be deleted.")
    gone: dict[str, list[int]] = {}
    for kept in context.catalog.delete_kept(ids):
        gone.setdefault(kept.kind, []).append(kept.id)
    return gone


def load(context: ServiceContext, kind: str, identifier: int) -> Any:
    """Give what was saved as a model object."""
    graph = context.graph
    return Builder(graph).load(_find(graph, kind, identifier), _PARTS.get(kind))


def finish_upload(context: ServiceContext, file_id: int, file: OpenKeptFile) -> None:
    """Have the size and digest of what was written in the record of a file."""
    catalog = context.catalog_of_all_groups
    before = catalog.kept_object(file_id)
    size, digest = file.finish(before.values["hasher"])
    values = {**before.values, "size": size, "hash": digest, "mtime": time.time()}
    catalog.keep(context.user_id, [GivenObject("OriginalFile", values, id=file_id)])


class _Saving:
    """What one call saves together, in the order in which ids are needed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._graph = context.graph
        self.given: list[GivenObject | Rename] = []
        # What is a part of several objects is the same in each, as it was for the client.
        self._places: dict[int, int] = {}

    def take(self, obj: Any) -> int:
        """Add an object, and what is new in it; give its place in what is saved."""
        kind = kind_of(obj)
        if not obj.loaded:
            raise usage(f"This image server saves loaded objects only, of {kind}, too.")
        if kind in NAMED:
            return self._add(self._texts(obj))
        group_id = self._new_group() if obj.id is None else 0
        if kind in LINKS:
            return self._link(obj)
        return self._make(obj, group_id)

    def _make(self, obj: Any, group_id: int) -> int:
        place = self._places.get(id(obj))
        if place is None:
            place = self._places[id(obj)] = self._made(obj, group_id)
        return place

    def _made(self, obj: Any, group_id: int) -> int:
        kind = kind_of(obj)
        if kind == "OriginalFile":
            return self._file(obj, group_id)
        if kind in ANNOTATIONS:
            return self._annotation(obj, group_id)
        raise usage(f"This image server keeps no {kind}.")

    def _add(self, given: GivenObject | Rename) -> int:
        self.given.append(given)
        return len(self.given) - 1

    def _texts(self, obj: Any) -> Rename:
        kind = kind_of(obj)
        if obj.id is None:
            raise usage(f"This image server makes no new {kind}.")
        entity = _find(self._graph, kind, obj.id.val)
        if not self._graph.rights(entity).edit:
            raise fault(omero.SecurityViolation, f"This {kind} is not the caller's to rename.")
        members = load_schema()[kind].members
        present = {
            # As it travels: times are told in milliseconds.
            name: unwrap(wrap_as(member.target, self._graph.member(entity, member)))
            for name, member in members.items()
            if member.kind == "value"
        }
        texts = self._graph.kept.texts(kind, entity.id)
        return renamed(obj, present, present["version"] - (texts.version if texts else 0))

    def _link(self, obj: Any) -> int:
        kind = kind_of(obj)
        if obj.id is not None:
            raise usage("A link that is there does not change.")
        if obj.parent is None or obj.parent.id is None or obj.child is None:
            raise usage("A link leads from something that is there to an annotation.")
        parent = _find(self._graph, LINKS[kind], obj.parent.id.val)
        if not self._graph.rights(parent).annotate:
            raise fault(
                omero.ReadOnlyGroupSecurityViolation,
                f"The caller may not annotate this {parent.kind}.",
            )
        group_id = self._graph.ownership(parent).group_id
        child = self._child(obj.child, parent, group_id)
        return self._add(GivenObject(kind, {"parent": parent.id, "child": child}, group_id))

    def _child(self, obj: Any, parent: Entity, group_id: int) -> int | Fresh:
        if obj.id is None:
            if kind_of(obj) not in ANNOTATIONS:
                raise usage("A link leads to an annotation.")
            return Fresh(self._make(obj, group_id))
        child = _find(self._graph, "Annotation", obj.id.val)
        self._check_link(parent, child)
        return child.id

    def _check_link(self, parent: Entity, child: Entity) -> None:
        graph = self._graph
        if graph.ownership(parent).group_id != graph.ownership(child).group_id:
            raise fault(omero.GroupSecurityViolation, "The annotation is in another group.")
        for link in graph.kept.links_of(parent):
            if link.record.values["child"] == child.id and (
                link.record.owner_id == self._context.user_id
            ):
                raise fault(omero.ValidationException, "The annotation is linked already.")

    def _annotation(self, obj: Any, group_id: int) -> int:
        if not obj.loaded:
            raise usage("This image server saves loaded annotations only.")
        kind, before = kind_of(obj), self._before(obj)
        values = annotation_values(obj)
        if kind == "FileAnnotation":
            values["file"] = self._file_of(obj, group_id)
        if before is None:
            return self._add(GivenObject(kind, values, group_id))
        return self._add(_changed(obj, values))

    def _file_of(self, obj: Any, group_id: int) -> int | Fresh:
        if obj.file is None:
            raise usage("A file annotation needs a file.")
        if obj.file.id is None:
            return Fresh(self._make(obj.file, group_id))
        return _find(self._graph, "OriginalFile", obj.file.id.val).id

    def _file(self, obj: Any, group_id: int) -> int:
        if not obj.loaded:
            raise usage("This image server saves loaded files only.")
        values, before = file_values(obj), self._before(obj)
        known = None if before is None else kept_of(before)
        values["hasher"] = hasher_of(obj, None if known is None else known.values.get("hasher"))
        if known is None:
            return self._add(GivenObject("OriginalFile", values, group_id))
        return self._add(_changed(obj, values))

    def _before(self, obj: Any) -> Entity | None:
        """Give what an object is to take the place of; None for a new one."""
        if obj.id is None:
            return None
        return _check_may(self._graph, _find(self._graph, kind_of(obj), obj.id.val), "edit")

    def _new_group(self) -> int:
        """Give the group that new things come into, where the caller may make any."""
        view = self._context.view
        group_id = view.group_id
        if group_id == ALL_GROUPS:
            group_id = self._context.client.session.group_now(view.accounts)
        group = view.accounts.groups.get(group_id)
        if group is None or not (view.user.is_admin or view.user.id in group.members):
            raise fault(omero.SecurityViolation, "The caller is no member of the group.")
        return group_id


def _changed(obj: Any, values: dict[str, Any]) -> GivenObject:
    version = None if obj.version is None else obj.version.val
    return GivenObject(kind_of(obj), values, id=obj.id.val, version=version)


def _find(graph: Graph, kind: str, identifier: int) -> Entity:
    entity = graph.find(kind, identifier)
    if entity is None:
        raise not_visible(kind, identifier)
    return entity


def _check_may(graph: Graph, entity: Entity, what: str) -> Entity:
    """Give an entity that somebody made, where the caller may `edit` or `delete` it."""
    if kept_of(entity) is None:
        raise fault(omero.SecurityViolation, "What a file tells of is fixed.")
    if not getattr(graph.rights(entity), what):
        raise fault(omero.SecurityViolation, f"This is not the caller's to {what}.")
    return entity
