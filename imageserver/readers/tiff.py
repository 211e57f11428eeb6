"""TIFF in all its dialects that tifffile reads: OME-TIFF, plain, ImageJ, SVS, NDPI, SCN, LSM …

What a file says of itself comes from OME-XML where there is some, else from what its dialect
writes. Sample values are given as stored, but WhiteIsZero images are turned round.
"""

import logging
import os
import threading
from pathlib import Path

import numpy as np
from defusedxml import DefusedXmlException
from tifffile import TiffFile, TiffPageSeries

from imageserver.readers import ome_xml, tiff_metadata
from imageserver.readers.base import (
    Access,
    ChannelMetadata,
    ImageFile,
    Reader,
    SeriesMetadata,
    UnreadableFile,
    pixel_type_of,
    significant_bits_of,
)
from imageserver.readers.objects import AnnotationMetadata, PlateMetadata, RoiMetadata
from imageserver.readers.ome_annotations import annotations
from imageserver.readers.ome_plates import plates
from imageserver.readers.ome_regions import regions
from imageserver.readers.tiff_planes import LevelPlanes

EXTENSIONS = (
    ".tif", ".tiff", ".btf", ".tf2", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".lsm", ".qptiff",
)  # fmt: skip

#: Widest piece offered as a tile, for files stored in strips as wide as the image.
MAX_TILE = 1024

_RGB = (
    ChannelMetadata(name="Red", color=(255, 0, 0, 255)),
    ChannelMetadata(name="Green", color=(0, 255, 0, 255)),
    ChannelMetadata(name="Blue", color=(0, 0, 255, 255)),
    ChannelMetadata(name="Alpha", color=(0, 0, 0, 255)),
)

# tifffile logs what it repairs or misses; a broken file has its one warning from the scan.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class TiffReader(Reader):
    """Opens TIFF files of any dialect."""

    name = "TIFF"

    def claims(self, path: Path) -> bool:
        """Take files with an ending that TIFF dialects use."""
        return path.name.lower().endswith(EXTENSIONS) and path.is_file()

    def open(self, path: Path, access: Access) -> ImageFile:
        """Read the directories of the file, and those of the others its OME-XML names."""
        return TiffImageFile(path, access)


