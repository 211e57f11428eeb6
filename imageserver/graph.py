"""One state of the index, seen as OMERO's model: extents, look-ups by id, and indexes over paths.

A graph never changes. When the index does, a GraphSource makes the next one, so that every query
sees one consistent state. What a view may not see is not in its graph.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Set
from typing import Any

from imageserver.accounts import Group, Ownership, Rights, User, View
from imageserver.annotation_entities import ANNOTATION_MEMBERS, AnnotationEntities
from imageserver.definition_entities import (
    CHANGED_BY_SAVES,
    DEFINITION_MEMBERS,
    definition_extent,
    definition_of,
)
from imageserver.definitions import Definitions, SavedDefinition
from imageserver.drawings import FIRST_ID, Drawings
from imageserver.entities import (
    MEMBERS,
    Entity,
    event,
    format_of,
    image_of,
)
from imageserver.enumerations import ENUMERATIONS
from imageserver.graph_details import detail_of, rights_to
from imageserver.kept import NAMED, Kept
from imageserver.kept_entities import (
    CHANGED_BY_KEEPING,
    STEPS_TO_KEPT,
    KeptEntities,
    kept_member,
    kept_of,
)
from imageserver.plate_entities import PLATE_MEMBERS, PlateEntities
from imageserver.records import DatasetRecord, FileRecord, ImageRecord, ProjectRecord
from imageserver.region_entities import (
    CHANGED_BY_DRAWING,
    REGION_MEMBERS,
    RegionEntities,
    drawn_of,
)
from imageserver.schema import DETAILS, Member, load_schema, subclasses
from imageserver.visible import Catalog, VisibleCatalog

_MEMBERS = MEMBERS | REGION_MEMBERS | ANNOTATION_MEMBERS | PLATE_MEMBERS | DEFINITION_MEMBERS

# Makes one id of a group's and a user's.
_MOST_USERS = 1 << 31


class Graph:
    """The model that a view sees, at one revision; thread-safe, since nothing in it changes."""

    def __init__(self, catalog: Catalog, view: View, started_s: float) -> None:
        index = VisibleCatalog(catalog, view)
        self.started_s = started_s
        self.definitions = index.definitions()
        self.drawings = index.drawings()
        self.view = view
        self._index = index
        self._projects = {p.path: p for p in index.projects()}
        self._datasets = {d.id: d for d in index.datasets()}
        self._images = {i.id: i for i in index.images()}
        self._files = {f.id: f for f in index.files()}
        self._luts = {lut.id: lut for lut in index.luts()}
        self._by_dataset: dict[int, list[ImageRecord]] = {}
        self._by_fileset: dict[int, list[ImageRecord]] = {}
        for image in self._images.values():
            if self.dataset_of(image) is not None:
                self._by_dataset.setdefault(image.dataset_id, []).append(image)
            self._by_fileset.setdefault(image.fileset_id, []).append(image)
        self.plates: PlateEntities = PlateEntities(index.plates(), self._images)
        self.regions: RegionEntities = RegionEntities(self, index, self.drawings)
        self.annotations: AnnotationEntities = AnnotationEntities(self, index)
        self.kept: KeptEntities = KeptEntities(self, index.kept())
        self._changed_s: dict[int, float] = {}
        self._extents: dict[str, list[Entity]] = {}
        self._indexes: dict[tuple[str, str], dict[Any, list[Entity]]] = {}

    def with_saved(self, definitions: Definitions, drawings: Drawings, kept: Kept) -> "Graph":
        """Give the same state of the files with other things that users saved."""
        other = self
        if definitions is not self.definitions:
            other = other._without(CHANGED_BY_SAVES, {"settings"})
            other.definitions = definitions
        if drawings is not self.drawings:
            other = other._without(CHANGED_BY_DRAWING, {"rois", "roi", "shapes"})
            other.drawings = drawings
            other.regions = RegionEntities(other, other._index, drawings)
        if kept is not self.kept.state:
            other = other._without(CHANGED_BY_KEEPING, STEPS_TO_KEPT)
            other.kept = KeptEntities(other, kept)
        return other

    def _without(self, kinds: Collection[str], steps: Set[str]) -> "Graph":
        """Copy, but for what is known of classes, and of paths with one of the steps."""
        other = copy.copy(self)
        # Others may add to these meanwhile.
        extents, indexes = dict(self._extents), dict(self._indexes)
        other._extents = {kind: found for kind, found in extents.items() if kind not in kinds}
        other._indexes = {
            (kind, path): found
            for (kind, path), found in indexes.items()
            if kind not in kinds and steps.isdisjoint(path.split("."))
        }
        return other

    def seen_by(self, view: View) -> "Graph":
        """Give the same graph for another user who sees the same of it."""
        other = copy.copy(self)
        other.view = view
        return other

    # -- reading members -------------------------------------------------------------------

    def member(self, entity: Entity, member: Member) -> Any:
        """Give a member's value: None, a scalar, a Quantity, an Entity or a list of entities.

        Times are in seconds since the epoch.
        """
        if member.name == "id":
            return entity.id
        if member.name.startswith("details."):
            return detail_of(self, entity, member.name)
        kept = kept_of(entity)
        if kept is not None:
            return kept_member(self, kept, member)
        if member.name == "annotationLinks":
            return self._annotation_links(entity)
        finder = _MEMBERS.get(entity.kind, {}).get(member.name)
        if finder is None:
            return [] if member.kind == "many" else None
        value = finder(self, entity.record)
        return self._renamed(entity, member.name, value) if entity.kind in NAMED else value

    def _renamed(self, entity: Entity, name: str, value: Any) -> Any:
        """Give a member of what may have got other texts than its file tells."""
        texts = self.kept.texts(entity.kind, entity.id)
        if texts is None:
            return value
        return value + texts.version if name == "version" else texts.values.get(name, value)

    def _annotation_links(self, entity: Entity) -> list[Entity]:
        of_file = entity.kind in {"Image", "Plate", "Well"}
        told = self.annotations.links_of(entity) if of_file else []
        return [*told, *self.kept.links_of(entity)]

    def ownership(self, entity: Entity) -> Ownership:
        """Tell to whom an entity belongs: to the owner of its image, or of its own folder.

        Saved settings belong to who saved them, and drawn regions to who drew them, in the group of
        the image. What somebody made belongs to who made it.
        """
        definition = definition_of(entity)
        if definition is not None:
            pixels = self.find("Pixels", definition.pixels_id)
            of_pixels = self.view.accounts.system if pixels is None else self.ownership(pixels)
            return Ownership(definition.owner_id, of_pixels.group_id)
        image = image_of(entity)
        drawn = drawn_of(entity)
        if image is not None and drawn is not None:
            return Ownership(drawn.owner_id, self._index.ownership(image).group_id)
        if image is not None:
            return self._index.ownership(image)
        kept = kept_of(entity)
        if kept is not None:
            return kept.ownership
        if entity.kind == "ExperimenterGroup":
            return Ownership(self.view.accounts.system.owner_id, entity.id)
        if entity.kind in {"Project", "Dataset", "ProjectDatasetLink", "OriginalFile"}:
            return self._index.ownership(entity.record)
        return self.view.accounts.system

    def rights(self, entity: Entity) -> Rights:
        """Tell what the one who asks may do with an entity."""
        return rights_to(self, entity)

    # -- extents and look-ups --------------------------------------------------------------

    def extent(self, kind: str) -> list[Entity]:
        """Give every entity of a class and of the classes below it, ordered by id."""
        found = self._extents.get(kind)
        if found is None:
            entities = [e for name in subclasses(kind) for e in self._told_extent(name)]
            entities += [e for name in subclasses(kind) for e in self.kept.extent(name)]
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
        made = self.kept.narrow(kind, path, wanted)
        if made is not None and (kind == "FileAnnotation" or _are_of_users(wanted, kind, path)):
            return made
        for part in (self.regions, self.annotations):
            found = part.narrow(kind, path, wanted)
            if found is not None:
                return [*found, *(made or ())]
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

    def _told_extent(self, kind: str) -> Iterable[Entity]:
        images = self._images.values()
        if kind in ENUMERATIONS:
            return [Entity(kind, i, value) for i, value in enumerate(ENUMERATIONS[kind], 1)]
        if kind == "Image":
            return [Entity(kind, image.id, image) for image in images]
        if kind == "DatasetImageLink":
            return [Entity(kind, i.id, i) for group in self._by_dataset.values() for i in group]
        if kind in {"Dataset", "ProjectDatasetLink"}:
            return [Entity(kind, d.id, d) for d in self._datasets.values()]
        if kind in {"Channel", "LogicalChannel", "StatsInfo"}:
            return self._channel_parts(kind)
        if kind in {"Objective", "ObjectiveSettings", "Instrument"}:
            return [Entity(kind, i.id, i) for i in images if i.nominal_magnification is not None]
        if kind == "Event":
            versions = {(image, v) for image in images for v in (0, image.version)}
            of_images = (event(image, version) for image, version in versions)
            saves = (
                *definition_extent(self, kind),
                *self.regions.events(),
                *self.kept.events(),
            )
            return [event(None), *of_images, *saves]
        if kind in CHANGED_BY_SAVES:
            return list(definition_extent(self, kind))
        simple = {
            "Project": lambda: [Entity("Project", p.id, p) for p in self._projects.values()],
            "Pixels": lambda: [pixels for image in images for pixels in self.pixels_of(image)],
            "Fileset": lambda: [Entity("Fileset", i, g) for i, g in self._by_fileset.items()],
            "FilesetEntry": lambda: [
                entry for group in self._by_fileset.values() for entry in self.entries_of(group)
            ],
            "OriginalFile": lambda: [
                Entity("OriginalFile", file.id, file)
                for file in (*self._files.values(), *self._luts.values())
            ],
            "Experimenter": lambda: [
                Entity("Experimenter", user.id, user) for user in self.view.accounts.users.values()
            ],
            "ExperimenterGroup": lambda: [
                Entity("ExperimenterGroup", group.id, group)
                for group in self.view.accounts.groups.values()
            ],
            "GroupExperimenterMap": lambda: [
                membership
                for group in self.view.accounts.groups.values()
                for membership in self.members_of(group)
            ],
        }
        if kind in simple:
            return simple[kind]()
        parts = (
            (PLATE_MEMBERS, self.plates),
            (REGION_MEMBERS, self.regions),
            (ANNOTATION_MEMBERS, self.annotations),
        )
        return next((part.extent(kind) for members, part in parts if kind in members), ())

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

    def dataset_of(self, image: ImageRecord) -> Entity | None:
        """Give the dataset of an image; as in OMERO it has the same owner and group, or is none."""
        dataset = self._datasets.get(image.dataset_id)
        if dataset is None or self._index.ownership(dataset) != self._index.ownership(image):
            return None
        return Entity("Dataset", dataset.id, dataset)

    def project_of(self, dataset: DatasetRecord) -> Entity | None:
        """Give the project of a dataset."""
        project = self._projects.get(self.view.accounts.place_of(dataset.name))
        return None if project is None else Entity("Project", project.id, project)

    def datasets_in(self, project: ProjectRecord) -> list[DatasetRecord]:
        """Give the datasets of a project."""
        place_of = self.view.accounts.place_of
        return [d for d in self._datasets.values() if place_of(d.name) == project.path]

    def experimenter(self, user_id: int) -> Entity | None:
        """Give a user's entity."""
        user = self.view.accounts.users.get(user_id)
        return None if user is None else Entity("Experimenter", user.id, user)

    def group(self, group_id: int) -> Entity | None:
        """Give a group's entity."""
        group = self.view.accounts.groups.get(group_id)
        return None if group is None else Entity("ExperimenterGroup", group.id, group)

    def pixels_of(self, image: ImageRecord) -> list[Entity]:
        """Give the pixels set of an image; an unreadable one has none."""
        return [] if image.problem else [Entity("Pixels", image.pixels_id, image)]

    def series(self, image: ImageRecord) -> int:
        """Give an image's place among those of the same file."""
        return image.series

    def images_of_fileset(self, fileset_id: int) -> list[ImageRecord]:
        """Give the images of a file set."""
        return self._by_fileset.get(fileset_id, [])

    def format(self, image: ImageRecord) -> str:
        """Give the value of the enumeration Format for an image."""
        first = next((i for i in image.file_ids if i in self._files), None)
        return "Unknown" if first is None else format_of(self._files[first].relative_path)

    def files_changed_s(self, image: ImageRecord) -> float:
        """Give when the newest file of an image was changed; 0 of one without files.

        Found once for all images of a file set: a plate has thousands of both.
        """
        found = self._changed_s.get(image.fileset_id)
        if found is None:
            files = (self._files[i] for i in image.file_ids if i in self._files)
            found = max((file.mtime_s for file in files), default=0.0)
            self._changed_s[image.fileset_id] = found
        return found

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
        files = [self._files[i] for i in images[0].file_ids if i in self._files]
        return [Entity("FilesetEntry", file.id, (images[0], file)) for file in files]

    def entries_with(self, file: Any) -> list[Entity]:
        """Give the fileset entries of one original file."""
        return [entry for entry in self.extent("FilesetEntry") if entry.record[1] is file]

    def memberships(self, user: User) -> list[Entity]:
        """Give a user's places in the groups, the default group first."""
        return [_membership(group, user.id) for group in self.view.accounts.groups_of(user)]

    def members_of(self, group: Group) -> list[Entity]:
        """Give the places of a group's members."""
        return [_membership(group, user_id) for user_id in sorted(group.members)]


def _membership(group: Group, user_id: int) -> Entity:
    identifier = group.id * _MOST_USERS + user_id
    return Entity("GroupExperimenterMap", identifier, (group, user_id))


def _are_of_users(wanted: list[Any], kind: str, path: str) -> bool:
    """Tell whether all ids that are looked for are those of what clients made."""
    return (
        path == "id"
        and kind not in REGION_MEMBERS
        and all(isinstance(i, int) and i >= FIRST_ID for i in wanted)
    )


def member_of(kind: str, name: str) -> Member | None:
    """Look up a member of a class, or None when the model has no such member."""
    entity_type = load_schema().get(kind)
    if entity_type is None:
        return None
    if name.startswith("details."):
        return DETAILS.get(name.removeprefix("details."))
    return entity_type.members.get(name)
