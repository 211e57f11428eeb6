"""The rendering settings of an image that has none stored, as OMERO's server would make them."""

from collections.abc import Sequence

from render.engine.quantum import pixel_range
from render.values import (
    ChannelBinding,
    ChannelInfo,
    Color,
    ImageInfo,
    Model,
    RenderingDefinition,
    Window,
)

_BLUE, _GREEN, _RED = Color(0, 0, 255), Color(0, 255, 0), Color(255, 0, 0)
_WHITE = Color(255, 255, 255)
_BY_INDEX = (_RED, _GREEN, _BLUE)

#: Channels that are switched on at first.
_ACTIVE = 3
#: With that many channels or more the reference takes the image for a spectrum, shown in grey.
_TOO_MANY_FOR_COLOR = 8
#: Stored statistics closer than this count as none.
_SAME = 0.00001


def window_plane(info: ImageInfo) -> tuple[int, int] | None:
    """Give the (z, t) whose smallest and largest values `default_rendering` wants, or None.

    None means that no plane has to be looked at: statistics are stored, or the image is a
    pyramid.
    """
    has_stats = bool(info.channels) and info.channels[0].stats is not None
    if has_stats or info.requires_pyramid:
        return None
    return max(info.size_z - 1, 0) // 2, max(info.size_t - 1, 0) // 2


def default_rendering(
    info: ImageInfo, plane_minmax: Sequence[tuple[float, float]] | None = None
) -> RenderingDefinition:
    """Work out the default settings of an image.

    `plane_minmax` holds the (smallest, largest) value of each channel in the plane that
    `window_plane` names; without it the image is treated as a pyramid, whose planes are too
    large to look at.
    """
    colors = _colors(info.channels)
    from_plane = plane_minmax is not None and info.channels[0].stats is None
    bindings = []
    for index, channel in enumerate(info.channels):
        if from_plane and plane_minmax is not None:
            window = Window(*map(float, plane_minmax[index]))
        else:
            window = stored_window(info, channel)
        bindings.append(ChannelBinding(index < _ACTIVE, window, colors[index], channel.lut))
    in_color = 1 < len(info.channels) < _TOO_MANY_FOR_COLOR
    return RenderingDefinition(
        model=Model.RGB if in_color else Model.GREYSCALE,
        bindings=tuple(bindings),
        default_z=info.size_z // 2,
        default_t=0,
    )


def stored_window(info: ImageInfo, channel: ChannelInfo) -> Window:
    """Give the window of a channel's stored statistics, or of its pixel type where none are."""
    if channel.stats is not None:
        low, high = channel.stats
        if not abs(low - high) < _SAME:
            return Window(float(low), float(high))
    return Window(*pixel_range(info.pixel_type, info.significant_bits))


def _colors(channels: Sequence[ChannelInfo]) -> list[Color]:
    colors = [_color(index, channel) for index, channel in enumerate(channels)]
    without = [i for i, channel in enumerate(channels) if channel.color is None]
    emitting = {i for i in without if _has_emission_data(channels[i])}
    if emitting and len(emitting) < len(without):
        # Some can be told from their light and some cannot: those are the transmitted ones.
        for index in without:
            if index not in emitting:
                colors[index] = _WHITE
    return colors


def _has_emission_data(channel: ChannelInfo) -> bool:
    return channel.emission_wave is not None or channel.has_emission_filter


def _color(index: int, channel: ChannelInfo) -> Color:
    if channel.color is not None:
        return channel.color
    for wave in (channel.emission_wave, channel.laser_wave, channel.excitation_wave):
        if wave is not None:
            return _wave_color(wave)
    return _BY_INDEX[index % len(_BY_INDEX)]


def _wave_color(wave: float) -> Color:
    if wave < 500:
        return _BLUE
    return _GREEN if wave < 560 else _RED
