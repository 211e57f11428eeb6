"""The rendering settings that an image starts with."""

import numpy as np

from imageserver.enumerations import PIXEL_BITS
from imageserver.records import ChannelRecord, ImageRecord
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

_ACTIVE_AT_FIRST = 3
_RGB_CHANNELS = range(2, 8)
_BY_INDEX = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def first_settings(image: ImageRecord) -> RenderingDefinition:
    """Give the settings for an image whose channels' statistics are known as far as they can be."""
    return RenderingDefinition(
        model=Model.RGB if len(image.channels) in _RGB_CHANNELS else Model.GREYSCALE,
        bindings=tuple(_first_binding(image, i) for i in range(len(image.channels))),
        default_z=image.size_z // 2,
    )


def _first_binding(image: ImageRecord, index: int) -> ChannelBinding:
    channel = image.channels[index]
    color = channel.color or (*_BY_INDEX[_color_index(channel, index)], 255)
    window = Window(*channel_range(channel, image))
    return ChannelBinding(index < _ACTIVE_AT_FIRST, window, Color(*color), channel.lut)


def _color_index(channel: ChannelRecord, index: int) -> int:
    """Choose among red, green and blue by wavelength, else by the channel's place, as OMERO."""
    wavelength = channel.emission_wave
    if wavelength is None:
        wavelength = channel.excitation_wave
    if wavelength is None:
        return index % len(_BY_INDEX)
    return 2 if wavelength < 500 else 1 if wavelength < 560 else 0


def channel_range(channel: ChannelRecord, image: ImageRecord) -> tuple[float, float]:
    """Give a channel's statistics, or the range of the pixel type where they say nothing."""
    if channel.stats is None or channel.stats[1] - channel.stats[0] < 1e-5:
        return type_range(image)
    return channel.stats


def type_range(image: ImageRecord) -> tuple[float, float]:
    """Give the values that the pixel type can have; of floating point ones OMERO says ±2^31."""
    if image.pixel_type in {"float", "double"}:
        return -(2.0**31), 2.0**31 - 1
    bits = PIXEL_BITS[image.pixel_type]
    if image.pixel_type.startswith("int"):
        limits = np.iinfo(f"i{bits // 8}")
        return float(limits.min), float(limits.max)
    return 0.0, float(2**bits - 1)
