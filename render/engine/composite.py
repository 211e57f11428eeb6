"""From planes to one picture: every channel's levels, coloured and added up.

Two ways give the same bytes: compiled loops (numba) and plain numpy, which serves where numba is
missing. Neither makes a float plane where the data are integers of up to 16 bits.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from render.engine.lut import GREY, LookupTables, color_table, find_table
from render.engine.quantum import (
    PIXEL_TYPES,
    QuantumSettings,
    pixel_type_named,
    prepare,
    settings_of,
)
from render.engine.sharing import Share, alone
from render.engine.tables import ABOVE, AT_START, BELOW, FIRST_BIN, bin_table, value_table
from render.errors import BadRequest
from render.values import DTYPES, ChannelBinding, Model, RenderingDefinition

kernels: ModuleType | None
try:
    from render.engine import kernels
except ImportError:
    kernels = None

#: Rows that the numpy way works on at a time, so that its index arrays stay small.
_NUMPY_PIXELS = 1 << 18

#: Samples (pixels times channels) that make it worth waking one more thread.
_SAMPLES_PER_THREAD = 1 << 18

_NO_TABLES: Mapping[str, NDArray[np.uint8]] = {}

#: Unsigned native types in which the loops read planes, by item size; floats are read as floats.
_SAMPLES = {
    "bit": np.uint8,
    "int8": np.uint8,
    "uint8": np.uint8,
    "int16": np.uint16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "float": np.float32,
    "double": np.float64,
}


@dataclass(frozen=True, eq=False)
class _Layer:
    """One channel ready to be drawn: its plane, its levels and what each level adds."""

    plane: NDArray
    settings: QuantumSettings
    parts: NDArray[np.uint8]


def compiled_loops_available() -> bool:
    """Tell whether the numba loops can be used in this process."""
    # The packed pixel is written as one little-endian word.
    return kernels is not None and sys.byteorder == "little"


def needed_channels(definition: RenderingDefinition) -> tuple[int, ...]:
    """Give the indices of the channels whose planes a picture needs, in channel order."""
    active = tuple(i for i, binding in enumerate(definition.bindings) if binding.active)
    return active if definition.model is Model.RGB else active[:1]


def prepared_settings(
    definition: RenderingDefinition,
    pixel_type: str,
    significant_bits: int | None = None,
    stats: Sequence[tuple[float, float] | None] = (),
) -> list[QuantumSettings]:
    """Give what each channel's levels follow from, checked, inactive channels included.

    Raises BadRequest for settings that OMERO's renderer refuses.
    """
    settings = [
        settings_of(
            definition, binding, pixel_type, significant_bits, stats[i] if i < len(stats) else None
        )
        for i, binding in enumerate(definition.bindings)
    ]
    for each in settings:
        prepare(each)
    return settings


def compose(
    planes: Sequence[NDArray | None],
    pixel_type: str,
    definition: RenderingDefinition,
    *,
    significant_bits: int | None = None,
    stats: Sequence[tuple[float, float] | None] = (),
    luts: LookupTables = _NO_TABLES,
    shape: tuple[int, int] | None = None,
    use_numba: bool | None = None,
    share: Share = alone,
) -> NDArray[np.uint8]:
    """Draw planes as a picture: (height, width, 4) uint8 of red, green, blue and alpha.

    `planes` has one (height, width) array per channel, None where `needed_channels` does not
    name the channel; big-endian contiguous ones are read as they are. `stats` has the stored
    (minimum, maximum) per channel, and may be empty. `luts` goes by lower-case name; an unknown
    name means the channel's colour. `shape` is needed only when no plane is. `use_numba` None
    takes the compiled loops where they can be used; `share` may have other threads help with
    them. Raises BadRequest for settings that OMERO's renderer refuses, those of inactive channels
    included.
    """
    pixel_type_named(pixel_type)
    layers = _layers(planes, pixel_type, definition, significant_bits, stats, luts)
    height, width = _shape(layers, planes, shape)
    if not layers:
        return np.zeros((height, width, 4), np.uint8)
    alpha = 255
    if definition.model is not Model.RGB:
        alpha = definition.bindings[needed_channels(definition)[0]].color.alpha & 0xFF
    if use_numba is None:
        use_numba = compiled_loops_available()
    if kernels is not None and len(layers) > kernels.MOST_CHANNELS:
        use_numba = False
    if use_numba:
        return _draw_compiled(layers, pixel_type, height, width, alpha, share)
    return _draw_with_numpy(layers, pixel_type, height, width, alpha)


def _layers(
    planes: Sequence[NDArray | None],
    pixel_type: str,
    definition: RenderingDefinition,
    significant_bits: int | None,
    stats: Sequence[tuple[float, float] | None],
    luts: LookupTables,
) -> list[_Layer]:
    settings = prepared_settings(definition, pixel_type, significant_bits, stats)
    needed = needed_channels(definition)
    with_alpha = any(definition.bindings[i].color.alpha != 255 for i in needed)
    dtype = np.dtype(DTYPES[pixel_type])
    layers = []
    for i in needed:
        plane = planes[i] if i < len(planes) else None
        if plane is None:
            raise BadRequest(f"channel {i + 1} is switched on but the image has no such channel")
        parts = _parts(definition, definition.bindings[i], luts, with_alpha)
        layers.append(_Layer(np.ascontiguousarray(plane, dtype), settings[i], parts))
    return layers


def _parts(
    definition: RenderingDefinition, binding: ChannelBinding, luts: LookupTables, with_alpha: bool
) -> NDArray[np.uint8]:
    if definition.model is not Model.RGB:
        return GREY
    table = find_table(binding.lut, luts)
    return color_table(binding.color, with_alpha) if table is None else table


def _shape(
    layers: Sequence[_Layer], planes: Sequence[NDArray | None], shape: tuple[int, int] | None
) -> tuple[int, int]:
    shapes = {layer.plane.shape for layer in layers}
    if not shapes:
        shapes = {plane.shape for plane in planes if plane is not None}
    if not shapes and shape is not None:
        return shape
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"planes must share one (height, width), not {shapes or 'nothing'}")
    height, width = shapes.pop()
    return height, width


def _draw_compiled(
    layers: Sequence[_Layer], pixel_type: str, height: int, width: int, alpha: int, share: Share
) -> NDArray[np.uint8]:
    assert kernels is not None
    loops = kernels
    parts = loops.packed_parts(np.stack([layer.parts for layer in layers]))
    planes = _addresses([layer.plane for layer in layers])
    sample, byte = np.empty(0, _SAMPLES[pixel_type]), np.empty(0, np.uint8)
    opaque = np.uint64(alpha << 24)
    out = np.empty(height * width, np.uint32)
    taken = np.zeros(1, np.int64)
    place = np.uint64(taken.ctypes.data)
    if PIXEL_TYPES[pixel_type].uses_table:
        tables = [value_table(layer.settings) for layer in layers]
        levels = _addresses(tables)

        def draw() -> None:
            loops.compose_values(planes, levels, parts, sample, byte, opaque, place, out)
    else:
        binned = [bin_table(layer.settings) for layer in layers]
        bounds = np.array([(b.start, b.end, b.step, b.last_bin) for b in binned], np.float64)
        tables = [b.levels for b in binned]
        levels = _addresses(tables)

        def draw() -> None:
            loops.compose_bins(planes, levels, parts, bounds, sample, byte, opaque, place, out)

    share(draw, height * width * len(layers) // _SAMPLES_PER_THREAD)
    return out.view(np.uint8).reshape(height, width, 4)


def _addresses(arrays: Sequence[NDArray]) -> NDArray[np.uint64]:
    return np.array([array.ctypes.data for array in arrays], np.uint64)


def _draw_with_numpy(
    layers: Sequence[_Layer], pixel_type: str, height: int, width: int, alpha: int
) -> NDArray[np.uint8]:
    out = np.empty((height, width, 4), np.uint8)
    out[..., 3] = alpha
    rows = max(1, _NUMPY_PIXELS // max(width, 1))
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        sums = np.zeros((*layers[0].plane[part].shape, 3), np.uint32)
        for layer in layers:
            sums += layer.parts[_levels(layer.plane[part], layer.settings, pixel_type)]
        np.minimum(sums, 255, out=out[part, :, :3], casting="unsafe")
    return out


def _levels(plane: NDArray, settings: QuantumSettings, pixel_type: str) -> NDArray[np.uint8]:
    if PIXEL_TYPES[pixel_type].uses_table:
        return value_table(settings)[plane.view(f">u{plane.itemsize}")]
    table = bin_table(settings)
    values = plane.astype(np.float64)
    with np.errstate(all="ignore"):
        distance = (values - table.start) / table.step
    place = np.where(distance >= 0, np.minimum(distance, table.last_bin), 0.0).astype(np.int64)
    place += FIRST_BIN
    place[values == table.start] = AT_START
    place[values > table.end] = ABOVE
    place[values < table.start] = BELOW
    return table.levels[place]
