"""One state of the index, seen as OMERO's model: extents, look-ups by id, and indexes over paths.

A graph never changes. When the index does, `GraphSource` makes the next one, so that every query
sees one consistent state.
"""

import copy
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from imageserver.definition_entities import (
    CHANGED_BY_SAVES,
    DEFINITION_MEMBERS,
    definition_detail,
    definition_extent,
    definition_of,
)
from imageserver.definitions import Definitions, SavedDefinition
from imageserver.entities import (
    MEMBERS,
    Entity,
    event,
    format_of,
    image_of,
    user_entity,
)
from imageserver.enumerations import ENUMERATIONS
from imageserver.identity import (
    GROUP_ID,
    USER_GROUP_ID,
    LocalUser,
)
from imageserver.plate_entities import PLATE_MEMBERS, PlateEntities
from imageserver.readers.objects import RoiMetadata, ShapeMetadata
from imageserver.records import DatasetRecord, FileRecord, ImageRecord, PlateRecord, ProjectRecord
from imageserver.region_entities import REGION_MEMBERS, RegionEntities
from imageserver.schema import DETAILS, Member, load_schema, subclasses

_MEMBERS = MEMBERS | REGION_MEMBERS | PLATE_MEMBERS | DEFINITION_MEMBERS

# What a projection tells of an object's permissions: those of identity.RWR, for the owner.
PERMISSIONS = {
    "perm": "rwr---",
    "canAnnotate": True,
    "canDelete": False,
    "canEdit": False,
    "canLink": False,
    "canChgrp": False,
    "canChown": False,
}


class Index(Protocol):
    """What the graph needs of the catalog."""

    def revision(self) -> int: ...
    def project(self) -> ProjectRecord: ...
    def datasets(self) -> Iterable[DatasetRecord]: ...
    def images(self) -> Iterable[ImageRecord]: ...
    def files(self) -> Iterable[FileRecord]: ...
    def luts(self) -> Iterable[Any]: ...
    def image(self, image_id: int, *, wait_stats_s: float = ...) -> ImageRecord: ...
    def plates(self) -> Iterable[PlateRecord]: ...
    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]: ...
    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes: ...
    def definitions(self) -> Definitions: ...


