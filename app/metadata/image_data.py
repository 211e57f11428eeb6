"""The `imgData` object: an image and its settings as OMERO.web's viewers read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from render.engine.panes import BORDER, pane_grid
from render.values import (
    ChannelBinding,
    ChannelInfo,
    ContainerRef,
    ImageInfo,
    Model,
    RenderingDefinition,
    dtype_named,
)

_MODEL_NAMES = {Model.GREYSCALE: "greyscale", Model.RGB: "color"}


@dataclass(frozen=True)
class ViewerDefaults:
    """What OMERO.server's settings say to viewers; a negative zoom level counts from the end."""

    initial_zoom_level: int = 0
    interpolate_pixels: bool = True


def outline(info: ImageInfo) -> dict[str, Any]:
    """Give what can be told of an image whose pixels cannot be rendered."""
    permissions = info.permissions
    return {
        "id": info.image_id,
        "meta": _meta(info),
        "perms": {
            "canAnnotate": permissions.can_annotate,
            "canEdit": permissions.can_edit,
            "canDelete": permissions.can_delete,
            "canLink": permissions.can_link,
        },
    }


def geometry(info: ImageInfo, defaults: ViewerDefaults) -> dict[str, Any]:
    """Give sizes, levels and what viewers need for zooming."""
    levels = len(info.levels)
    zoom = defaults.initial_zoom_level
    data: dict[str, Any] = {"tiles": levels > 1}
    if levels > 1:
        data |= {
            "tile_size": {"width": info.tile_width, "height": info.tile_height},
            "levels": levels,
            "resolutions": {
                str(level): {"sizeX": width, "sizeY": height}
                for level, (width, height) in enumerate(info.levels)
            },
            "zoomLevelScaling": {
                str(level): width / info.size_x for level, (width, _) in enumerate(info.levels)
            },
        }
    data |= {
        "interpolate": defaults.interpolate_pixels,
        "size": {
            "width": info.size_x,
            "height": info.size_y,
            "z": info.size_z,
            "t": info.size_t,
            "c": info.size_c,
        },
        "pixel_size": {"x": info.pixel_size_x, "y": info.pixel_size_y, "z": info.pixel_size_z},
        "init_zoom": zoom if zoom >= 0 else max(0, levels + zoom),
    }
    if info.nominal_magnification:
        data["nominalMagnification"] = float(info.nominal_magnification)
    return data


def image_data(
    info: ImageInfo, definition: RenderingDefinition, defaults: ViewerDefaults
) -> dict[str, Any]:
    """Give the complete object under these rendering settings."""
    data = outline(info) | geometry(info, defaults) | {"pixel_range": pixel_range(info.pixel_type)}
    measured = [channel.stats for channel in info.channels if channel.stats is not None]
    if info.pixel_type in ("float", "double") and measured:
        # pixel_range tells floats as 32-bit integers, which viewers compare as text.
        data["value_range"] = [min(low for low, _ in measured), max(high for _, high in measured)]
    data["channels"] = [
        _channel(index, channel, binding, info.pixel_type)
        for index, (channel, binding) in enumerate(
            zip(info.channels, definition.bindings, strict=True)
        )
    ]
    data["split_channel"] = {
        "g": split_channel_grid(info.size_c, info.size_x, info.size_y),
        "c": split_channel_grid(info.size_c + 1, info.size_x, info.size_y),
    }
    data["rdefs"] = {
        "model": _MODEL_NAMES[definition.model],
        "projection": "normal",
        "defaultZ": definition.default_z,
        "defaultT": definition.default_t,
        "invertAxis": False,
    }
    return data


def pixel_range(pixel_type: str) -> list[int] | list[float]:
    """Give the lowest and highest value as OMERO.web tells it.

    From byte width and sign alone: floats count as signed integers of their width, and all that
    is signed is told in floating point. Raises BadRequest for a type without pixels to render.
    """
    dtype = dtype_named(pixel_type)
    bits = 8 * dtype.itemsize
    if dtype.kind == "u":
        return [0, 2**bits - 1]
    return [-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1]


def split_channel_grid(panes: int, size_x: int, size_y: int) -> dict[str, int]:
    """Give size and shape of the picture that shows `panes` panes side by side."""
    grid = pane_grid(panes, (size_x, size_y))
    width, height = grid.size
    return {
        "width": width,
        "height": height,
        "border": BORDER,
        "gridx": grid.columns,
        "gridy": grid.rows,
    }


def look_up(data: Any, path: str) -> Any:
    """Give what lies at a dotted path, list items by their index; None where there is nothing."""
    for step in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and step.isascii() and step.isdigit() and len(step) < 9:
            data = data[int(step)] if int(step) < len(data) else None
        else:
            return None
    return data


def channel_label(index: int, channel: ChannelInfo) -> str:
    """Give a channel's name, else its emission wavelength, else its index."""
    if channel.name:
        return channel.name
    wave = channel.emission_wave
    if wave:
        return str(int(wave)) if float(wave).is_integer() else str(wave)
    return str(index)


def _meta(info: ImageInfo) -> dict[str, Any]:
    project_name, project_id, project_description = _single(info.projects)
    dataset_name, dataset_id, dataset_description = _single(info.datasets)
    acquired = info.acquired_at_s
    one_well = len(info.well_sample_ids) == 1
    return {
        "imageName": info.name or "",
        "imageDescription": info.description,
        "imageAuthor": info.author,
        "imageArchived": info.archived,
        "projectName": project_name,
        "projectId": project_id,
        "projectDescription": project_description,
        "datasetName": dataset_name,
        "datasetId": dataset_id,
        "datasetDescription": dataset_description,
        "wellSampleId": info.well_sample_ids[0] if one_well else "",
        "wellId": info.well_ids[0] if one_well and info.well_ids else "",
        "imageTimestamp": float(acquired if acquired and acquired > 0 else info.imported_at_s),
        "imageId": info.image_id,
        "pixelsType": info.pixel_type,
    }


def _single(containers: Sequence[ContainerRef]) -> tuple[str, int | None, str]:
    if len(containers) != 1:
        return "Multiple", None, ""
    return containers[0].name, containers[0].id, containers[0].description


def _channel(
    index: int, channel: ChannelInfo, binding: ChannelBinding, pixel_type: str
) -> dict[str, Any]:
    low, high = channel.stats if channel.stats is not None else pixel_range(pixel_type)
    color = binding.color
    data: dict[str, Any] = {
        "emissionWave": channel.emission_wave,
        "label": channel_label(index, channel),
        "color": f"{color.red:02X}{color.green:02X}{color.blue:02X}",
        "inverted": binding.reverse_intensity,
        "reverseIntensity": binding.reverse_intensity,
        "family": binding.family,
        "coefficient": float(binding.coefficient),
        "window": {
            "min": float(low),
            "max": float(high),
            "start": float(binding.window.start),
            "end": float(binding.window.end),
        },
        "active": binding.active,
    }
    if binding.lut:
        data["lut"] = binding.lut
    return data
