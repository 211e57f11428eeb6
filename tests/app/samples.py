"""Value objects that tests of app/ start from."""

from dataclasses import replace
from typing import Any

from render.values import (
    ChannelBinding,
    ChannelInfo,
    Color,
    ImageInfo,
    Model,
    RenderingDefinition,
    Window,
)

RED, GREEN, BLUE = Color(255, 0, 0), Color(0, 255, 0), Color(0, 0, 255)

IMAGE = ImageInfo(
    image_id=12, pixels_id=3, name="slide.tif", description="", author="Ada Byron", owner_id=0,
    group_id=0, archived=False, acquired_at_s=None, imported_at_s=1709301600.0,
    pixel_type="uint16", significant_bits=None, size_x=100, size_y=80, size_z=5, size_c=3,
    size_t=2, pixel_size_x=0.25, pixel_size_y=0.25, pixel_size_z=None,
    levels=((100, 80), (50, 40), (25, 20)), tile_width=16, tile_height=8,
    channels=(
        ChannelInfo("DAPI", stats=(12, 4095)), ChannelInfo(), ChannelInfo(emission_wave=530.0)
    ),
    pixels_version="1",
)  # fmt: skip

DEFINITION = RenderingDefinition(
    Model.RGB,
    (
        ChannelBinding(True, Window(80, 1900), BLUE),
        ChannelBinding(True, Window(0, 2500.5), RED, lut="cool.lut", reverse_intensity=True),
        ChannelBinding(False, Window(1, 2), GREEN, family="polynomial", coefficient=1.4),
    ),
    default_z=2,
)


def image(**changes: Any) -> ImageInfo:
    """Give the sample image with changes."""
    return replace(IMAGE, **changes)


def definition(**changes: Any) -> RenderingDefinition:
    """Give the sample definition with changes."""
    return replace(DEFINITION, **changes)


def binding(index: int, **changes: Any) -> RenderingDefinition:
    """Give the sample definition with changes to one channel."""
    bindings = list(DEFINITION.bindings)
    bindings[index] = replace(bindings[index], **changes)
    return DEFINITION.with_bindings(tuple(bindings))