class Graph:
    """The whole model at one revision; thread-safe, since nothing in it changes once it is made."""

    def __init__(self, index: Index, user: LocalUser, started_s: float) -> None:
        self.started_s = started_s
        self.definitions = index.definitions()
        self._index = index
        self.user: Entity = user_entity(user)
        self._groups = ((GROUP_ID, user.group_name), (USER_GROUP_ID, "user"))
        self.group: Entity = Entity("ExperimenterGroup", GROUP_ID, self._groups[0])
        record = index.project()
        self.project: Entity = Entity("Project", record.id, record)
        self._datasets = {d.id: d for d in index.datasets()}
        self._images = {i.id: i for i in index.images()}
        self._files = {f.id: f for f in index.files()}
        self._luts = {lut.id: lut for lut in index.luts()}
        self._by_dataset: dict[int, list[ImageRecord]] = {}
        self._by_fileset: dict[int, list[ImageRecord]] = {}
        for image in self._images.values():
            self._by_dataset.setdefault(image.dataset_id, []).append(image)
            self._by_fileset.setdefault(image.fileset_id, []).append(image)
        self.plates: PlateEntities = PlateEntities(index.plates(), self._images)
        self.regions: RegionEntities = RegionEntities(self, index)
        self._extents: dict[str, list[Entity]] = {}
        self._indexes: dict[tuple[str, str], dict[Any, list[Entity]]] = {}

    def with_definitions(self, definitions: Definitions) -> "Graph":
        """Give the same state of the files with other saved settings; it costs next to nothing."""
        other = copy.copy(self)
        other.definitions = definitions
        extents, indexes = dict(self._extents), dict(self._indexes)
        other._extents = {k: v for k, v in extents.items() if k not in CHANGED_BY_SAVES}
        other._indexes = {
            (kind, path): found
            for (kind, path), found in indexes.items()
            if kind not in CHANGED_BY_SAVES and "settings" not in path.split(".")
        }
        return other

    # -- reading members -------------------------------------------------------------------

    def member(self, entity: Entity, member: Member) -> Any:
        """Give a member's value: None, a scalar, a Quantity, an Entity or a list of entities.

        Times are in seconds since the epoch.
        """
        if member.name == "id":
            return entity.id
        if member.name.startswith("details."):
            return self._detail(entity, member.name)
        finder = _MEMBERS.get(entity.kind, {}).get(member.name)
        if finder is None:
            return [] if member.kind == "many" else None
        return finder(self, entity.record)

    def _detail(self, entity: Entity, name: str) -> Any:
        definition = definition_of(entity)
        if definition is not None and (name == "details.owner" or name.endswith("Event")):
            return definition_detail(self, definition, name)
        if name == "details.owner":
            return self.user
        if name == "details.group":
            return self.group
        image = image_of(entity)
        if name == "details.creationEvent":
            return event(image)
        if name == "details.updateEvent":
            return event(image, image.version if image else 0)
        if name == "details.permissions":
            return PERMISSIONS
        return None

    # -- extents and look-ups --------------------------------------------------------------

    def extent(self, kind: str) -> list[Entity]:
        """Give every entity of a class and of the classes below it, ordered by id."""
        found = self._extents.get(kind)
        if found is None:
            entities = [e for name in subclasses(kind) for e in self._own_extent(name)]
            found = self._extents[kind] = sorted(entities, key=lambda entity: entity.id)
        return found

    def find(self, kind: str, identifier: int) -> Entity | None:
        """Give the entity with an id, or None."""
        found = self.narrow(kind, "id", [identifier], lambda entity: [entity.id])
        return next((entity for entity in found if entity.id == identifier), None)

    def narrow(
        self,
        kind: str,
        path: str,
        wanted: Iterable[Any],
        values: Callable[[Entity], Iterable[Any]],
    ) -> Iterable[Entity]:
        """Give the entities of a class for which a path leads to one of the `wanted`; maybe more.

        `values` follows the path from an entity.
        """
        wanted = list(wanted)
        found = self.regions.narrow(kind, path, wanted)
        if found is not None:
            return found
        index = self.index(kind, path, values)
        return dict.fromkeys(entity for value in wanted for entity in index.get(value, ()))

    def index(
        self, kind: str, path: str, values: Callable[[Entity], Iterable[Any]]
    ) -> dict[Any, list[Entity]]:
        """Give the entities of a class by the values that a path leads to, made on first use."""
        key = (kind, path)
        found = self._indexes.get(key)
        if found is None:
            found = {}
            for entity in self.extent(kind):
                for value in dict.fromkeys(values(entity)):
                    found.setdefault(value, []).append(entity)
            self._indexes[key] = found
        return found

    def _own_extent(self, kind: str) -> Iterable[Entity]:
        images = self._images.values()
        if kind in ENUMERATIONS:
            return [Entity(kind, i, value) for i, value in enumerate(ENUMERATIONS[kind], 1)]
        if kind in {"Image", "DatasetImageLink"}:
            return [Entity(kind, image.id, image) for image in images]
        if kind in {"Dataset", "ProjectDatasetLink"}:
            return [Entity(kind, d.id, d) for d in self._datasets.values()]
        if kind in {"Channel", "LogicalChannel", "StatsInfo"}:
            return self._channel_parts(kind)
        if kind in {"Objective", "ObjectiveSettings", "Instrument"}:
            return [Entity(kind, i.id, i) for i in images if i.nominal_magnification is not None]
        if kind == "Event":
            versions = {(image, v) for image in images for v in (0, image.version)}
            of_images = (event(image, version) for image, version in versions)
            return [event(None), *of_images, *definition_extent(self, kind)]
        if kind in CHANGED_BY_SAVES:
            return list(definition_extent(self, kind))
        simple = {
            "Project": lambda: [self.project],
            "Pixels": lambda: [pixels for image in images for pixels in self.pixels_of(image)],
            "Fileset": lambda: [Entity("Fileset", i, g) for i, g in self._by_fileset.items()],
            "FilesetEntry": lambda: [
                entry for group in self._by_fileset.values() for entry in self.entries_of(group)
            ],
            "OriginalFile": lambda: [
                Entity("OriginalFile", file.id, file)
                for file in (*self._files.values(), *self._luts.values())
            ],
            "Experimenter": lambda: [self.user],
            "ExperimenterGroup": lambda: [
                Entity("ExperimenterGroup", group[0], group) for group in self._groups
            ],
            "GroupExperimenterMap": self.memberships,
        }
        if kind in simple:
            return simple[kind]()
        return self.plates.extent(kind) if kind in PLATE_MEMBERS else self.regions.extent(kind)

    def _channel_parts(self, kind: str) -> list[Entity]:
        channels = MEMBERS["Channel"]
        by_member = {"LogicalChannel": "logicalChannel", "StatsInfo": "statsInfo"}
        parts: dict[int, Entity] = {}
        for image in self._images.values():
            for position, channel in enumerate(image.channels):
                pair = (image, position)
                if kind == "Channel":
                    parts[channel.id] = Entity("Channel", channel.id, pair)
                else:
                    part = channels[by_member[kind]](self, pair)
                    if part is not None:
                        parts.setdefault(part.id, part)
        return list(parts.values())

    # -- what MEMBERS asks for -------------------------------------------------------------

    def image_record(self, image_id: int) -> ImageRecord | None:
        """Give the record of an image, or None."""
        return self._images.get(image_id)

    def image_records(self) -> Iterable[ImageRecord]:
        """Give the records of all images."""
        return self._images.values()

    def saved_definitions(self, pixels_id: int) -> list[SavedDefinition]:
        """Give the saved settings of a pixels set that is there and has as many channels."""
        pixels = self.find("Pixels", pixels_id)
        count = 0 if pixels is None else len(pixels.record.channels)
        found = self.definitions.by_pixels.get(pixels_id, ())
        return [d for d in found if pixels is not None and len(d.binding_ids) == count]

    def images_in(self, dataset_id: int) -> list[ImageRecord]:
        """Give the images of a folder."""
        return self._by_dataset.get(dataset_id, [])

    def pixels_of(self, image: ImageRecord) -> list[Entity]:
        """Give the pixels set of an image; an unreadable one has none."""
        return [] if image.problem else [Entity("Pixels", image.pixels_id, image)]

    def series(self, image: ImageRecord) -> int:
        """Give an image's place among those of the same file."""
        return self._by_fileset[image.fileset_id].index(image)

    def format(self, image: ImageRecord) -> str:
        """Give the value of the enumeration Format for an image."""
        files = [self._files[i] for i in image.file_ids if i in self._files]
        return format_of(files[0].relative_path) if files else "Unknown"

    def with_statistics(self, image: ImageRecord, wait_s: float) -> ImageRecord:
        """Give an image's record with its channels' statistics, waited for while they are made."""
        try:
            return self._index.image(image.id, wait_stats_s=wait_s)
        except LookupError:
            return image

    def file_record(self, identifier: int) -> FileRecord | None:
        """Give an original file's record, or None."""
        return self._files.get(identifier)

    def entries_of(self, images: list[ImageRecord]) -> list[Entity]:
        """Give the entries of a fileset, told by its images, in the order of its files."""
        identifiers = dict.fromkeys(i for image in images for i in image.file_ids)
        files = [self._files[i] for i in identifiers if i in self._files]
        return [Entity("FilesetEntry", file.id, (images[0], file)) for file in files]

    def entries_with(self, file: Any) -> list[Entity]:
        """Give the fileset entries of one original file."""
        return [entry for entry in self.extent("FilesetEntry") if entry.record[1] is file]

    def memberships(self) -> list[Entity]:
        """Give the user's places in the groups, the default group first."""
        return [Entity("GroupExperimenterMap", g[0] + 1, g) for g in self._groups]


