"""What clients made as entities of OMERO's model: annotations, links and files.

An entity's record is the kept object. What its owner's group hides from a view is not there, nor
are links of which either end is not.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from imageserver.definitions import SaveEvent
from imageserver.drawings import FIRST_ID
from imageserver.entities import Entity, enumeration
from imageserver.kept import LINKS, NAMED, GivenTexts, Kept, KeptObject
from imageserver.schema import Member, subclasses

if TYPE_CHECKING:
    from imageserver.graph import Graph

#: Ids of events in which something was made or last changed: beside those of drawn regions.
_MADE, _RENAMED = (1 << 61) + (1 << 60), (1 << 61) + (1 << 60) + (1 << 59)
_KINDS_RENAMED = {kind: number for number, kind in enumerate(NAMED)}

#: Classes whose entities change, those above them included, and steps of paths that lead there.
CHANGED_BY_KEEPING = frozenset(
    {*subclasses("Annotation"), *LINKS, "OriginalFile", "Event", "IObject"}
)
STEPS_TO_KEPT = frozenset(
    {
        *("annotationLinks", "child", "parent", "file", "version", "updateEvent"),
        *(name for names in NAMED.values() for name in names),
    }
)


class KeptEntities:
    """What was made, as one graph has it."""

    def __init__(self, graph: "Graph", kept: Kept) -> None:
        self._graph = graph
        self.state = kept

    def extent(self, kind: str) -> Iterable[Entity]:
        """Give all visible entities of exactly one class."""
        return self._visible(self.state.by_kind.get(kind, {}).values())

    def events(self) -> Iterator[Entity]:
        """Give the events in which visible things were made and last changed."""
        for kind in self.state.by_kind:
            for entity in self.extent(kind):
                yield from dict.fromkeys(made_event(entity.record, latest) for latest in (0, 1))
        for texts in self.state.texts.values():
            if self._graph.find(texts.kind, texts.id) is not None:
                yield renamed_event(texts)

    def narrow(self, kind: str, path: str, wanted: Iterable[Any]) -> list[Entity] | None:
        """Give what can be meant, when a path tells it; None when it does not."""
        ids = [i for i in wanted if isinstance(i, int)]
        state = self.state
        if path == "id":
            found = state.found(ids)
        elif kind in LINKS and path in {"parent", "parent.id"}:
            found = [o for i in ids for o in state.found(state.links_of.get((LINKS[kind], i), ()))]
        elif kind in LINKS and path in {"child", "child.id"}:
            found = [o for i in ids for o in state.found(state.links_to.get(i, ()))]
        elif kind == "FileAnnotation" and path in {"file", "file.id"}:
            found = [o for i in ids for o in state.found(state.holders.get(i, ()))]
        else:
            return None
        kinds = subclasses(kind)
        return list(self._visible(one for one in found if one.kind in kinds))

    def links_of(self, parent: Entity) -> list[Entity]:
        """Give the links from an object to the annotations that somebody linked to it."""
        ids = self.state.links_of.get((parent.kind, parent.id), ())
        return list(self._visible(self.state.found(ids)))

    def texts(self, kind: str, identifier: int) -> GivenTexts | None:
        """Give what an image or channel is called, where that was changed."""
        return self.state.texts.get((kind, identifier))

    def _visible(self, found: Iterable[KeptObject]) -> Iterator[Entity]:
        for kept in found:
            if self._graph.view.reads_of_users(kept.ownership) and self._has_ends(kept):
                yield entity_of(kept)

    def _has_ends(self, kept: KeptObject) -> bool:
        if kept.kind not in LINKS:
            return True
        find, values = self._graph.find, kept.values
        return (
            find(LINKS[kept.kind], values["parent"]) is not None
            and find("Annotation", values["child"]) is not None
        )


def entity_of(kept: KeptObject) -> Entity:
    """Give the entity of a kept object."""
    return Entity(kept.kind, kept.id, kept)


def kept_of(entity: Entity) -> KeptObject | None:
    """Give the kept object that an entity is; None for any other."""
    return entity.record if isinstance(entity.record, KeptObject) else None


def kept_member(graph: "Graph", kept: KeptObject, member: Member) -> Any:
    """Give a member of a kept object, as Graph.member does."""
    value = kept.values.get(member.name)
    if member.name == "version":
        return kept.version
    if member.kind == "many":
        return []
    if member.kind != "one" or value is None:
        return value
    if member.name == "hasher":
        return enumeration("ChecksumAlgorithm", value)
    return graph.find(member.target, value)


def made_event(kept: KeptObject, latest: int) -> Entity:
    """Give the event in which an object was made, or the one in which it was last changed."""
    changed = bool(latest and kept.version > 0)
    event: SaveEvent = kept.updated if changed else kept.created
    return Entity("Event", _MADE + 2 * (kept.id - FIRST_ID) + changed, event)


def renamed_event(texts: GivenTexts) -> Entity:
    """Give the event in which an image or channel got its texts."""
    number = len(_KINDS_RENAMED) * texts.id + _KINDS_RENAMED[texts.kind]
    return Entity("Event", _RENAMED + number, texts.updated)
