"""ITypes: the enumerations."""

from typing import Any

import Ice

from imageserver.entities import enumeration
from imageserver.enumerations import ENUMERATIONS
from imageserver.faults import guarded, usage
from imageserver.model import Builder
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero


@guarded(omero.api.ITypes)
class Types(omero.api.ITypes):
    """Reads the fixed values of the model."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getEnumeration(self, kind: str, value: str, current: Ice.Current) -> Any:  # noqa: N802
        return load_enumeration(self._context, kind, value)

    def allEnumerations(self, kind: str, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, kind)

    def getEnumerationTypes(self, current: Ice.Current) -> list[str]:  # noqa: N802
        return list(ENUMERATIONS)

    def getEnumerationsWithEntries(self, current: Ice.Current) -> dict:  # noqa: N802
        return {kind: load_enumerations(self._context, kind) for kind in ENUMERATIONS}

    def getAnnotationTypes(self, current: Ice.Current) -> list[str]:  # noqa: N802
        return []


def load_enumeration(context: ServiceContext, kind: str, value: str) -> Any:
    """Give one value of an enumeration as a model object."""
    entity = enumeration(_name(kind), value)
    if entity is None:
        raise usage(f"{kind} has no value {value}.")
    return Builder(context.graph).load(entity)


def load_enumerations(context: ServiceContext, kind: str) -> list:
    """Give all values of an enumeration as model objects."""
    graph = context.graph
    builder = Builder(graph)
    return [builder.load(entity) for entity in graph.extent(_name(kind))]


def _name(kind: str) -> str:
    name = kind.rpartition(".")[2]
    name = name if name in ENUMERATIONS else name.removesuffix("I")
    if name not in ENUMERATIONS:
        raise usage(f"There is no enumeration {kind}.")
    return name
