"""IMetadata: instruments, channels and annotations."""

from typing import Any

import Ice

from imageserver.entities import Entity
from imageserver.faults import guarded, not_visible
from imageserver.graph import Graph, member_of
from imageserver.hql.scope import class_name
from imageserver.model import Builder, Fetch
from imageserver.schema import Member, subclasses
from imageserver.services.context import ServiceContext
from imageserver.wire import rlong
from render.blitz.slices import omero

_INSTRUMENT_PARTS = Fetch.of("objective.immersion", "objective.correction")
_CHANNEL_PARTS = Fetch.of("photometricInterpretation", "mode", "illumination", "contrastMethod")

_ANNOTATION_PARTS = Fetch.of("details.owner", "details.creationEvent", "details.updateEvent")
_CHILD = Member("child", "one", "Annotation")
_NAMESPACE = Member("ns", "value", "RString")


@guarded(omero.api.IMetadata)
class Metadata(omero.api.IMetadata):
    """Reads what the files say about how they were made."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def loadInstrument(self, identifier: int, current: Ice.Current) -> Any:  # noqa: N802
        graph = self._context.graph
        entity = graph.find("Instrument", identifier)
        if entity is None:
            raise not_visible("Instrument", identifier)
        return Builder(graph).load(entity, _INSTRUMENT_PARTS)

    def loadChannelAcquisitionData(  # noqa: N802
        self, identifiers: list[int], current: Ice.Current
    ) -> list:
        graph = self._context.graph
        builder = Builder(graph)
        found = (graph.find("LogicalChannel", identifier) for identifier in identifiers)
        return [builder.load(entity, _CHANNEL_PARTS) for entity in found if entity is not None]

    def loadAnnotations(  # noqa: N802
        self,
        kind: str,
        identifiers: list[int],
        annotation_types: Any,
        annotators: Any,
        options: Any,
        current: Ice.Current,
    ) -> dict:
        graph = self._context.graph
        builder = Builder(graph)
        classes = {class_name(name) for name in annotation_types or ()} or {"Annotation"}
        wanted = frozenset().union(*map(subclasses, classes))
        found: dict[int, list] = {}
        for identifier in identifiers:
            links = _links_of(graph, class_name(kind), identifier)
            children = [graph.member(link, _CHILD) for link in links]
            found[identifier] = [
                builder.load(child, _ANNOTATION_PARTS) for child in children if child.kind in wanted
            ]
        return found

    def loadSpecifiedAnnotations(  # noqa: N802
        self, kind: str, include: Any, exclude: Any, options: Any, current: Ice.Current
    ) -> list:
        graph = self._context.graph
        builder = Builder(graph)
        found = _specified(graph, kind, include, exclude)
        return [builder.load(entity, _ANNOTATION_PARTS) for entity in found]

    def countSpecifiedAnnotations(  # noqa: N802
        self, kind: str, include: Any, exclude: Any, options: Any, current: Ice.Current
    ) -> Any:
        return rlong(len(_specified(self._context.graph, kind, include, exclude)))

    def loadTagSets(self, options: Any, current: Ice.Current) -> list:  # noqa: N802
        return []

    def loadAnnotation(self, identifiers: Any, current: Ice.Current) -> list:  # noqa: N802
        graph = self._context.graph
        builder = Builder(graph)
        found = (graph.find("Annotation", identifier) for identifier in identifiers)
        return [builder.load(entity, _ANNOTATION_PARTS) for entity in found if entity is not None]


def _links_of(graph: Graph, kind: str, identifier: int) -> list[Entity]:
    entity = graph.find(kind, identifier)
    member = member_of(kind, "annotationLinks")
    return [] if entity is None or member is None else graph.member(entity, member)


def _specified(graph: Graph, kind: str, include: Any, exclude: Any) -> list[Entity]:
    """Give the annotations of a class whose namespace is in `include`, if any, not in `exclude`."""
    found = []
    for entity in graph.extent(class_name(kind)):
        namespace = graph.member(entity, _NAMESPACE)
        if (not include or namespace in include) and namespace not in (exclude or ()):
            found.append(entity)
    return found