class TiffImageFile(ImageFile):
    """An opened TIFF; `paths` has more than one entry for an OME-TIFF set of files."""

    def __init__(self, path: Path, access: Access) -> None:
        super().__init__()
        self._lock = threading.RLock()
        try:
            self._tiff = TiffFile(path)
        except Exception as error:
            raise UnreadableFile(f"it is not a TIFF that can be read ({error!s:.120})") from error
        try:
            self._open(path, access)
        except BaseException:
            self._tiff.close()
            raise

    def _open(self, path: Path, access: Access) -> None:
        described = self._described(path, access)
        try:
            found = list(self._tiff.series)
        except UnreadableFile:
            raise
        except Exception as error:
            raise UnreadableFile(f"its directories are damaged ({error!s:.120})") from error
        self._levels: list[list[LevelPlanes]] = []
        self._ome: list[ome_xml.OmeImage | None] = []
        series: list[SeriesMetadata] = []
        problem = None
        paths = {path: None}
        reduced = _reduced_apart(found)
        for candidate in found:
            if any(candidate in parts for parts in reduced.values()):
                continue
            try:
                levels = [LevelPlanes(candidate, access, self.token, self._lock)]
                ome = self._take_description(candidate, levels[0], described)
                metadata = self._metadata(
                    candidate, reduced.get(id(candidate), []), levels, access, ome
                )
            except UnreadableFile as error:
                problem = problem or error
                continue
            self._levels.append(levels)
            self._ome.append(ome)
            series.append(metadata)
            if candidate.is_multifile:
                for page in candidate:
                    if page is not None:
                        paths[access.resolve(page.parent.filehandle.path, path)] = None
        if not series:
            raise problem or UnreadableFile("it holds no image")
        for levels in self._levels:
            for level in levels:
                level.check_ends_inside()
        self.series = tuple(series)
        self.paths = tuple(paths)
        self.plates = self._plates()

    def _plates(self) -> tuple[PlateMetadata, ...]:
        xml = self._tiff.ome_metadata
        if xml is None or "Plate" not in xml:
            return ()
        return plates(ome_xml.parse(xml), self._series_of())

    def _series_of(self) -> dict[str, int]:
        return {ome.id: i for i, ome in enumerate(self._ome) if ome is not None and ome.id}

    def _described(self, path: Path, access: Access) -> list[ome_xml.OmeImage]:
        """Check the XML before tifffile follows it to other files; give what it describes."""
        xml = self._tiff.ome_metadata
        if xml is None:
            description = self._tiff.pages.first.description
            if description.lstrip().startswith("<"):
                self._refuse_trap(description)
            return []
        root = ome_xml.parse(xml)
        for name in ome_xml.file_names(root):
            # The name may be absolute.
            access.resolve(os.path.join(path.parent, name), path)  # noqa: PTH118
        return ome_xml.images(root)

    @staticmethod
    def _refuse_trap(description: str) -> None:
        # tifffile parses the XML of some dialects; what is no XML at all is not its concern.
        try:
            ome_xml.parse(description)
        except UnreadableFile as error:
            if isinstance(error.__cause__, DefusedXmlException):
                raise

    def _metadata(
        self,
        series: TiffPageSeries,
        reduced: list[TiffPageSeries],
        levels: list[LevelPlanes],
        access: Access,
        ome: ome_xml.OmeImage | None,
    ) -> SeriesMetadata:
        full = levels[0]
        for smaller in [*series.levels[1:], *reduced]:
            try:
                level = LevelPlanes(
                    smaller, access, self.token, self._lock, axes=_shared_axes(series, smaller)
                )
            except UnreadableFile:
                break
            same = all(level.axes.size(kind) == full.axes.size(kind) for kind in "zct")
            if not same or smaller.dtype != series.dtype or level.width >= levels[-1].width:
                break
            levels.append(level)
        size_c = full.axes.size("c")
        vendor = tiff_metadata.of_series(self._tiff, series)
        channels = ome_xml.spread(ome.channels, size_c) if ome else None
        samples = series.keyframe.samplesperpixel
        if samples in (3, 4) and (channels is None or all(c == channels[0] for c in channels)):
            name = channels[0].name if channels else None
            if size_c in (3, 4) and not name:
                channels = _RGB[:size_c]
        if channels is None:
            names = vendor.channel_names
            channels = tuple(
                ChannelMetadata(name=names[i] if i < len(names) else None) for i in range(size_c)
            )
        dtype = np.dtype(series.dtype)
        stored_bits = series.keyframe.bitspersample
        tile_width, tile_height = full.tile
        return SeriesMetadata(
            name=ome.name if ome else series.name or "",
            description=ome.description if ome else vendor.description,
            pixel_type=pixel_type_of(dtype),
            significant_bits=significant_bits_of(
                dtype, (ome.significant_bits if ome else None) or stored_bits
            ),
            size_x=full.width,
            size_y=full.height,
            size_z=full.axes.size("z"),
            size_c=size_c,
            size_t=full.axes.size("t"),
            levels=tuple((level.width, level.height) for level in levels),
            tile_width=min(tile_width, full.width, MAX_TILE),
            tile_height=min(max(tile_height, min(256, full.height)), MAX_TILE),
            channels=channels,
            physical_size_x=ome.physical_size_x if ome else vendor.physical_size_x,
            physical_size_y=ome.physical_size_y if ome else vendor.physical_size_y,
            physical_size_z=ome.physical_size_z if ome else vendor.physical_size_z,
            nominal_magnification=(
                ome.nominal_magnification if ome else vendor.nominal_magnification
            ),
            acquired_at_s=ome.acquired_at_s if ome else vendor.acquired_at_s,
            has_rois=bool(ome and ome.roi_ids),
            annotated=bool(ome and ome.annotation_ids),
        )

    @staticmethod
    def _take_description(
        series: TiffPageSeries, full: LevelPlanes, described: list[ome_xml.OmeImage]
    ) -> ome_xml.OmeImage | None:
        # tifffile leaves out images without planes, so that position alone does not match.
        for i, image in enumerate(described):
            same_size = (image.size_x, image.size_y) == (full.width, full.height)
            if same_size and image.name == (series.name or ""):
                del described[: i + 1]
                return image
        return None

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
        """Decode only the strips or tiles under the rectangle."""
        return self._levels[series][level].read(z, c, t, x, y, width, height)

    def rois(self, series: int) -> tuple[RoiMetadata, ...]:
        """Read the regions that the XML refers to from the image."""
        ome, xml = self._ome[series], self._tiff.ome_metadata
        if ome is None or not ome.roi_ids or xml is None:
            return ()
        return regions(ome_xml.parse(xml), ome.roi_ids)

    def annotations(self) -> tuple[AnnotationMetadata, ...]:
        """Read the structured annotations of the XML."""
        xml = self._tiff.ome_metadata
        if xml is None or "Annotations" not in xml:
            return ()
        return annotations(ome_xml.parse(xml), self._series_of(), self.plates)

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()


def _reduced_apart(series: list[TiffPageSeries]) -> dict[int, list[TiffPageSeries]]:
    """Find series that hang below another one's pages (SubIFDs) but were not joined to it.

    tifffile joins them only where the axes are named alike, which its own writer does not see to.
    """
    found: dict[int, list[TiffPageSeries]] = {}
    for below in series:
        if not below.keyframe.is_subifd:
            continue
        for above in series:
            if (
                not above.keyframe.is_subifd
                and above.keyframe.index == below.keyframe.treeindex[0]
                and len(above.levels) == 1
                and _shared_axes(above, below) is not None
            ):
                found.setdefault(id(above), []).append(below)
    return found


def _shared_axes(above: TiffPageSeries, below: TiffPageSeries) -> str | None:
    """Give the upper series' axes if the lower one has them too, only smaller in y and x."""
    axes = above.get_axes(squeeze=False)
    shapes = above.get_shape(squeeze=False), below.get_shape(squeeze=False)
    if len(shapes[0]) != len(shapes[1]):
        return None
    same = all(a == b or axis in "YX" for axis, a, b in zip(axes, *shapes, strict=True))
    return axes if same else None