class GraphSource:
    """Gives the graph of the index's present state, made anew only when the state has changed.

    While files are still being found the state changes all the time; a graph is then kept for a
    few times as long as making it took, so that it never takes more than a fraction of a core.
    """

    _KEEP_FACTOR = 4.0

    def __init__(self, index: Index, user: LocalUser) -> None:
        self._index = index
        self._user = user
        self._started_s = time.time()
        self._lock = threading.Lock()
        self._graph: Graph | None = None
        self._revision = -1
        self._keep_until_s = 0.0

    def current(self) -> Graph:
        """Give the graph to answer the next question from."""
        revision = self._index.revision()
        graph = self._graph
        if (
            graph is not None
            and revision == self._revision
            and graph.definitions is self._index.definitions()
        ):
            return graph
        with self._lock:
            now_s = time.monotonic()
            if self._graph is not None and (
                revision == self._revision or now_s < self._keep_until_s
            ):
                # Who saved settings finds them in the very next answer.
                definitions = self._index.definitions()
                if self._graph.definitions is not definitions:
                    self._graph = self._graph.with_definitions(definitions)
                return self._graph
            # Read before the records, so that a change meanwhile makes the next call look again.
            self._revision = self._index.revision()
            self._graph = Graph(self._index, self._user, self._started_s)
            took_s = time.monotonic() - now_s
            self._keep_until_s = now_s + took_s * (1 + self._KEEP_FACTOR)
            return self._graph


def member_of(kind: str, name: str) -> Member | None:
    """Look up a member of a class, or None when the model has no such member."""
    entity_type = load_schema().get(kind)
    if entity_type is None:
        return None
    if name.startswith("details."):
        return DETAILS.get(name.removeprefix("details."))
    return entity_type.members.get(name)
