"""IMetadata: instruments and channels; there are no annotations."""

from typing import Any

import Ice

from imageserver.faults import guarded, not_visible
from imageserver.model import Builder, Fetch
from imageserver.services.context import ServiceContext
from imageserver.wire import rlong
from render.blitz.slices import omero

_INSTRUMENT_PARTS = Fetch.of("objective.immersion", "objective.correction")
_CHANNEL_PARTS = Fetch.of("photometricInterpretation", "mode", "illumination", "contrastMethod")


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
        return {identifier: [] for identifier in identifiers}

    def loadSpecifiedAnnotations(  # noqa: N802
        self, kind: str, include: Any, exclude: Any, options: Any, current: Ice.Current
    ) -> list:
        return []

    def countSpecifiedAnnotations(  # noqa: N802
        self, kind: str, include: Any, exclude: Any, options: Any, current: Ice.Current
    ) -> Any:
        return rlong(0)

    def loadTagSets(self, options: Any, current: Ice.Current) -> list:  # noqa: N802
        return []

    def loadAnnotation(self, identifiers: Any, current: Ice.Current) -> list:  # noqa: N802
        return []
