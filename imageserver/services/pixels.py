"""IPixels: one pixels set with its channels; settings are not kept yet."""

from typing import Any

import Ice

from imageserver.enumerations import PIXEL_BITS
from imageserver.faults import guarded, not_visible, usage
from imageserver.model import Builder, Fetch
from imageserver.services.context import ServiceContext
from imageserver.services.types import load_enumeration, load_enumerations
from render.blitz.slices import omero

PIXELS_PARTS = Fetch.of(
    "pixelsType",
    "dimensionOrder",
    "details.updateEvent",
    "channels.statsInfo",
    "channels.logicalChannel.mode",
    "channels.logicalChannel.illumination",
    "channels.logicalChannel.contrastMethod",
    "channels.logicalChannel.photometricInterpretation",
)


@guarded(omero.api.IPixels)
class Pixels(omero.api.IPixels):
    """Describes pixels. Rendering definitions are the clients' own affair: there are none."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def retrievePixDescription(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        graph = self._context.graph
        entity = graph.find("Pixels", pixels_id)
        return None if entity is None else Builder(graph).load(entity, PIXELS_PARTS)

    def retrieveRndSettings(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        self._require(pixels_id)

    def retrieveRndSettingsFor(  # noqa: N802
        self, pixels_id: int, user_id: int, current: Ice.Current
    ) -> Any:
        self._require(pixels_id)

    def retrieveAllRndSettings(  # noqa: N802
        self, pixels_id: int, user_id: int, current: Ice.Current
    ) -> list:
        self._require(pixels_id)
        return []

    def getBitDepth(self, pixels_type: Any, current: Ice.Current) -> int:  # noqa: N802
        value = pixels_type.value.val if pixels_type and pixels_type.value else None
        if value not in PIXEL_BITS:
            raise usage("The pixels type has no known value.")
        return PIXEL_BITS[value]

    def getEnumeration(self, kind: str, value: str, current: Ice.Current) -> Any:  # noqa: N802
        return load_enumeration(self._context, kind, value)

    def getAllEnumerations(self, kind: str, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, kind)

    def _require(self, pixels_id: int) -> None:
        if self._context.graph.find("Pixels", pixels_id) is None:
            raise not_visible("Pixels", pixels_id)
