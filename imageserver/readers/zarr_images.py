"""One multiscale image of OME-Zarr: its arrays, and what is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from imageserver.readers import ome_xml
from imageserver.readers.axes import plane_axes
from imageserver.readers.base import (
    MAX_SEGMENT_BYTES,
    ChannelMetadata,
    SeriesMetadata,
    UnreadableFile,
    pixel_type_of,
    significant_bits_of,
)
from imageserver.readers.zarr_parts import Level, attributes_of, axes_of

#: What malformed metadata make of reading them.
MALFORMED = (UnreadableFile, KeyError, ValueError, TypeError)


@dataclass(frozen=True)
class OpenImage:
    """A group with its resolution levels, largest first, and what OME-XML tells of the image."""

    group: Any
    levels: list[Level]
    described: ome_xml.OmeImage | None = None


def open_image(
    group: Any,
    multiscale: Mapping[str, Any],
    name: str,
    described: ome_xml.OmeImage | None,
    has_labels: bool,
) -> tuple[OpenImage, SeriesMetadata]:
    """Open the arrays of a multiscale image. Raises one of MALFORMED."""
    datasets = multiscale["datasets"]
    arrays: list[Any] = [group[dataset["path"]] for dataset in datasets]
    first = arrays[0]
    axes = axes_of(multiscale, first.ndim)
    letters = "".join(axis["name"][:1] for axis in axes)
    levels = [Level(array, plane_axes(letters, array.shape)) for array in arrays]
    full = levels[0]
    kept = [full]
    for level in levels[1:]:
        same = all(level.axes.size(kind) == full.axes.size(kind) for kind in "zct")
        if not same or level.array.dtype != full.array.dtype or level.width > kept[-1].width:
            break
        kept.append(level)
    for level in kept:
        if prod(level.array.chunks) * level.array.dtype.itemsize > MAX_SEGMENT_BYTES:
            raise UnreadableFile("its chunks are too large to be read in part")
    size_c = full.axes.size("c")
    scale = _scale(multiscale, datasets[0], len(axes))

    def physical(letter: str) -> float | None:
        for axis, value in zip(axes, scale, strict=False):
            if axis["name"] == letter and axis.get("unit"):
                return ome_xml.to_micrometres(value, axis["unit"])
        return None

    channels = channels_of(attributes_of(group).get("omero"), size_c)
    if described:
        channels = ome_xml.spread(described.channels, size_c) or channels
    dtype = np.dtype(first.dtype)
    return OpenImage(group, kept, described), SeriesMetadata(
        name=name,
        description=described.description if described else "",
        pixel_type=pixel_type_of(dtype),
        significant_bits=significant_bits_of(
            dtype, described.significant_bits if described else None
        ),
        size_x=full.width,
        size_y=full.height,
        size_z=full.axes.size("z"),
        size_c=size_c,
        size_t=full.axes.size("t"),
        levels=tuple((level.width, level.height) for level in kept),
        tile_width=min(full.array.chunks[full.axes.x], full.width, 1024),
        tile_height=min(full.array.chunks[full.axes.y], full.height, 1024),
        channels=channels,
        physical_size_x=(described.physical_size_x if described else None) or physical("x"),
        physical_size_y=(described.physical_size_y if described else None) or physical("y"),
        physical_size_z=(described.physical_size_z if described else None) or physical("z"),
        nominal_magnification=described.nominal_magnification if described else None,
        acquired_at_s=described.acquired_at_s if described else None,
        has_rois=has_labels or bool(described and described.roi_ids),
        annotated=bool(described and described.annotation_ids),
    )


def channels_of(omero: Any, size_c: int) -> tuple[ChannelMetadata, ...]:
    """Give the channels that a group's `omero` attributes tell of, as many as there are."""
    written = omero.get("channels", ()) if isinstance(omero, Mapping) else ()
    found = []
    for i in range(size_c):
        entry = written[i] if i < len(written) and isinstance(written[i], Mapping) else {}
        color = None
        text = str(entry.get("color") or "").lstrip("#")
        try:
            parts = bytes.fromhex(text)
        except ValueError:
            parts = b""
        if len(parts) in (3, 4):
            color = (parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else 255)
        label = entry.get("label")
        found.append(ChannelMetadata(name=str(label) if label is not None else None, color=color))
    return tuple(found)


def _scale(multiscale: Mapping[str, Any], dataset: Mapping[str, Any], count: int) -> list[float]:
    scale = [1.0] * count
    for owner in (dataset, multiscale):
        for transformation in owner.get("coordinateTransformations") or ():
            values = transformation.get("scale")
            if transformation.get("type") == "scale" and isinstance(values, list):
                scale = [a * float(b) for a, b in zip(scale, values, strict=False)]
    return scale
