"""What all multiscale images of OME-Zarr have: attributes, axes, arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import LocalStore

from imageserver.readers.axes import PlaneAxes
from imageserver.readers.base import Access, UnreadableFile


class InsideStore(LocalStore):
    """A folder as a Zarr store that follows no path and no link out of the served folder."""

    def __init__(self, root: Path, access: Access) -> None:
        super().__init__(root, read_only=True)
        self._access = access

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """Read what is under a key."""
        self._access.resolve(self.root / key)
        return await super().get(key, prototype, byte_range)


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
    return ome_part(group.attrs.asdict())


def ome_part(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the OME attributes among all of a group."""
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
