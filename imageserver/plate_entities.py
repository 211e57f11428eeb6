"""Screens, plates, wells and fields as entities of OMERO's model.

The id of a well tells its plate, row and column; a field has the id of its image. A plate is
there as long as one of its images is.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from imageserver.entities import Entity, Quantity
from imageserver.readers.objects import (
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    ScreenMetadata,
    WellMetadata,
)
from imageserver.readers.ome_plates import MAX_SIDE
from imageserver.records import ImageRecord, PlateRecord

if TYPE_CHECKING:
    from imageserver.graph import Graph

#: Wells, and runs, of one plate are numbered below this; screens of one file below the other.
_PER_PLATE = MAX_SIDE * MAX_SIDE
_SCREENS_PER_FILE = 1 << 16


class PlateEntry(NamedTuple):
    """What is behind a plate: its first image, its record, its wells and runs."""

    image: ImageRecord
    plate: PlateRecord
    wells: list[Entity]
    runs: list[Entity]
    screen: Entity | None

    @property
    def metadata(self) -> PlateMetadata:
        """What the file tells of it."""
        return self.plate.metadata


class WellEntry(NamedTuple):
    """What is behind a well: an image of its plate, its id, the plate, and its fields."""

    image: ImageRecord
    well: WellMetadata
    id: int
    plate: PlateEntry
    samples: list[Entity]


class RunEntry(NamedTuple):
    """What is behind a plate acquisition."""

    image: ImageRecord
    run: AcquisitionMetadata
    plate: PlateEntry
    samples: list[Entity]


class SampleEntry(NamedTuple):
    """What is behind a field of a well."""

    image: ImageRecord
    field: FieldMetadata
    well: Entity
    run: Entity | None


class ScreenEntry(NamedTuple):
    """What is behind a screen."""

    image: ImageRecord
    screen: ScreenMetadata
    plates: list[Entity]


class PlateEntities:
    """The plates of one graph, put together when they are first asked for."""

    def __init__(self, plates: Iterable[PlateRecord], images: Mapping[int, ImageRecord]) -> None:
        self._records = tuple(plates)
        self._images = images

    def extent(self, kind: str) -> Iterable[Entity]:
        """Give all entities of a class."""
        return self._by_kind.get(kind, ())

    def samples_of(self, image: ImageRecord) -> list[Entity]:
        """Give the fields that an image is; one or none."""
        sample = self._samples.get(image.id)
        return [] if sample is None else [sample]

    @cached_property
    def _samples(self) -> dict[int, Entity]:
        return {sample.id: sample for sample in self._by_kind.get("WellSample", ())}

    @cached_property
    def _by_kind(self) -> dict[str, list[Entity]]:
        found: dict[str, list[Entity]] = {}
        screens: dict[int, Entity] = {}
        for record in self._records:
            plate = self._plate(record, screens)
            if plate is None:
                continue
            entry: PlateEntry = plate.record
            samples = [sample for well in entry.wells for sample in well.record.samples]
            for kind, entities in (
                ("Plate", [plate]),
                ("Well", entry.wells),
                ("PlateAcquisition", entry.runs),
                ("WellSample", samples),
                ("ScreenPlateLink", [] if entry.screen is None else [_link(entry)]),
            ):
                found.setdefault(kind, []).extend(entities)
        found["Screen"] = list(screens.values())
        return found

    def _plate(self, record: PlateRecord, screens: dict[int, Entity]) -> Entity | None:
        metadata = record.metadata
        images = {
            i: self._images[key] for i, key in enumerate(record.image_ids) if key in self._images
        }
        own = [f.series for well in metadata.wells for f in well.fields if f.series in images]
        if not own:
            return None
        first = images[own[0]]
        screen = None
        if metadata.screen is not None:
            screen_id = record.fileset_id * _SCREENS_PER_FILE + metadata.screen.number
            made = Entity("Screen", screen_id, ScreenEntry(first, metadata.screen, []))
            screen = screens.setdefault(screen_id, made)
        entry = PlateEntry(first, record, [], [], screen)
        plate = Entity("Plate", record.id, entry)
        if screen is not None:
            screen.record.plates.append(plate)
        start = record.id * _PER_PLATE
        for number, run in enumerate(metadata.acquisitions):
            run_entry = RunEntry(first, run, entry, [])
            entry.runs.append(Entity("PlateAcquisition", start + number, run_entry))
        for well in metadata.wells:
            identifier = start + well.row * MAX_SIDE + well.column
            well_entity = Entity("Well", identifier, WellEntry(first, well, identifier, entry, []))
            entry.wells.append(well_entity)
            for field in well.fields:
                if field.series in images:
                    self._add_sample(entry, well_entity, field, images[field.series])
        return plate

    @staticmethod
    def _add_sample(
        plate: PlateEntry, well: Entity, field: FieldMetadata, image: ImageRecord
    ) -> None:
        number = field.acquisition
        run = plate.runs[number] if number is not None and number < len(plate.runs) else None
        sample = Entity("WellSample", image.id, SampleEntry(image, field, well, run))
        well.record.samples.append(sample)
        if run is not None:
            run.record.samples.append(sample)


def _plate_entity(entry: PlateEntry) -> Entity:
    return Entity("Plate", entry.plate.id, entry)


def _link(entry: PlateEntry) -> Entity:
    return Entity("ScreenPlateLink", entry.plate.id, entry)


Finder = Callable[["Graph", Any], Any]


def _told(part: str, name: str) -> Finder:
    return lambda graph, entry: getattr(getattr(entry, part), name)


def _length(part: str, name: str) -> Finder:
    def find(graph: "Graph", entry: Any) -> Quantity | None:
        value = getattr(getattr(entry, part), name)
        return None if value is None else Quantity("Length", *value)

    return find


def _color(position: int) -> Finder:
    def find(graph: "Graph", entry: WellEntry) -> int | None:
        return None if entry.well.color is None else entry.well.color[position]

    return find


_VERSION: dict[str, Finder] = {"version": lambda graph, entry: 0}

PLATE_MEMBERS: dict[str, dict[str, Finder]] = {
    "Screen": {
        **_VERSION,
        "name": _told("screen", "name"),
        "description": _told("screen", "description"),
        "plateLinks": lambda graph, entry: [_link(plate.record) for plate in entry.plates],
    },
    "ScreenPlateLink": {
        **_VERSION,
        "parent": lambda graph, entry: entry.screen,
        "child": lambda graph, entry: _plate_entity(entry),
    },
    "Plate": {
        **_VERSION,
        "name": _told("plate", "name"),
        "description": _told("metadata", "description"),
        "rows": _told("metadata", "rows"),
        "columns": _told("metadata", "columns"),
        "rowNamingConvention": _told("metadata", "row_naming"),
        "columnNamingConvention": _told("metadata", "column_naming"),
        "externalIdentifier": _told("metadata", "external_id"),
        "status": _told("metadata", "status"),
        "wellOriginX": _length("metadata", "origin_x"),
        "wellOriginY": _length("metadata", "origin_y"),
        "wells": lambda graph, entry: entry.wells,
        "plateAcquisitions": lambda graph, entry: entry.runs,
        "screenLinks": lambda graph, entry: [] if entry.screen is None else [_link(entry)],
    },
    "PlateAcquisition": {
        **_VERSION,
        "name": _told("run", "name"),
        "description": _told("run", "description"),
        "startTime": _told("run", "started_at_s"),
        "endTime": _told("run", "ended_at_s"),
        "maximumFieldCount": _told("run", "maximum_field_count"),
        "plate": lambda graph, entry: _plate_entity(entry.plate),
        "wellSample": lambda graph, entry: entry.samples,
    },
    "Well": {
        **_VERSION,
        "row": _told("well", "row"),
        "column": _told("well", "column"),
        "type": _told("well", "kind"),
        "externalIdentifier": _told("well", "external_id"),
        "externalDescription": _told("well", "external_description"),
        **{name: _color(i) for i, name in enumerate(("red", "green", "blue", "alpha"))},
        "plate": lambda graph, entry: _plate_entity(entry.plate),
        "wellSamples": lambda graph, entry: entry.samples,
    },
    "WellSample": {
        **_VERSION,
        "posX": _length("field", "position_x"),
        "posY": _length("field", "position_y"),
        "plateAcquisition": lambda graph, entry: entry.run,
        "well": lambda graph, entry: entry.well,
        "image": lambda graph, entry: Entity("Image", entry.image.id, entry.image),
    },
}
