"""What all multiscale images of OME-Zarr have: attributes, axes, arrays."""

from collections.abc import Mapping
from typing import Any

import zarr

from imageserver.readers.axes import PlaneAxes
from imageserver.readers.base import UnreadableFile


class Level:
    """An array of a multiscale image, and where its axes are."""

    def __init__(self, array: Any, axes: PlaneAxes) -> None:
        if not isinstance(array, zarr.Array):
            raise UnreadableFile("a resolution level is not an array")
        self.array = array
        self.axes = axes
        self.height, self.width = array.shape[axes.y], array.shape[axes.x]


def attributes_of(group: Any) -> Mapping[str, Any]:
    """Give the OME attributes: under `ome` since 0.5, at the top before."""
    attributes = group.attrs.asdict()
    inner = attributes.get("ome")
    return inner if isinstance(inner, Mapping) else attributes


def axes_of(multiscale: Mapping[str, Any], ndim: int) -> list[dict[str, Any]]:
    """Give the axes of a multiscale image, names in lower case. Raises UnreadableFile."""
    axes = multiscale.get("axes")
    if axes is None:
        axes = list("tczyx")[-ndim:]
    found = [{"name": a} if isinstance(a, str) else dict(a) for a in axes]
    if len(found) != ndim:
        raise UnreadableFile(f"it names {len(found)} axes for an array of {ndim}")
    for axis in found:
        axis["name"] = str(axis.get("name", "")).lower()
        if axis.get("type") == "channel":
            axis["name"] = "c"
    return found
