"""Who made and changed an entity and when, and what the one who asks may do with it."""

from typing import TYPE_CHECKING, Any

from imageserver.accounts import Rights
from imageserver.definition_entities import definition_detail, definition_of
from imageserver.entities import Entity, event, image_of
from imageserver.kept import NAMED
from imageserver.kept_entities import kept_of, made_event, renamed_event
from imageserver.records import FileRecord
from imageserver.region_entities import REGION_MEMBERS, drawn_event, drawn_of

if TYPE_CHECKING:
    from imageserver.graph import Graph


def detail_of(graph: "Graph", entity: Entity, name: str) -> Any:
    """Give a member of an entity's details, such as `details.owner`; None where it has none."""
    definition = definition_of(entity)
    if definition is not None and (name == "details.owner" or name.endswith("Event")):
        return definition_detail(graph, definition, name)
    if name.endswith("Event"):
        return _event_of(graph, entity, latest=name == "details.updateEvent")
    if name == "details.owner":
        return graph.experimenter(graph.ownership(entity).owner_id)
    if name == "details.group":
        return graph.group(graph.ownership(entity).group_id)
    if name == "details.permissions":
        return _told(graph.rights(entity))
    return None


def rights_to(graph: "Graph", entity: Entity) -> Rights:
    """Tell what the one who asks may do with an entity."""
    ownership, kind = graph.ownership(entity), entity.kind
    if kept_of(entity) is not None:
        return graph.view.rights(ownership, kind, fixed=False)
    if kind in REGION_MEMBERS:
        return graph.view.rights(ownership, kind, fixed=drawn_of(entity) is None)
    # Lookup tables are files that images are drawn with, not data of images.
    is_table = kind == "OriginalFile" and not isinstance(entity.record, FileRecord)
    return graph.view.rights(ownership, "" if is_table else kind)


def _event_of(graph: "Graph", entity: Entity, latest: bool) -> Entity:
    """Give the event in which an entity was made, or the one in which it was last changed."""
    drawn = drawn_of(entity)
    if drawn is not None:
        return drawn_event(drawn, latest)
    kept = kept_of(entity)
    if kept is not None:
        return made_event(kept, latest)
    texts = graph.kept.texts(entity.kind, entity.id) if entity.kind in NAMED else None
    if texts is not None and latest:
        return renamed_event(texts)
    image = image_of(entity)
    return event(image, image.version if image and latest else 0)


def _told(rights: Rights) -> dict[str, Any]:
    """Give what a projection tells of an object's permissions."""
    return {
        "perm": rights.permissions,
        "canAnnotate": rights.annotate,
        "canDelete": rights.delete,
        "canEdit": rights.edit,
        "canLink": rights.link,
        "canChgrp": rights.chgrp,
        "canChown": rights.chown,
    }
