"""IPixels: one pixels set with its channels, and the rendering settings saved for it."""

from typing import Any

import Ice

from imageserver.enumerations import PIXEL_BITS
from imageserver.faults import guarded, usage
from imageserver.model import Builder, Fetch
from imageserver.services import definitions
from imageserver.services.context import ServiceContext
from imageserver.services.types import load_enumeration, load_enumerations
from imageserver.services.update import save_objects
from render.blitz.slices import omero

_EVERYBODY = -1

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
    """Describes pixels, and loads and saves rendering settings."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def retrievePixDescription(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        graph = self._context.graph
        entity = graph.find("Pixels", pixels_id)
        return None if entity is None else Builder(graph).load(entity, PIXELS_PARTS)

    def retrieveRndSettings(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        context = self._context
        return definitions.load(context, definitions.in_force(context, pixels_id))

    def retrieveRndSettingsFor(  # noqa: N802
        self, pixels_id: int, user_id: int, current: Ice.Current
    ) -> Any:
        context = self._context
        return definitions.load(context, definitions.of_user(context, pixels_id, user_id))

    def retrieveAllRndSettings(  # noqa: N802
        self, pixels_id: int, user_id: int, current: Ice.Current
    ) -> list:
        """Give the settings of a user, of all users for -1, the newest first."""
        context = self._context
        definitions.pixels_entity(context, pixels_id)
        found = context.graph.saved_definitions(pixels_id)
        return definitions.load_all(
            context, [d for d in found if user_id in (_EVERYBODY, d.owner_id)]
        )

    def loadRndSettings(self, definition_id: int, current: Ice.Current) -> Any:  # noqa: N802
        found = definitions.find_definition(self._context, definition_id)
        return definitions.load(self._context, found)

    def saveRndSettings(self, settings: Any, current: Ice.Current) -> None:  # noqa: N802
        save_objects(self._context, [settings])

    def getBitDepth(self, pixels_type: Any, current: Ice.Current) -> int:  # noqa: N802
        value = pixels_type.value.val if pixels_type and pixels_type.value else None
        if value not in PIXEL_BITS:
            raise usage("The pixels type has no known value.")
        return PIXEL_BITS[value]

    def getEnumeration(self, kind: str, value: str, current: Ice.Current) -> Any:  # noqa: N802
        return load_enumeration(self._context, kind, value)

    def getAllEnumerations(self, kind: str, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, kind)
