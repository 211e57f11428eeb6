"""What is there at this moment, as records: the index's entries in the form that is handed out."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from imageserver.index import IndexedFileset, IndexedImage
from imageserver.pyramids import needs_pyramid
from imageserver.readers.base import PIXEL_TYPES, SeriesMetadata
from imageserver.records import ChannelRecord, ImageRecord, PlateRecord

#: Tells the reduced levels that were made for (pixels id, version), from half size on.
ExtraLevels = Callable[[int, int], tuple[tuple[int, int], ...]]

UNKNOWN_PROBLEM = "it could not be read"


class Listing:
    """All file sets and images that are there, by id; any thread may ask and change it."""

    def __init__(self, root_name: str, extra_levels: ExtraLevels) -> None:
        self._root_name = root_name
        self._extra_levels = extra_levels
        self._lock = threading.RLock()
        self._filesets: dict[str, IndexedFileset] = {}
        self._images: dict[int, ImageRecord] = {}
        self._places: dict[int, tuple[str, int]] = {}
        self._by_pixels: dict[int, int] = {}
        self._files: dict[int, str] = {}
        self._ordered: tuple[int, tuple[ImageRecord, ...]] = (-1, ())
        self.revision = 1

    def put(self, fileset: IndexedFileset) -> None:
        """Take in a file set, in the place of what was known of it."""
        records = [self._record(fileset, number) for number in range(len(fileset.images))]
        with self._lock:
            self._remove(fileset.path)
            self._filesets[fileset.path] = fileset
            for number, record in enumerate(records):
                self._images[record.id] = record
                self._places[record.id] = (fileset.path, number)
                self._by_pixels[record.pixels_id] = record.id
            if fileset.part_of is None:
                self._files.update(zip(fileset.file_ids, fileset.paths, strict=True))
            self.revision += 1

    def remove(self, path: str) -> None:
        """Leave out a file set that is away."""
        with self._lock:
            self._remove(path)
            self.revision += 1

    def fileset(self, path: str) -> IndexedFileset | None:
        """Give the file set of a relative path."""
        return self._filesets.get(path)

    def place(self, image_id: int) -> tuple[IndexedFileset, int] | None:
        """Give an image's file set and its number in it."""
        with self._lock:
            place = self._places.get(image_id)
            return None if place is None else (self._filesets[place[0]], place[1])

    def image(self, image_id: int) -> ImageRecord | None:
        """Give one image."""
        return self._images.get(image_id)

    def image_of_pixels(self, pixels_id: int) -> ImageRecord | None:
        """Give the image of a pixels set."""
        image_id = self._by_pixels.get(pixels_id)
        return None if image_id is None else self._images.get(image_id)

    def images(self) -> tuple[ImageRecord, ...]:
        """Give all images by name."""
        with self._lock:
            revision, ordered = self._ordered
            if revision != self.revision:
                ordered = tuple(sorted(self._images.values(), key=lambda one: (one.name, one.id)))
                self._ordered = (self.revision, ordered)
            return ordered

    def plates(self) -> list[PlateRecord]:
        """Give all plates by id."""
        with self._lock:
            filesets = [fileset for fileset in self._filesets.values() if fileset.plates]
        found = [
            PlateRecord(
                id=plate.plate_id,
                fileset_id=fileset.id,
                number=number,
                name=plate.metadata.name or self._name(fileset),
                metadata=plate.metadata,
                image_ids=tuple(image.image_id for image in fileset.images),
            )
            for fileset in filesets
            for number, plate in enumerate(fileset.plates)
        ]
        return sorted(found, key=lambda plate: plate.id)

    def file_path(self, file_id: int) -> str | None:
        """Give the relative path of an original file."""
        return self._files.get(file_id)

    def files(self) -> list[tuple[int, str]]:
        """Give (id, relative path) of all original files, by path."""
        with self._lock:
            return sorted(self._files.items(), key=lambda item: item[1])

    def put_stats(self, version: int, image: IndexedImage) -> None:
        """Take in an image's statistics, if they are those of the version that is there."""
        with self._lock:
            place = self._places.get(image.image_id)
            if place is None:
                return
            path, number = place
            fileset = self._filesets[path]
            if fileset.version != version:
                return
            images = (*fileset.images[:number], image, *fileset.images[number + 1 :])
            self._filesets[path] = fileset = replace(fileset, images=images)
            self._images[image.image_id] = self._record(fileset, number)
            self.revision += 1

    def refresh(self, image_id: int) -> None:
        """Look again which reduced levels an image has."""
        with self._lock:
            place = self._places.get(image_id)
            if place is not None:
                path, number = place
                record = self._record(self._filesets[path], number)
                if record != self._images[image_id]:
                    self._images[image_id] = record
                    self.revision += 1

    def _remove(self, path: str) -> None:
        fileset = self._filesets.pop(path, None)
        if fileset is None:
            return
        for image in fileset.images:
            self._images.pop(image.image_id, None)
            self._places.pop(image.image_id, None)
            self._by_pixels.pop(image.pixels_id, None)
        if fileset.part_of is None:
            for file_id in fileset.file_ids:
                self._files.pop(file_id, None)

    def _levels(
        self, series: SeriesMetadata, pixels_id: int, version: int
    ) -> tuple[tuple[int, int], ...]:
        if needs_pyramid(series.levels):
            return series.levels + self._extra_levels(pixels_id, version)
        return series.levels

    def _name(self, fileset: IndexedFileset) -> str:
        return self._root_name if fileset.path == "." else fileset.path

    def _record(self, fileset: IndexedFileset, number: int) -> ImageRecord:
        image = fileset.images[number]
        name = self._name(fileset)
        if not fileset.series:
            return _unreadable(fileset, image, name)
        series = fileset.series[number]
        if len(fileset.series) > 1:
            name = f"{name} [{series.name or number + 1}]"
        return ImageRecord(
            id=image.image_id,
            pixels_id=image.pixels_id,
            fileset_id=fileset.id,
            dataset_id=fileset.dataset_id,
            file_ids=fileset.file_ids,
            name=name,
            description=series.description,
            pixel_type=series.pixel_type,
            significant_bits=series.significant_bits,
            size_x=series.size_x,
            size_y=series.size_y,
            size_z=series.size_z,
            size_c=series.size_c,
            size_t=series.size_t,
            physical_size_x=series.physical_size_x,
            physical_size_y=series.physical_size_y,
            physical_size_z=series.physical_size_z,
            channels=_channels(series, image),
            levels=self._levels(series, image.pixels_id, fileset.version),
            tile_width=series.tile_width,
            tile_height=series.tile_height,
            nominal_magnification=series.nominal_magnification,
            acquired_at_s=series.acquired_at_s,
            imported_at_s=fileset.imported_at_s,
            version=fileset.version,
            has_rois=series.has_rois,
            annotated=series.annotated,
            path=fileset.path,
            series=number,
            in_plate=bool(fileset.plates),
        )


