"""Plots of the values along a row or column of a plane, for all channels that are on."""

from dataclasses import replace

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.effective import effective_settings, stored_definition
from app.imaging.keys import digest, values_text
from app.imaging.planes import read_planes
from app.metadata.image_data import pixel_range
from app.parsing.composed_params import LinePlotRequest
from app.pipeline import ClientHas, Picture, check_plane, filled
from render.composed import LinePlotJob, PlotCurve, curve_color
from render.errors import NotFound, TooLarge
from render.values import ImageInfo, Model, PlaneIndex, Region


def render_line_plot(call: Call, request: LinePlotRequest, client_has: ClientHas) -> Picture:
    """Draw a plot as GIF. Raises the errors of `render.errors` only."""
    info = call.image_info(request.image_id)
    check_plane(info, request.z, request.t)
    area = _line(info, request)
    _check_size(call, info)
    # In grey, too, every channel that is on has its curve, in its own colour.
    colored = replace(request.settings, model=Model.RGB, auto=None, gamma=1.0)
    settings = effective_settings(call, stored_definition(call, info), colored)
    bindings = settings.definition.bindings
    channels = [c for c, binding in enumerate(bindings) if binding.active]
    colors = [curve_color(bindings[c], settings.luts) for c in channels]
    ranges = [_value_range(info, c) for c in channels]
    planes = [PlaneIndex(request.z, c, request.t) for c in channels]
    key = digest(
        values_text(
            call.parts.source_name,
            info,
            area,
            planes,
            None,
            ("plot", request.axis, request.position, request.line_width, colors, ranges),
        )
    )

    def draw() -> bytes:
        lines = read_planes(call, info, planes, area)
        return call.work(
            LinePlotJob(
                [
                    PlotCurve(line.reshape(-1), value_range, color)
                    for line, value_range, color in zip(lines, ranges, colors, strict=True)
                ],
                request.axis,
                (info.size_x, info.size_y),
                request.position,
                request.line_width,
            )
        )

    channels_told = request.settings.channels
    complete = channels_told is not None and all(
        entry.color is not None for entry in channels_told if entry.active
    )
    picture = Picture(None, "image/gif", key, complete, settings.warnings)
    return filled(call, picture, client_has, draw, info.image_id)


def _line(info: ImageInfo, request: LinePlotRequest) -> SourceArea:
    along_x = request.axis == "x"
    name, count = ("y", info.size_y) if along_x else ("x", info.size_x)
    if request.position >= count:
        raise NotFound(
            f"{name}={request.position} does not exist; image {info.image_id} has {name} 0 to "
            f"{count - 1}",
            parameter=name,
        )
    if along_x:
        return SourceArea(0, Region(0, request.position, info.size_x, 1))
    return SourceArea(0, Region(request.position, 0, 1, info.size_y))


def _check_size(call: Call, info: ImageInfo) -> None:
    limit = call.settings.max_output_pixels
    if info.size_x * info.size_y > limit:
        raise TooLarge(
            f"a plot is as large as the plane, {info.size_x} x {info.size_y} pixels; at most "
            f"{limit} are made (setting max_output_pixels)"
        )


def _value_range(info: ImageInfo, channel: int) -> tuple[float, float]:
    """Give what `imgData` tells as the ends of a channel's values."""
    low, high = info.channels[channel].stats or pixel_range(info.pixel_type)
    return float(low), float(high)
