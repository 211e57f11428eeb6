"""OME-Zarr 0.1 to 0.5: multiscale images in a folder, several of them where the layout says so.

Recognised as several images: more than one multiscale in a group, the layout of bioformats2raw
(with its OME-XML) and plates (one image for each field). A folder without any is unreadable.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
import zarr
from zarr.storage import LocalStore

from imageserver.readers import ome_xml
from imageserver.readers.axes import plane_axes
from imageserver.readers.base import (
    MAX_SEGMENT_BYTES,
    Access,
    ChannelMetadata,
    ImageFile,
    Reader,
    SeriesMetadata,
    UnreadableFile,
    pixel_type_of,
    significant_bits_of,
)
from imageserver.readers.objects import AnnotationMetadata, RoiMetadata, ShapeMetadata
from imageserver.readers.ome_annotations import annotations
from imageserver.readers.ome_regions import regions
from imageserver.readers.zarr_labels import (
    LabelImage,
    LabelRead,
    label_names,
    mask_of,
    open_label_image,
    regions_of,
)
from imageserver.readers.zarr_parts import Level, attributes_of, axes_of
from imageserver.readers.zarr_plates import ZarrField, plate_of

log = logging.getLogger(__name__)

#: Where bioformats2raw writes the OME-XML.
_XML = Path("OME", "METADATA.ome.xml")

_MARKERS = ("zarr.json", ".zgroup", ".zattrs")

#: Fields of a plate that are offered as images; a plate can hold tens of thousands.
MAX_SERIES = 2000


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
        return ZarrImageFile(path, access)


class _InsideStore(LocalStore):
    """A folder as a Zarr store that follows no path and no link out of the served folder."""

    def __init__(self, root: Path, access: Access) -> None:
        super().__init__(root, read_only=True)
        self._access = access

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        self._access.resolve(self.root / key)
        return await super().get(key, prototype, byte_range)


class ZarrImageFile(ImageFile):
    """An opened OME-Zarr; `paths` is the folder itself alone."""

    def __init__(self, path: Path, access: Access) -> None:
        super().__init__()
        self._access = access
        self.paths = (path,)
        self._arrays: list[list[Level]] = []
        self._groups: list[zarr.Group] = []
        self._ome: list[ome_xml.OmeImage | None] = []
        series: list[SeriesMetadata] = []
        problem: Exception | None = None
        try:
            store = _InsideStore(path, access)
            root = zarr.open_group(store, mode="r", use_consolidated=False)
            fields: dict[int, ZarrField] = {}
            for group, multiscale, name, described, field in _multiscales(root, path, access):
                try:
                    levels, metadata = self._open(group, multiscale, name, described)
                except (UnreadableFile, KeyError, ValueError, TypeError) as error:
                    problem = problem or error
                    continue
                if field is not None:
                    fields[len(series)] = field
                self._arrays.append(levels)
                self._groups.append(group)
                self._ome.append(described)
                series.append(metadata)
            if fields:
                self.plates = (plate_of(attributes_of(root)["plate"], fields),)
        except UnreadableFile:
            raise
        except Exception as error:
            raise UnreadableFile(f"it is not a Zarr that can be read ({error!s:.120})") from error
        if not series:
            if isinstance(problem, UnreadableFile):
                raise problem
            detail = f" ({problem!s:.120})" if problem else ""
            raise UnreadableFile(f"it holds no OME-Zarr multiscale image{detail}")
        self.series = tuple(series)

    def _open(
        self,
        group: zarr.Group,
        multiscale: Mapping[str, Any],
        name: str,
        described: ome_xml.OmeImage | None,
    ) -> tuple[list[Level], SeriesMetadata]:
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

        channels = _channels(attributes_of(group).get("omero"), size_c)
        if described:
            channels = ome_xml.spread(described.channels, size_c) or channels
        dtype = np.dtype(first.dtype)
        return kept, SeriesMetadata(
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
            has_rois=self._has_labels(group) or bool(described and described.roi_ids),
            annotated=bool(described and described.annotation_ids),
        )

    def read(
        self,
        series: int,
        level: int,
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        """Decode only the chunks under the rectangle."""
        return self._read(
            self._arrays[series][level], (series, level), z, c, t, x, y, width, height
        )

    def _read(
        self,
        source: Level,
        level_key: tuple[int, int | str],
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> np.ndarray:
        index = source.axes.index(z, c, t)
        chunks = source.array.chunks
        tall, wide = chunks[source.axes.y], chunks[source.axes.x]
        block = np.empty((height, width), source.array.dtype)
        for row in range(y // tall, -(-(y + height) // tall)):
            y0, y1 = max(y, row * tall), min(y + height, (row + 1) * tall)
            for column in range(x // wide, -(-(x + width) // wide)):
                x0, x1 = max(x, column * wide), min(x + width, (column + 1) * wide)
                position = list(index)
                position[source.axes.y], position[source.axes.x] = row * tall, column * wide
                chunk = self._chunk(source, level_key, position)
                within = [i % size for i, size in zip(position, chunks, strict=True)]
                cut: list[Any] = list(within)
                cut[source.axes.y] = slice(y0 - row * tall, y1 - row * tall)
                cut[source.axes.x] = slice(x0 - column * wide, x1 - column * wide)
                part = chunk[tuple(cut)]
                if source.axes.x < source.axes.y:
                    part = part.T
                block[y0 - y : y1 - y, x0 - x : x1 - x] = part
        return block

    def _chunk(
        self, source: Level, level_key: tuple[int, int | str], position: list[int]
    ) -> np.ndarray:
        array = source.array
        corner = tuple(i // size * size for i, size in zip(position, array.chunks, strict=True))
        size_bytes = prod(array.chunks) * array.dtype.itemsize

        def decode() -> np.ndarray:
            whole = tuple(
                slice(start, min(start + size, end))
                for start, size, end in zip(corner, array.chunks, array.shape, strict=True)
            )
            with self._access.segments.one_at_a_time(size_bytes):
                try:
                    return np.ascontiguousarray(array[whole])
                except UnreadableFile:
                    raise
                except Exception as error:
                    raise UnreadableFile(f"a chunk cannot be decoded ({error!s:.120})") from error

        return self._access.segment((self.token, level_key, corner), decode)

    def rois(self, series: int) -> tuple[RoiMetadata, ...]:
        """Read those of the OME-XML; make one of each label, with a mask for each of its planes."""
        full, ome = self._arrays[series][0], self._ome[series]
        found: list[RoiMetadata] = []
        if ome is not None and ome.roi_ids:
            found += regions(self._xml(), ome.roi_ids)
        for name in label_names(self._groups[series]):
            try:
                image = open_label_image(self._groups[series], name, full)
                found += regions_of(image, full, self._reader_of(series, image), found)
            except (UnreadableFile, KeyError, ValueError, TypeError) as error:
                log.warning("labels %s of %s are left out: %s", name, self.paths[0].name, error)
        return tuple(found)

    def mask(self, series: int, shape: ShapeMetadata) -> bytes:
        """Read the rectangle of a mask in its label image."""
        if shape.label is None:
            raise UnreadableFile("the shape comes from no label")
        group, full = self._groups[series], self._arrays[series][0]
        image = open_label_image(group, shape.label.image, full)
        return mask_of(shape, self._reader_of(series, image))

    def annotations(self) -> tuple[AnnotationMetadata, ...]:
        """Read the structured annotations of the OME-XML."""
        if not any(ome is not None and ome.annotation_ids for ome in self._ome):
            return ()
        series_of: dict[str, int] = {}
        for series, ome in enumerate(self._ome):
            if ome is not None:
                series_of.setdefault(ome.id, series)
        return annotations(self._xml(), series_of, ())

    def _xml(self) -> Element:
        return _read_xml(self.paths[0], self._access)

    def _has_labels(self, group: zarr.Group) -> bool:
        # Looking for the folder spares asking each field of a plate for a group that it has not.
        return (self.paths[0] / group.path / "labels").is_dir() and bool(label_names(group))

    def _reader_of(self, series: int, image: LabelImage) -> LabelRead:
        def read(z: int, t: int, x: int, y: int, width: int, height: int) -> np.ndarray:
            key = (series, image.name)
            return self._read(image.level, key, z, 0, t, x, y, width, height)

        return read

    def close(self) -> None:
        """Nothing is held open."""


def _read_xml(path: Path, access: Access) -> Element:
    return ome_xml.parse(access.resolve(path / _XML).read_text("utf-8"))


class _Found(NamedTuple):
    """One multiscale image, and what is known of it from elsewhere."""

    group: Any
    multiscale: Mapping[str, Any]
    name: str
    described: ome_xml.OmeImage | None
    field: ZarrField | None


def _multiscales(root: zarr.Group, path: Path, access: Access) -> Iterator[_Found]:
    attributes = attributes_of(root)
    if attributes.get("multiscales"):
        yield from _of_group(root, "", None)
        return
    if "plate" in attributes:
        count = 0
        for well in attributes["plate"].get("wells", ()):
            group = root[well["path"]]
            for field in attributes_of(group).get("well", {}).get("images", ()):
                if count == MAX_SERIES:
                    return
                count += 1
                name = f"{well['path']}/{field['path']}"
                yield from _of_group(
                    group[field["path"]], name, None, ZarrField(well["path"], field)
                )
        return
    described: list[ome_xml.OmeImage] = []
    if (path / _XML).is_file():
        described = ome_xml.images(_read_xml(path, access))
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
    field: ZarrField | None = None,
) -> Iterator[_Found]:
    for multiscale in attributes_of(group).get("multiscales", ()):
        own = str(multiscale.get("name") or "")
        yield _Found(group, multiscale, name or ("" if own in ("", "/") else own), described, field)


def _scale(multiscale: Mapping[str, Any], dataset: Mapping[str, Any], count: int) -> list[float]:
    scale = [1.0] * count
    for owner in (dataset, multiscale):
        for transformation in owner.get("coordinateTransformations") or ():
            values = transformation.get("scale")
            if transformation.get("type") == "scale" and isinstance(values, list):
                scale = [a * float(b) for a, b in zip(scale, values, strict=False)]
    return scale


def _channels(omero: Any, size_c: int) -> tuple[ChannelMetadata, ...]:
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


def marker_files(path: Path) -> Iterator[Path]:
    """Give the metadata files of a Zarr folder, at any depth, chunks left out."""
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
