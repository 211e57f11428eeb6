"""RenderingEngine: draws an image by settings that each client changes for itself, in memory.

It starts with the settings in force for the caller: their own, else the image owner's, else those
that follow from the files. They are saved when a client says so, as the caller's own.
"""

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import Ice

from imageserver.definitions import Change, SavedDefinition
from imageserver.entities import enumeration
from imageserver.faults import guarded, not_visible, usage
from imageserver.model import Builder
from imageserver.services.context import ServiceContext
from imageserver.services.definitions import find_definition, in_force, save
from imageserver.services.first_settings import channel_range, first_settings, type_range
from imageserver.services.given_settings import given_settings, value_of
from imageserver.services.opened_pixels import (
    Opened,
    OpenedPixels,
    check_index,
    region_inside,
)
from imageserver.services.pixels import PIXELS_PARTS
from imageserver.services.types import load_enumerations
from imageserver.wire import rint, rlong
from render.blitz.slices import omero
from render.values import (
    ChannelBinding,
    Color,
    Model,
    ProjectionKind,
    Region,
    RenderingDefinition,
    Window,
)

# The id of settings that are in memory only.
_NOT_SAVED = -1
_BYTES_PER_PIXEL = 4

_KINDS = {
    "MAXIMUMINTENSITY": ProjectionKind.MAXIMUM,
    "MEANINTENSITY": ProjectionKind.MEAN,
    "SUMINTENSITY": ProjectionKind.SUM,
}


