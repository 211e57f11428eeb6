"""A client's RenderingDef → settings: what it does not load stays as it was.

References may come unloaded, with nothing but an id.
"""

import math
from dataclasses import replace
from typing import Any

from imageserver.enumerations import ENUMERATIONS
from imageserver.faults import usage
from imageserver.records import ImageRecord
from imageserver.wire import unwrap
from render.blitz.slices import omero
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

_BIT_RESOLUTIONS = tuple(2**bits - 1 for bits in range(1, 9))
_LONGEST_NAME = 255


def given_settings(
    given: Any, before: RenderingDefinition, image: ImageRecord
) -> RenderingDefinition:
    """Give `before` with all that a RenderingDef says; ApiUsageException where it makes no sense.

    A colour counts only with its red, green and blue.
    """
    changes: dict[str, Any] = {}
    if given.model is not None:
        changes["model"] = Model(value_of("RenderingModel", given.model))
    for name, member in (("default_z", given.defaultZ), ("default_t", given.defaultT)):
        if member is not None:
            changes[name] = member.val
    quantum = given.quantization
    if quantum is not None and quantum.loaded:
        for name, member in (
            ("cd_start", quantum.cdStart),
            ("cd_end", quantum.cdEnd),
            ("bit_resolution", quantum.bitResolution),
        ):
            if member is not None:
                changes[name] = member.val
    if given.waveRenderingLoaded:
        bindings = list(given.waveRenderingSeq)
        if len(bindings) != len(before.bindings):
            raise usage(
                f"The image has {len(before.bindings)} channels and the settings {len(bindings)}."
            )
        changes["bindings"] = tuple(map(_given_binding, bindings, before.bindings))
    settings = replace(before, **changes)
    check_usable(settings, image)
    return settings


def check_usable(settings: RenderingDefinition, image: ImageRecord) -> None:
    """Raise ApiUsageException unless a picture of the image can be drawn by the settings."""
    for number, binding in enumerate(settings.bindings):
        if not (math.isfinite(binding.window.start) and math.isfinite(binding.window.end)):
            raise usage(f"The window of channel {number} is no interval of numbers.")
        if not (math.isfinite(binding.coefficient) and binding.coefficient > 0):
            raise usage(f"The coefficient of channel {number} has to be above 0.")
        color = binding.color
        if not all(0 <= part <= 255 for part in (color.red, color.green, color.blue, color.alpha)):
            raise usage(f"The colour of channel {number} is made of numbers of 0 to 255.")
        if binding.lut is not None and len(binding.lut) > _LONGEST_NAME:
            raise usage(f"The lookup table of channel {number} has no such name.")
    if not 0 <= settings.cd_start < settings.cd_end <= 255:
        raise usage("The output interval has to rise, from 0 or more to 255 or less.")
    if settings.bit_resolution not in _BIT_RESOLUTIONS:
        raise usage(f"The bit resolution has to be one of {_BIT_RESOLUTIONS}.")
    for axis, index, size in (
        ("z", settings.default_z, image.size_z),
        ("t", settings.default_t, image.size_t),
    ):
        if not 0 <= index < size:
            raise usage(f"The default {axis} is {index}; this image has 0 to {size - 1}.")


def value_of(kind: str, given: Any) -> str:
    """Give the value of an enumeration's object, by its value, or by its id when unloaded."""
    values = ENUMERATIONS[kind]
    value = unwrap(given.value) if given is not None else None
    if value is None and given is not None and given.id is not None:
        position = given.id.val - 1
        value = values[position] if 0 <= position < len(values) else None
    if value not in values:
        raise usage(f"{kind} has no value “{value or ''}”.")
    return value


def _given_binding(given: Any, before: ChannelBinding) -> ChannelBinding:
    if given is None or not given.loaded:
        return before
    changes: dict[str, Any] = {"lut": unwrap(given.lookupTable) or None}
    for name, member in (
        ("active", given.active),
        ("coefficient", given.coefficient),
        ("noise_reduction", given.noiseReduction),
    ):
        if member is not None:
            changes[name] = member.val
    if given.family is not None:
        changes["family"] = value_of("Family", given.family)
    if given.inputStart is not None and given.inputEnd is not None:
        changes["window"] = Window(given.inputStart.val, given.inputEnd.val)
    red, green, blue, alpha = map(unwrap, (given.red, given.green, given.blue, given.alpha))
    if None not in (red, green, blue):
        changes["color"] = Color(red, green, blue, 255 if alpha is None else alpha)
    if given.spatialDomainEnhancementLoaded:
        contexts = given.spatialDomainEnhancementSeq or ()
        # As OMERO draws it: that the map is there counts, whatever its flag says.
        changes["reverse_intensity"] = any(map(_is_reversal, contexts))
    return replace(before, **changes)


def _is_reversal(context: Any) -> bool:
    if context is None:
        return False
    if not isinstance(context, omero.model.ReverseIntensityContext):
        raise usage("The only codomain map is reverse intensity.")
    return True
