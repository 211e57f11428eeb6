"""RenderingEngine: the settings that an image starts with, to look at and to change in memory.

OMERO's clients read channel windows and colours here. Nothing is rendered and nothing saved:
those calls are refused, as pictures are Blitzrender's own part.
"""

from dataclasses import dataclass, replace
from typing import Any

import Ice
import numpy as np

from imageserver.entities import enumeration
from imageserver.enumerations import PIXEL_BITS
from imageserver.faults import guarded, usage
from imageserver.model import Builder
from imageserver.records import ChannelRecord, ImageRecord
from imageserver.services.context import ServiceContext
from imageserver.services.opened_pixels import OpenedPixels
from imageserver.services.pixels import PIXELS_PARTS
from imageserver.services.types import load_enumerations
from imageserver.wire import rint, rlong
from render.blitz.slices import omero

# The id of settings that are in memory only.
_NOT_SAVED = -1
_ACTIVE_AT_FIRST = 3
_RGB_CHANNELS = range(2, 8)
_BY_INDEX = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


@dataclass(frozen=True)
class _Binding:
    """How one channel is shown."""

    window: tuple[float, float]
    color: tuple[int, int, int, int]
    active: bool
    lut: str
    family: str = "linear"
    coefficient: float = 1.0
    noise_reduction: bool = False


