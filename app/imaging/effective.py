"""The settings that a picture is made with: stored or default ones, changed by the URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from app.call import Call
from app.imaging.lookup_tables import find_lookup_tables
from app.imaging.planes import plane_extent
from app.params import SettingsRequest
from app.parsing.channels import apply_channels, by_channel
from render.engine.codomain import with_gamma
from render.engine.composite import needed_channels
from render.engine.defaults import default_rendering, window_plane
from render.values import ImageInfo, PlaneIndex, RenderingDefinition, Window

WindowOf = Callable[[int], Window]


@dataclass(frozen=True)
class EffectiveSettings:
    """A definition, and the lookup tables that its active channels name, by lower-case name.

    A name that no lookup table has was taken out, and is told in `warnings`.
    """

    definition: RenderingDefinition
    luts: Mapping[str, np.ndarray]
    warnings: tuple[str, ...] = ()


def stored_definition(call: Call, info: ImageInfo) -> RenderingDefinition:
    """Give the definition in force for the viewer, or the default one. Nothing is stored."""
    return info.rendering_definition or default_definition(call, info)


def default_definition(call: Call, info: ImageInfo) -> RenderingDefinition:
    """Give the settings of an image for which none are stored.

    Needs the smallest and largest value of a plane of each channel where the server keeps no
    statistics; what comes of it is remembered.
    """
    key = (info.pixels_id, info.pixels_version, info.requires_pyramid, info.channels)
    definition = call.parts.defaults.get(key)
    if definition is None:
        definition = default_rendering(info, _plane_extents(call, info))
        call.parts.defaults.set(key, definition)
    return definition


def effective_settings(
    call: Call,
    definition: RenderingDefinition,
    request: SettingsRequest,
    window_of: WindowOf | None = None,
) -> EffectiveSettings:
    """Apply what the URL says to `definition` and find the lookup tables that it needs.

    `window_of` gives the windows of drawn channels that the URL gives none. A complete request is
    drawn with the usual output interval and bit depth.
    """
    definition = _applied(definition, request)
    if request.complete:
        # No address tells these, and the picture may be kept without asking.
        definition = replace(definition, cd_start=0, cd_end=255, bit_resolution=255)
    if window_of is not None:
        definition = _with_windows(definition, request, window_of)
    if request.gamma != 1:
        definition = with_gamma(definition, request.gamma)
    return _with_tables(call, definition, request.warnings)


def unrendered_settings(
    definition: RenderingDefinition, request: SettingsRequest
) -> EffectiveSettings:
    """Tell which channels are on, for values that are not rendered."""
    return EffectiveSettings(_applied(definition, request), {})


def _applied(definition: RenderingDefinition, request: SettingsRequest) -> RenderingDefinition:
    if request.model not in (None, definition.model):
        definition = replace(definition, model=request.model)
    if request.channels is not None:
        definition = apply_channels(definition, request.channels)
    return definition


def _with_windows(
    definition: RenderingDefinition, request: SettingsRequest, window_of: WindowOf
) -> RenderingDefinition:
    listed = by_channel(request.channels or ())
    bindings = list(definition.bindings)
    for c in needed_channels(definition):
        if c not in listed or listed[c].window is None:
            bindings[c] = replace(bindings[c], window=window_of(c))
    return definition.with_bindings(tuple(bindings))


def _with_tables(
    call: Call, definition: RenderingDefinition, warnings: tuple[str, ...]
) -> EffectiveSettings:
    named = [c for c in needed_channels(definition) if definition.bindings[c].lut]
    if not named:
        return EffectiveSettings(definition, {}, warnings)
    bindings = list(definition.bindings)
    luts = find_lookup_tables(call, (bindings[c].lut or "" for c in named))
    for c in named:
        name = bindings[c].lut or ""
        if name.strip().lower() not in luts:
            bindings[c] = replace(bindings[c], lut=None)
            warning = f"lookup table {name} is unknown; channel {c + 1} has its colour"
            warnings = (*warnings, warning)
    return EffectiveSettings(definition.with_bindings(tuple(bindings)), luts, warnings)


def _plane_extents(call: Call, info: ImageInfo) -> list[tuple[float, float]] | None:
    plane = window_plane(info)
    if plane is None:
        return None
    z, t = plane
    return [plane_extent(call, info, PlaneIndex(z, c, t)) for c in range(info.size_c)]
