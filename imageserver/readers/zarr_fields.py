"""The fields of a plate of OME-Zarr, listed without opening each: a plate has ten thousands.

What tells of a field's image is read from its metadata files as they are. Fields whose files say
the same are alike, and only the first of those alike is opened to see what that amounts to.
"""

import json
import os
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import zarr

from imageserver.readers.base import Access, ChannelMetadata, SeriesMetadata, UnreadableFile
from imageserver.readers.zarr_images import MALFORMED, OpenImage, channels_of, open_image
from imageserver.readers.zarr_parts import attributes_of, ome_part
from imageserver.readers.zarr_plates import ZarrField

#: Wells looked at together, which hides the delays of network file systems.
_PARALLEL = 8

#: Metadata of a group or array are never as large.
_MAX_BYTES = 64 * 1024 * 1024

_FAULTS = (*MALFORMED, OSError, AttributeError, IndexError, RecursionError)


class _Listed(NamedTuple):
    field: ZarrField
    series: SeriesMetadata | None
    problem: Exception | None


class PlateFields:
    """The fields of one plate, by the group at its root; any thread."""

    def __init__(self, path: Path, access: Access, root: zarr.Group) -> None:
        self._path = str(path)
        self._access = access
        self._root = root
        self._format = root.metadata.zarr_format
        #: Folders that are no links, and neither are those above them up to the plate.
        self._plain = {self._path}
        self._alike: dict[tuple, SeriesMetadata] = {}
        self._channels: dict[tuple[ChannelMetadata, ...], tuple[ChannelMetadata, ...]] = {}

    def listed(self) -> tuple[list[SeriesMetadata], dict[int, ZarrField]]:
        """Give the images of all fields that can be read, and what their wells say of each.

        Their names are the fields' paths below the plate. Raises UnreadableFile when there is none.
        """
        series: list[SeriesMetadata] = []
        fields: dict[int, ZarrField] = {}
        problem: Exception | None = None
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="fields") as pool:
            wells = attributes_of(self._root)["plate"].get("wells", ())
            for found in pool.map(self._fields_of, wells):
                for one in found:
                    if one.series is None:
                        problem = problem or one.problem
                    else:
                        fields[len(series)] = one.field
                        series.append(one.series)
        if series:
            return series, fields
        if isinstance(problem, UnreadableFile):
            raise problem
        detail = f" ({problem!s:.120})" if problem else ""
        raise UnreadableFile(f"it holds no OME-Zarr multiscale image{detail}")

    def open(self, name: str) -> tuple[OpenImage, SeriesMetadata]:
        """Open the image of a field. Raises one of MALFORMED."""
        group = self._root[_checked(name)]
        multiscale = attributes_of(group)["multiscales"][0]
        return open_image(group, multiscale, name, None, self._has_labels(f"{self._path}/{name}"))

    def _fields_of(self, well: Mapping[str, Any]) -> list[_Listed]:
        try:
            path = _checked(well["path"])
            images = self._attributes(f"{self._path}/{path}").get("well", {}).get("images", ())
            return [self._field(well["path"], path, image) for image in images]
        except _FAULTS as error:
            return [_Listed(ZarrField("", {}), None, error)]

    def _field(self, well: str, path: str, image: Mapping[str, Any]) -> _Listed:
        field = ZarrField(well, image)
        try:
            return _Listed(field, self._series(f"{path}/{_checked(image['path'])}"), None)
        except _FAULTS as error:
            return _Listed(field, None, error)

    def _series(self, name: str) -> SeriesMetadata:
        folder = f"{self._path}/{name}"
        attributes = self._attributes(folder)
        multiscale = attributes["multiscales"][0]
        marker = "zarr.json" if self._format == 3 else ".zarray"
        arrays = tuple(
            self._read(f"{folder}/{_checked(dataset['path'])}", marker)
            for dataset in multiscale["datasets"]
        )
        told = {key: value for key, value in multiscale.items() if key not in ("name", "metadata")}
        key = (json.dumps(told, sort_keys=True), arrays)
        alike = self._alike.get(key)
        if alike is None:
            _, alike = self.open(name)
            self._alike[key] = alike
        channels = channels_of(attributes.get("omero"), alike.size_c)
        return replace(
            alike,
            name=name,
            channels=self._channels.setdefault(channels, channels),
            has_rois=self._has_labels(folder),
        )

    def _has_labels(self, folder: str) -> bool:
        labels = f"{folder}/labels"
        if not Path(labels).is_dir():
            return False
        try:
            names = self._attributes(labels).get("labels")
        except _FAULTS:
            return False
        return isinstance(names, list) and any(isinstance(name, str) for name in names)

    def _attributes(self, group: str) -> Mapping[str, Any]:
        if self._format == 2:
            return ome_part(json.loads(self._read(group, ".zattrs")))
        return ome_part(json.loads(self._read(group, "zarr.json"))["attributes"])

    def _read(self, folder: str, name: str) -> bytes:
        path = f"{folder}/{name}"
        # Nothing on the way is a link, nearly always: that is seen sooner than where one leads.
        is_plain = self._is_plain(folder) and not _is_link(path)
        return _read(Path(path) if is_plain else self._access.resolve(path))

    def _is_plain(self, folder: str) -> bool:
        if folder in self._plain:
            return True
        if _is_link(folder) or not self._is_plain(folder.rpartition("/")[0]):
            return False
        self._plain.add(folder)
        return True


def plate_markers(path: Path) -> list[Path] | None:
    """Give the metadata files of a plate and its wells, those of fields left out.

    None for a folder that is no plate. Nothing but the plate's own attributes is read.
    """
    for name, others in (("zarr.json", ()), (".zattrs", (".zgroup",))):
        file = path / name
        try:
            if file.is_symlink():
                continue
            told = json.loads(_read(file))
            attributes = ome_part(told["attributes"] if name == "zarr.json" else told)
            if "plate" not in attributes or attributes.get("multiscales"):
                continue
            wells = [_checked(well["path"]) for well in attributes["plate"]["wells"]]
        except _FAULTS:
            continue
        folders = [path, *(path / well for well in wells)]
        return [folder / marker for folder in folders for marker in (name, *others)]
    return None


def _is_link(path: str) -> bool:
    return stat.S_ISLNK(os.lstat(path).st_mode)


def _read(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size > _MAX_BYTES:
            raise UnreadableFile("its metadata are too large")
        return file.read(_MAX_BYTES)


def _checked(path: Any) -> str:
    """Give a path inside a Zarr folder; raise ValueError for one that leads out of it."""
    parts = str(path).strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path!r} is no path inside it")
    return "/".join(parts)