@guarded(omero.api.RenderingEngine)
class RenderingEngine(OpenedPixels, omero.api.RenderingEngine):
    """Settings of one image for one client."""

    def __init__(self, context: ServiceContext, name: str) -> None:
        super().__init__(context, name)
        self._bindings: list[_Binding] = []
        self._model = "rgb"
        self._default_z = self._default_t = 0
        self._compression = 0.85

    # -- choosing --------------------------------------------------------------------------

    def lookupPixels(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._choose(pixels_id))

    def _choose(self, pixels_id: int) -> None:
        self._open(pixels_id)
        self._reset()

    def lookupRenderingDef(self, pixels_id: int, current: Ice.Current) -> Any:  # noqa: N802
        """Tell that there are settings: those that every image starts with."""
        return self._with(lambda opened: opened.image.pixels_id == pixels_id)

    def load(self, current: Ice.Current) -> Any:
        return self._with(lambda opened: None)

    def resetDefaultSettings(self, save: bool, current: Ice.Current) -> Any:  # noqa: N802
        if save:
            raise usage("This image server keeps no rendering settings.")
        return self._with(lambda opened: self._reset())

    def getRenderingDefId(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _NOT_SAVED)

    def _reset(self) -> int:
        assert self._opened is not None
        # Windows come from the statistics, which are worth waiting for here.
        image = self._context.catalog.image_by_pixels(self._opened.image.pixels_id)
        self._bindings = [_first_binding(image, i) for i in range(len(image.channels))]
        self._model = "rgb" if len(image.channels) in _RGB_CHANNELS else "greyscale"
        self._default_z, self._default_t = image.size_z // 2, 0
        return _NOT_SAVED

    # -- the image -------------------------------------------------------------------------

    def getPixels(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._load_pixels(opened.image.pixels_id))

    def _load_pixels(self, pixels_id: int) -> Any:
        graph = self._context.graph
        entity = graph.find("Pixels", pixels_id)
        return None if entity is None else Builder(graph).load(entity, PIXELS_PARTS)

    def isPixelsTypeSigned(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _type_range(opened.image)[0] < 0)

    def getPixelsTypeLowerBound(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _type_range(opened.image)[0])

    def getPixelsTypeUpperBound(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: _type_range(opened.image)[1])

    def getChannelStats(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: list(_stats(opened.image.channels[self._index(channel)], opened.image))
        )

    # -- settings of the whole image -------------------------------------------------------

    def getModel(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._enumeration("RenderingModel", self._model))

    def setModel(self, model: Any, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(
            lambda opened: setattr(self, "_model", _value_of("RenderingModel", model))
        )

    def getAvailableModels(self, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, "RenderingModel")

    def getAvailableFamilies(self, current: Ice.Current) -> list:  # noqa: N802
        return load_enumerations(self._context, "Family")

    def getDefaultZ(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._default_z)

    def getDefaultT(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: self._default_t)

    def setDefaultZ(self, z: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: setattr(self, "_default_z", z))

    def setDefaultT(self, t: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._with(lambda opened: setattr(self, "_default_t", t))

    def getQuantumDef(self, current: Ice.Current) -> Any:  # noqa: N802
        return omero.model.QuantumDef(
            id=rlong(0), loaded=True, cdStart=rint(0), cdEnd=rint(255), bitResolution=rint(255)
        )

    def setCompressionLevel(self, level: float, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: setattr(self, "_compression", level))

    def getCompressionLevel(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._run(lambda: self._compression)

    # -- settings of a channel -------------------------------------------------------------

    def getChannelWindowStart(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.window[0])

    def getChannelWindowEnd(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.window[1])

    def setChannelWindow(  # noqa: N802
        self, channel: int, start: float, end: float, current: Ice.Current
    ) -> Any:
        return self._change(channel, window=(start, end))

    def getRGBA(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: list(binding.color))

    def setRGBA(  # noqa: N802
        self, channel: int, red: int, green: int, blue: int, alpha: int, current: Ice.Current
    ) -> Any:
        return self._change(channel, color=(red, green, blue, alpha))

    def isActive(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.active)

    def setActive(self, channel: int, active: bool, current: Ice.Current) -> Any:  # noqa: N802
        return self._change(channel, active=active)

    def getChannelLookupTable(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: binding.lut)

    def setChannelLookupTable(self, channel: int, lut: str, current: Ice.Current) -> Any:  # noqa: N802
        return self._change(channel, lut=lut)

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
            family=_value_of("Family", family),
            coefficient=coefficient,
            noise_reduction=noise_reduction,
        )

    def getCodomainMapContext(self, channel: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._read(channel, lambda binding: [])

    def _read(self, channel: int, get: Any) -> Any:
        return self._with(lambda opened: get(self._bindings[self._index(channel)]))

    def _change(self, channel: int, **changes: Any) -> Any:
        def change(opened: object) -> None:
            index = self._index(channel)
            self._bindings[index] = replace(self._bindings[index], **changes)

        return self._with(change)

    def _index(self, channel: int) -> int:
        if not 0 <= channel < len(self._bindings):
            raise usage(f"There is no channel {channel}; there are {len(self._bindings)}.")
        return channel

    def _enumeration(self, kind: str, value: str) -> Any:
        entity = enumeration(kind, value)
        return None if entity is None else Builder(self._context.graph).load(entity)


def _first_binding(image: ImageRecord, index: int) -> _Binding:
    channel = image.channels[index]
    color = channel.color or (*_BY_INDEX[_color_index(channel, index)], 255)
    window = _stats(channel, image)
    return _Binding(window, color, index < _ACTIVE_AT_FIRST, channel.lut or "")


def _color_index(channel: ChannelRecord, index: int) -> int:
    """Choose among red, green and blue by wavelength, else by the channel's place, as OMERO."""
    wavelength = channel.emission_wave
    if wavelength is None:
        wavelength = channel.excitation_wave
    if wavelength is None:
        return index % len(_BY_INDEX)
    return 2 if wavelength < 500 else 1 if wavelength < 560 else 0


def _stats(channel: ChannelRecord, image: ImageRecord) -> tuple[float, float]:
    if channel.stats is None or channel.stats[1] - channel.stats[0] < 1e-5:
        return _type_range(image)
    return channel.stats


def _type_range(image: ImageRecord) -> tuple[float, float]:
    """Give the values that the pixel type can have; of floating point ones OMERO says ±2^31."""
    if image.pixel_type in {"float", "double"}:
        return -(2.0**31), 2.0**31 - 1
    bits = PIXEL_BITS[image.pixel_type]
    if image.pixel_type.startswith("int"):
        limits = np.iinfo(f"i{bits // 8}")
        return float(limits.min), float(limits.max)
    return 0.0, float(2**bits - 1)


def _value_of(kind: str, given: Any) -> str:
    value = given.value.val if given is not None and given.value is not None else ""
    if enumeration(kind, value) is None:
        raise usage(f"{kind} has no value “{value}”.")
    return value
