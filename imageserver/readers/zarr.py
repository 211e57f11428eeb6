"""OME-Zarr 0.1 to 0.5: multiscale images in a folder, several of them where the layout says so.

Recognised as several images: more than one multiscale in a group, the layout of bioformats2raw
(with its OME-XML) and plates (one image for each field). A folder without any is unreadable.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import zarr

from imageserver.readers import ome_xml
from imageserver.readers.base import Access, ImageFile, Reader, SeriesMetadata, UnreadableFile
from imageserver.readers.objects import AnnotationMetadata
from imageserver.readers.ome_annotations import annotations
from imageserver.readers.zarr_fields import plate_markers
from imageserver.readers.zarr_folder import XML, ZarrFolder, read_xml
from imageserver.readers.zarr_images import MALFORMED, OpenImage, open_image
from imageserver.readers.zarr_labels import label_names
from imageserver.readers.zarr_parts import InsideStore, attributes_of
from imageserver.readers.zarr_plate_file import ZarrPlateFile

_MARKERS = ("zarr.json", ".zgroup", ".zattrs")


class ZarrReader(Reader):
    """Opens OME-Zarr folders."""

    name = "OME-Zarr"

    def claims(self, path: Path) -> bool:
        """Take folders that hold the marks of a Zarr group, and those that are named like one."""
        if not path.is_dir():
            return False
        return path.name.lower().endswith(".zarr") or any(
            (path / marker).exists() for marker in _MARKERS
        )

    def open(self, path: Path, access: Access) -> ImageFile:
        """Read the metadata of the groups and arrays that belong to images."""
        return _opened(path, access, None)

    def reopen(self, path: Path, access: Access, known: Sequence[SeriesMetadata]) -> ImageFile:
        """Open as before; of a plate nothing is read but what it says itself."""
        file = _opened(path, access, known)
        return file if isinstance(file, ZarrPlateFile) else self.unchanged(file, known)


def _opened(path: Path, access: Access, known: Sequence[SeriesMetadata] | None) -> ImageFile:
    try:
        root = zarr.open_group(InsideStore(path, access), mode="r", use_consolidated=False)
        attributes = attributes_of(root)
        if "plate" in attributes and not attributes.get("multiscales"):
            return ZarrPlateFile(path, access, root, known)
        return ZarrImageFile(path, access, root)
    except UnreadableFile:
        raise
    except Exception as error:
        raise UnreadableFile(f"it is not a Zarr that can be read ({error!s:.120})") from error


class ZarrImageFile(ZarrFolder):
    """An opened OME-Zarr that is no plate."""

    def __init__(self, path: Path, access: Access, root: zarr.Group) -> None:
        super().__init__(path, access)
        self._images: list[OpenImage] = []
        series: list[SeriesMetadata] = []
        problem: Exception | None = None
        for group, multiscale, name, described in _multiscales(root, path, access):
            try:
                # Looking for the folder spares asking for a group that may not be there.
                has_labels = (path / group.path / "labels").is_dir() and bool(label_names(group))
                opened, metadata = open_image(group, multiscale, name, described, has_labels)
            except MALFORMED as error:
                problem = problem or error
                continue
            self._images.append(opened)
            series.append(metadata)
        if not series:
            if isinstance(problem, UnreadableFile):
                raise problem
            detail = f" ({problem!s:.120})" if problem else ""
            raise UnreadableFile(f"it holds no OME-Zarr multiscale image{detail}")
        self.series = tuple(series)

    def image(self, series: int) -> OpenImage:
        """Give one of the images."""
        return self._images[series]

    def annotations(self) -> tuple[AnnotationMetadata, ...]:
        """Read the structured annotations of the OME-XML."""
        described = [image.described for image in self._images]
        if not any(ome is not None and ome.annotation_ids for ome in described):
            return ()
        series_of: dict[str, int] = {}
        for series, ome in enumerate(described):
            if ome is not None:
                series_of.setdefault(ome.id, series)
        return annotations(self.xml(), series_of, ())


class _Found(NamedTuple):
    """One multiscale image, and what is known of it from elsewhere."""

    group: Any
    multiscale: Mapping[str, Any]
    name: str
    described: ome_xml.OmeImage | None


def _multiscales(root: zarr.Group, path: Path, access: Access) -> Iterator[_Found]:
    if attributes_of(root).get("multiscales"):
        yield from _of_group(root, "", None)
        return
    described: list[ome_xml.OmeImage] = []
    if (path / XML).is_file():
        described = ome_xml.images(read_xml(path, access))
    names: list[str] = []
    if "OME" in root and isinstance(root["OME"], zarr.Group):
        names = list(attributes_of(root["OME"]).get("series", ()))
    if not names:
        names = sorted(
            (entry.name for entry in path.iterdir() if entry.name.isdigit() and entry.is_dir()),
            key=int,
        )
    for i, name in enumerate(names):
        image = described[i] if i < len(described) else None
        yield from _of_group(root[name], image.name if image and image.name else name, image)


def _of_group(
    group: Any,
    name: str,
    described: ome_xml.OmeImage | None,
) -> Iterator[_Found]:
    for multiscale in attributes_of(group).get("multiscales", ()):
        own = str(multiscale.get("name") or "")
        yield _Found(group, multiscale, name or ("" if own in ("", "/") else own), described)


def marker_files(path: Path) -> Iterator[Path]:
    """Give the metadata files of a Zarr folder, chunks left out; of a plate those down to wells."""
    of_plate = plate_markers(path)
    if of_plate is not None:
        yield from of_plate
        return
    for folder, inner, names in os.walk(path):
        here = [name for name in names if name in (*_MARKERS, ".zarray", "METADATA.ome.xml")]
        for name in sorted(here):
            yield Path(folder) / name
        if ".zarray" in names or _is_array(Path(folder), names):
            inner.clear()


def _is_array(folder: Path, names: list[str]) -> bool:
    if "zarr.json" not in names:
        return False
    try:
        return json.loads((folder / "zarr.json").read_bytes()).get("node_type") == "array"
    except (OSError, ValueError, AttributeError):
        return False