def lacks_stats(record: ImageRecord) -> bool:
    """Say whether the statistics of a readable image are still to be computed."""
    return record.problem is None and all(channel.stats is None for channel in record.channels)


def dataset_of(path: str) -> str:
    """Give the name of the dataset that a relative path belongs to: its folder, `.` = the root."""
    return PurePosixPath(path).parent.as_posix()


def _channels(series: SeriesMetadata, image: IndexedImage) -> tuple[ChannelRecord, ...]:
    return tuple(
        ChannelRecord(
            id=channel_id,
            logical_id=channel_id,
            name=channel.name,
            color=channel.color,
            lut=channel.lut,
            emission_wave=channel.emission_wave,
            excitation_wave=channel.excitation_wave,
            stats=_within_bits(stats, series),
        )
        for channel_id, channel, stats in zip(
            image.channel_ids, series.channels, image.stats, strict=True
        )
    )


def _within_bits(
    stats: tuple[float, float] | None, series: SeriesMetadata
) -> tuple[float, float] | None:
    """Keep statistics within the significant bits: renderers wrap round at values beyond them."""
    bits = series.significant_bits
    if stats is None or bits is None:
        return stats
    signed = PIXEL_TYPES[series.pixel_type].kind == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return min(max(stats[0], low), high), min(max(stats[1], low), high)


def _unreadable(fileset: IndexedFileset, image: IndexedImage, name: str) -> ImageRecord:
    return ImageRecord(
        id=image.image_id,
        pixels_id=image.pixels_id,
        fileset_id=fileset.id,
        dataset_id=fileset.dataset_id,
        file_ids=fileset.file_ids,
        name=name,
        # Listings have no other place that would tell it.
        description=f"Unreadable: {fileset.problem or UNKNOWN_PROBLEM}",
        pixel_type="uint8",
        significant_bits=None,
        size_x=0,
        size_y=0,
        size_z=0,
        size_c=0,
        size_t=0,
        physical_size_x=None,
        physical_size_y=None,
        physical_size_z=None,
        channels=(),
        levels=(),
        tile_width=0,
        tile_height=0,
        nominal_magnification=None,
        acquired_at_s=None,
        imported_at_s=fileset.imported_at_s,
        version=fileset.version,
        problem=fileset.problem or UNKNOWN_PROBLEM,
        path=fileset.path,
    )