@guarded(omero.api.RenderingEngine)
class RenderingEngine(OpenedPixels, omero.api.RenderingEngine):
    """Settings of one image for one client, and its pictures under them."""

    def __init__(self, context: ServiceContext, name: str) -> None:
        super().__init__(context, name)
        self._definition = RenderingDefinition(Model.GREYSCALE, ())
        self._saved: SavedDefinition | None = None
        self._compression = 0.85

    # -- choosing --------------------------------------------------------------------------

    def lookupPixels(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._choose(pixels_id))

    def _choose(self, pixels_id: int) -> None:
        self._open(pixels_id)
        self._load_in_force(pixels_id)

    def lookupRenderingDef(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        """Load the settings in force; there always are some, of the files if of nobody."""
        return self._with(lambda opened: self._look_up(opened, pixels_id))

    def _look_up(self, opened: Opened, pixels_id: int) -> bool:
        if opened.image.pixels_id != pixels_id:
            return False
        self._load_in_force(pixels_id)
        return True

    def _load_in_force(self, pixels_id: int) -> None:
        self._saved = in_force(self._context, pixels_id)
        if self._saved is None:
            self._reset()
        else:
            self._definition = self._saved.settings

    def loadRenderingDef(self, definition_id: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._choose_definition(opened, definition_id))

    def _choose_definition(self, opened: Opened, definition_id: int) -> None:
        if definition_id == _NOT_SAVED and self._saved is None:
            return
        saved = find_definition(self._context, definition_id)
        if saved.pixels_id != opened.image.pixels_id:
            raise not_visible("RenderingDef", definition_id)
        self._saved, self._definition = saved, saved.settings

    def load(self, current: Ice.Current) -> Any:
        return self._with(lambda opened: None)

    def getRenderingDefId(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._saved_id())

    def _saved_id(self) -> int:
        return _NOT_SAVED if self._saved is None else self._saved.id

    # -- saving ----------------------------------------------------------------------------

    def resetDefaultSettings(self, save: bool, current: Ice.Current) -> Any:  # noqa: N802
        def reset(opened: Opened) -> int:
            self._reset()
            if save:
                self._save(opened)
            return self._saved_id()

        return self._with(reset)

    def updateSettings(self, settings: Any, current: Ice.Current) -> Any:  # noqa: N802
        def update(opened: Opened) -> None:
            if settings is None:
                raise usage("There are no settings to take over.")
            self._definition = given_settings(settings, self._definition, opened.image)

        return self._with(update)

    def saveCurrentSettings(self, current: Ice.Current) -> Any:  # noqa: N802
        """Save as the caller's own; somebody else's settings stay as they are.

        OptimisticLockException where these were saved by another way since they were loaded.
        """
        return self._with(self._save)

    def saveAsNewSettings(self, current: Ice.Current) -> Any:  # noqa: N802
        def save_anew(opened: Opened) -> int:
            self._save(opened, fresh=True)
            return self._saved_id()

        return self._with(save_anew)

    def _save(self, opened: Opened, fresh: bool = False) -> None:
        own, before = self._context.user_id, self._saved
        change = Change(opened.image.pixels_id, own, self._definition, fresh=fresh)
        if before is not None and before.owner_id == own and not fresh:
            change = replace(change, definition_id=before.id, version=before.version)
        [self._saved] = save(self._context, [change])

    def _reset(self) -> None:
        assert self._opened is not None
        # Windows come from the statistics, which are worth waiting for here.
        image = self._context.catalog.image_by_pixels(self._opened.image.pixels_id)
        self._opened.image = image
        self._definition = first_settings(image)

    # -- pictures --------------------------------------------------------------------------

    def renderAsPackedInt(self, plane: Any, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _drawing().packed(self._draw(opened, plane)))

    def renderCompressed(self, plane: Any, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._compress(self._draw(opened, plane)))

    def renderProjectedAsPackedInt(  # noqa: N802
        self, kind: Any, t: int, step: int, start: int, end: int, current: Ice.Current
    ) -> Any:
        sections = (start, end, step)
        return self._with(
            lambda opened: _drawing().packed(self._project(opened, kind, sections, t))
        )

    def renderProjectedCompressed(  # noqa: N802
        self, kind: Any, t: int, step: int, start: int, end: int, current: Ice.Current
    ) -> Any:
        sections = (start, end, step)
        return self._with(lambda opened: self._compress(self._project(opened, kind, sections, t)))

    def setCompressionLevel(self, level: float, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: setattr(self, "_compression", level))

    def getCompressionLevel(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._compression)

    def _draw(self, opened: Opened, plane: Any) -> Any:
        if plane is None or plane.slice != 0:
            raise usage("Only planes of x and y can be drawn (slice 0).")
        check_index("z", plane.z, opened.image.size_z)
        check_index("t", plane.t, opened.image.size_t)
        region = Region(*region_inside(plane.region, opened.size))
        self._check_size(region.width, region.height)
        return _drawing().draw_region(
            self._context.catalog, opened, self._definition, plane.z, plane.t, region
        )

    def _project(self, opened: Opened, kind: Any, sections: tuple[int, int, int], t: int) -> Any:
        check_index("t", t, opened.image.size_t)
        self._check_size(*opened.size)
        return _drawing().draw_projection(
            self._context.catalog, opened, self._definition, _KINDS[kind.name], sections, t
        )

    def _compress(self, picture: Any) -> bytes:
        return bytes(_drawing().compressed(picture, self._compression))

    def _check_size(self, width: int, height: int) -> None:
        most = self._context.settings.max_reply_bytes // _BYTES_PER_PIXEL
        if width * height > most:
            raise usage(
                f"{width}×{height} pixels are more than {most}; ask for a region, "
                "or a smaller resolution level."
            )

    # -- the image -------------------------------------------------------------------------

    def getPixels(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._load_pixels(opened.image.pixels_id))

    def _load_pixels(self, pixels_id: int) -> Any:
        graph = self._context.graph
        entity = graph.find("Pixels", pixels_id)
        return None if entity is None else Builder(graph).load(entity, PIXELS_PARTS)

    def isPixelsTypeSigned(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: type_range(opened.image)[0] < 0)

    def getPixelsTypeLowerBound(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: type_range(opened.image)[0])

    def getPixelsTypeUpperBound(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: type_range(opened.image)[1])

    def getChannelStats(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: list(
                channel_range(opened.image.channels[self._index(channel)], opened.image)
            )
        )

    # -- settings of the whole image -------------------------------------------------------

    def getModel(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: self._enumeration("RenderingModel", self._definition.model.value)
        )

    def setModel(self, model: Any, current: Ice.Current) -> Any:  # noqa: N802
        return self._set(lambda: {"model": Model(value_of("RenderingModel", model))})

    def getAvailableModels(self, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, "RenderingModel")

    def getAvailableFamilies(self, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, "Family")

    def getDefaultZ(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._definition.default_z)

    def getDefaultT(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._definition.default_t)

    def setDefaultZ(self, z: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._set(lambda: {"default_z": z})

    def setDefaultT(self, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._set(lambda: {"default_t": t})

    def setQuantumStrategy(self, bit_resolution: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._set(lambda: {"bit_resolution": bit_resolution})

    def setCodomainInterval(self, start: int, end: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._set(lambda: {"cd_start": start, "cd_end": end})

    def getQuantumDef(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: omero.model.QuantumDef(
                id=rlong(0),
                loaded=True,
                cdStart=rint(self._definition.cd_start),
                cdEnd=rint(self._definition.cd_end),
                bitResolution=rint(self._definition.bit_resolution),
            )
        )

    def _set(self, changes: Callable[[], dict[str, Any]]) -> Any:
        def change(opened: Opened) -> None:
            self._definition = replace(self._definition, **changes())

        return self._with(change)

    # -- settings of a channel -------------------------------------------------------------

    def getChannelWindowStart(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.window.start)

    def getChannelWindowEnd(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.window.end)

    def setChannelWindow(  # noqa: N802
        self, channel: int, start: float, end: float, current: Ice.Current
    ) -> Any:
        return self._change(channel, window=Window(start, end))

    def getRGBA(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: list(astuple(binding.color)))

    def setRGBA(  # noqa: N802
        self, channel: int, red: int, green: int, blue: int, alpha: int, current: Ice.Current
    ) -> Any:
        return self._change(channel, color=Color(red, green, blue, alpha))

    def isActive(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.active)

    def setActive(self, channel: int, active: bool, current: Ice.Current) -> Any:  # noqa: N802
        return self._change(channel, active=active)

    def getChannelLookupTable(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.lut or "")

    def setChannelLookupTable(self, channel: int, lut: str, current: Ice.Current) -> Any:  # noqa: N802
        return self._change(channel, lut=lut or None)

    def getChannelFamily(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: self._enumeration("Family", binding.family))

    def getChannelCurveCoefficient(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.coefficient)

    def getChannelNoiseReduction(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.noise_reduction)

    def setQuantizationMap(  # noqa: N802
        self,
        channel: int,
        family: Any,
        coefficient: float,
        noise_reduction: bool,
        current: Ice.Current,
    ) -> Any:
        return self._change(
            channel,
            family=value_of("Family", family),
            coefficient=coefficient,
            noise_reduction=noise_reduction,
        )

    def getCodomainMapContext(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(
            channel, lambda binding: [_reverse_context()] if binding.reverse_intensity else []
        )

    def addCodomainMapToChannel(  # noqa: N802
        self, context: Any, channel: int, current: Ice.Current
    ) -> Any:
        _check_reverses(context)
        return self._change(channel, reverse_intensity=True)

    def removeCodomainMapFromChannel(  # noqa: N802
        self, context: Any, channel: int, current: Ice.Current
    ) -> Any:
        _check_reverses(context)
        return self._change(channel, reverse_intensity=False)

    def _read(self, channel: int, get: Callable[[ChannelBinding], Any]) -> Any:
        return self._with(lambda opened: get(self._definition.bindings[self._index(channel)]))

    def _change(self, channel: int, **changes: Any) -> Any:
        def change(opened: Opened) -> None:
            index = self._index(channel)
            bindings = list(self._definition.bindings)
            bindings[index] = replace(bindings[index], **changes)
            self._definition = self._definition.with_bindings(tuple(bindings))

        return self._with(change)

    def _index(self, channel: int) -> int:
        count = len(self._definition.bindings)
        if not 0 <= channel < count:
            raise usage(f"There is no channel {channel}; there are {count}.")
        return channel

    def _enumeration(self, kind: str, value: str) -> Any:
        entity = enumeration(kind, value)
        return None if entity is None else Builder(self._context.graph).load(entity)


def _reverse_context() -> Any:
    return omero.model.ReverseIntensityContext(
        id=rlong(_NOT_SAVED), loaded=True, reverse=omero.RBool(True)
    )


def _check_reverses(context: Any) -> None:
    if not isinstance(context, omero.romio.ReverseIntensityMapContext):
        raise usage("The only codomain map is reverse intensity.")


def _drawing() -> Any:
    # Loads the engine's compiled loops, which most clients of this server do not need.
    from imageserver.services import drawing

    return drawing
