"""Images as OME-TIFF, laid out before a pixel is read."""

from dataclasses import replace

import numpy as np

from app.downloads.names import safe_name, with_ending
from app.downloads.stacks import Stack
from render.engine.cuts import Grid
from render.engine.ome_xml import OmeImage, write_ome_xml
from render.engine.tiff_layout import CLASSIC_MAX_BYTES, TiffLayout
from render.values import DTYPES, Color, ImageInfo

_SOFTWARE = "Blitzrender"
_ENDING = ".ome.tiff"
#: Sides of tiles are multiples of 16 in a TIFF.
_STEP = 16
_TILE = 256
_LARGEST_TILE = 512


def ome_tiff_layout(stack: Stack, classic_max_bytes: int = CLASSIC_MAX_BYTES) -> TiffLayout:
    """Lay out the file of a stack; above `classic_max_bytes` it is a BigTIFF."""
    info = stack.info
    dtype = np.dtype(DTYPES[info.pixel_type])
    tile = _tile_side(info.tile_width), _tile_side(info.tile_height)
    description = _described(stack)
    x, y, _ = description.physical_sizes
    return TiffLayout(
        levels=tuple(
            _grid((area.region.width, area.region.height), tile, dtype.itemsize)
            for area in stack.areas
        ),
        planes=stack.planes,
        dtype=dtype,
        description=write_ome_xml(description, _SOFTWARE),
        software=_SOFTWARE.encode(),
        pixel_size_um=(x, y),
        classic_max_bytes=classic_max_bytes,
    )


def ome_tiff_name(info: ImageInfo) -> str:
    """Give the name of an image's file, `<id>-<name>.ome.tiff`, of at most 255 bytes."""
    return with_ending(safe_name(f"{info.image_id}-{info.name or ''}"), _ENDING)


def _described(stack: Stack) -> OmeImage:
    info, area = stack.info, stack.areas[0]
    level_width, level_height = info.levels[area.level]
    channels = tuple(info.channels[index] for index in stack.channels)
    # A truth value is one byte as it travels, and stays one in the file.
    is_bit = info.pixel_type == "bit"
    return OmeImage(
        name=info.name or "",
        description=info.description,
        acquired_at_s=info.acquired_at_s,
        pixel_type="uint8" if is_bit else info.pixel_type,
        significant_bits=1 if is_bit else info.significant_bits,
        size_x=area.region.width,
        size_y=area.region.height,
        size_z=len(stack.sections),
        size_t=len(stack.timepoints),
        physical_sizes=(
            info.pixel_size_x and info.pixel_size_x * (info.size_x / level_width),
            info.pixel_size_y and info.pixel_size_y * (info.size_y / level_height),
            info.pixel_size_z,
        ),
        channels=tuple(replace(channel, stats=None) for channel in channels),
        colors=tuple(_color(info, index) for index in stack.channels),
        nominal_magnification=info.nominal_magnification if area.level == 0 else None,
    )


def _color(info: ImageInfo, channel: int) -> Color | None:
    """Give the colour stored with a channel, else that of the settings in force."""
    stored = info.channels[channel].color
    if stored is not None or info.rendering_definition is None:
        return stored
    return info.rendering_definition.bindings[channel].color


def _tile_side(own: int) -> int:
    """Give the image's own side of tiles, so that tiles are read as they lie, where it will do."""
    return own if own % _STEP == 0 and _STEP <= own <= _LARGEST_TILE else _TILE


def _grid(size: tuple[int, int], tile: tuple[int, int], pixel_bytes: int) -> Grid:
    width, height = (
        min(side, whole + -whole % _STEP) for side, whole in zip(tile, size, strict=True)
    )
    return Grid(*size, width, height, pixel_bytes)
