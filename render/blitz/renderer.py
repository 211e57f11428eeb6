"""One open RenderingEngine, with which OMERO.server itself draws.

It knows the settings it was given last, so that drawing the next tile with the same ones costs
one round trip.
"""

from collections.abc import Iterator
from typing import Any

from render.blitz.ami import Pending, call, start
from render.blitz.pyramid_service import PyramidService, StoreKey
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import SourceFailed
from render.values import ChannelBinding, Projection, ProjectionKind, Region, RenderingDefinition

_PROJECTION_TYPES = {
    ProjectionKind.MAXIMUM: omero.constants.projection.ProjectionType.MAXIMUMINTENSITY,
    ProjectionKind.MEAN: omero.constants.projection.ProjectionType.MEANINTENSITY,
    ProjectionKind.SUM: omero.constants.projection.ProjectionType.SUMINTENSITY,
}


class Renderer(PyramidService):
    """An engine on the server, and the calls that set it and have it draw."""

    def __init__(self, proxy: Any, key: StoreKey) -> None:
        super().__init__(proxy, key)
        self._definition: RenderingDefinition | None = None
        self._reversed: list[bool] = []
        self._models: dict[str, Any] = {}
        self._families: dict[str, Any] = {}

    def open(self, deadline: Deadline) -> None:
        """Point the engine at its pixels, under the settings that the server has for them.

        For an image without any the server has to make some and store them, as it does for each
        of OMERO's clients.
        """
        proxy, pixels_id = self._proxy, self.key.pixels_id
        find = "find rendering settings"
        call(deadline, "open pixels for rendering", proxy.lookupPixelsAsync, pixels_id)
        if not call(deadline, find, proxy.lookupRenderingDefAsync, pixels_id):
            call(deadline, "make rendering settings", proxy.resetDefaultSettingsAsync, True)
            call(deadline, find, proxy.lookupRenderingDefAsync, pixels_id)
        call(deadline, "load the rendering engine", proxy.loadAsync)
        models = start("list models", proxy.getAvailableModelsAsync)
        families = start("list families", proxy.getAvailableFamiliesAsync)
        self._learn_levels(deadline)
        self._models = {model.value.val: model for model in models.result(deadline)}
        self._families = {family.value.val: family for family in families.result(deadline)}

    def use_settings(self, definition: RenderingDefinition, deadline: Deadline) -> None:
        """Make the engine draw by `definition`, by as many calls as it takes, all at once."""
        if definition == self._definition:
            return
        if self._definition is None:
            self._reversed = self._ask_reversed(len(definition.bindings), deadline)
        sent = [*self._set_shared(definition), *self._set_channels(definition)]
        for pending in sent:
            pending.result(deadline)
        self._definition = definition

    def save(self, default_z: int, default_t: int, deadline: Deadline) -> None:
        """Store the settings in use, and the default plane, as the session's user's own."""
        sent = [
            start("set the default z", self._proxy.setDefaultZAsync, default_z),
            start("set the default t", self._proxy.setDefaultTAsync, default_t),
        ]
        for pending in sent:
            pending.result(deadline)
        call(deadline, "save rendering settings", self._proxy.saveCurrentSettingsAsync)

    def start_region(self, z: int, t: int, region: Region) -> Pending:
        """Send the drawing of a region at the level where the engine stands."""
        where = omero.romio.RegionDef(region.x, region.y, region.width, region.height)
        plane = omero.romio.PlaneDef(slice=0, z=z, t=t, region=where)
        return start("render", self._proxy.renderAsPackedIntAsync, plane)

    def start_projection(self, projection: Projection, t: int) -> Pending:
        """Send the drawing of a projection of the whole plane."""
        return start(
            "render a projection",
            self._proxy.renderProjectedAsPackedIntAsync,
            _PROJECTION_TYPES[projection.kind],
            t,
            1,
            projection.start,
            projection.end,
        )

    def _ask_reversed(self, channels: int, deadline: Deadline) -> list[bool]:
        """Ask which channels the stored settings reverse: adding that twice would be a fault."""
        get = self._proxy.getCodomainMapContextAsync
        asked = [start("ask for codomain maps", get, channel) for channel in range(channels)]
        context = omero.model.ReverseIntensityContext
        return [
            any(isinstance(found, context) for found in pending.result(deadline) or ())
            for pending in asked
        ]

    def _set_shared(self, new: RenderingDefinition) -> Iterator[Pending]:
        old, proxy = self._definition, self._proxy
        if old is None or old.model is not new.model:
            model = _named(self._models, new.model.value)
            yield start("set the model", proxy.setModelAsync, model)
        if old is None or old.bit_resolution != new.bit_resolution:
            resolution = new.bit_resolution
            yield start("set the bit resolution", proxy.setQuantumStrategyAsync, resolution)
        if old is None or (old.cd_start, old.cd_end) != (new.cd_start, new.cd_end):
            set_interval = proxy.setCodomainIntervalAsync
            yield start("set the output interval", set_interval, new.cd_start, new.cd_end)

    def _set_channels(self, new: RenderingDefinition) -> Iterator[Pending]:
        old = self._definition
        for channel, binding in enumerate(new.bindings):
            before = None if old is None else old.bindings[channel]
            if before != binding:
                yield from self._set_channel(channel, before, binding)

    def _set_channel(
        self, channel: int, old: ChannelBinding | None, new: ChannelBinding
    ) -> Iterator[Pending]:
        step, proxy = f"set channel {channel + 1}", self._proxy
        if old is None or old.active != new.active:
            yield start(step, proxy.setActiveAsync, channel, new.active)
        if old is None or old.window != new.window:
            window = (new.window.start, new.window.end)
            yield start(step, proxy.setChannelWindowAsync, channel, *window)
        if old is None or old.color != new.color:
            color = new.color
            parts = (color.red, color.green, color.blue, color.alpha)
            yield start(step, proxy.setRGBAAsync, channel, *parts)
        if old is None or old.lut != new.lut:
            yield start(step, proxy.setChannelLookupTableAsync, channel, new.lut or "")
        curve = (new.family, new.coefficient, new.noise_reduction)
        if old is None or (old.family, old.coefficient, old.noise_reduction) != curve:
            family = _named(self._families, new.family)
            yield start(step, proxy.setQuantizationMapAsync, channel, family, *curve[1:])
        if self._reversed[channel] != new.reverse_intensity:
            self._reversed[channel] = new.reverse_intensity
            context = omero.romio.ReverseIntensityMapContext()
            change = (
                proxy.addCodomainMapToChannelAsync
                if new.reverse_intensity
                else proxy.removeCodomainMapFromChannelAsync
            )
            yield start(step, change, context, channel)


def _named(known: dict[str, Any], name: str) -> Any:
    if name not in known:
        raise SourceFailed(f"OMERO.server does not know '{name}' rendering")
    return known[name]
