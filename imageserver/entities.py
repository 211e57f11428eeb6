"""Entities of OMERO's model, computed from the index's records when a query asks for a member.

An entity is a kind, an id and the record behind it; nothing is built ahead, so a folder of a
hundred thousand images costs one small object for each. `MEMBERS` tells how each member of each
kind is found. A member that is not told there is null, or empty when it leads to many.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imageserver.accounts import Ownership
from imageserver.enumerations import ENUMERATIONS, PIXEL_BITS, enumeration_id
from imageserver.records import FileRecord, ImageRecord

if TYPE_CHECKING:
    from imageserver.graph import Graph


@dataclass(frozen=True, slots=True)
class Entity:
    """One object of the model. Two entities are equal when kind and id are."""

    kind: str
    id: int
    record: Any = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit; `kind` is Length, Time …, `unit` the name of the enumerator."""

    kind: str
    value: float
    unit: str


# Event ids: the image's id times this, plus the version that the event made; 0 is the start.
_EVENTS_PER_IMAGE = 1 << 32
_FORMATS = {
    ".svs": "SVS",
    ".ndpi": "NDPI",
    ".scn": "SCN",
    ".tif": "Tiff",
    ".tiff": "Tiff",
    ".zarr": "Zarr",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}


def enumeration(kind: str, value: str | None) -> Entity | None:
    """Give the entity of an enumeration's value; None stays None."""
    identifier = None if value is None else enumeration_id(kind, value)
    return None if identifier is None else Entity(kind, identifier, value)


def event(image: ImageRecord | None, version: int = 0) -> Entity:
    """Give the event in which an image came in (0) or got its `version`; None: the server start."""
    if image is None:
        return Entity("Event", 0, (None, 0))
    return Entity("Event", image.id * _EVENTS_PER_IMAGE + version, (image, version))


def format_of(name: str) -> str:
    """Tell the value of the enumeration Format for a file name."""
    lower = name.lower()
    if ".ome.tif" in lower:
        return "OMETiff"
    return next((value for suffix, value in _FORMATS.items() if suffix in lower), "Unknown")


def image_of(entity: Entity) -> ImageRecord | None:
    """Give the image that an entity belongs to, None when it belongs to none."""
    record = entity.record
    if isinstance(record, ImageRecord):
        return record
    if isinstance(record, tuple) and record and isinstance(record[0], ImageRecord):
        return record[0]
    return None


Finder = Callable[["Graph", Any], Any]


def _constant(value: Any) -> Finder:
    return lambda graph, record: value


def _micrometres(name: str) -> Finder:
    def find(graph: "Graph", image: ImageRecord) -> Quantity | None:
        value = getattr(image, name)
        return None if value is None else Quantity("Length", value, "MICROMETER")

    return find


def _nanometres(name: str) -> Finder:
    def find(graph: "Graph", pair: tuple[ImageRecord, int]) -> Quantity | None:
        value = getattr(_channel(pair), name)
        return None if value is None else Quantity("Length", value, "NANOMETER")

    return find


def _channel(pair: tuple[ImageRecord, int]) -> Any:
    return pair[0].channels[pair[1]]


def _channel_entities(image: ImageRecord) -> list[Entity]:
    return [Entity("Channel", c.id, (image, i)) for i, c in enumerate(image.channels)]


def _objective_settings(graph: "Graph", image: ImageRecord) -> Entity | None:
    return _if_magnified("ObjectiveSettings", image)


def _if_magnified(kind: str, image: ImageRecord) -> Entity | None:
    return None if image.nominal_magnification is None else Entity(kind, image.id, image)


def _color(position: int) -> Finder:
    def find(graph: "Graph", pair: tuple[ImageRecord, int]) -> int | None:
        color = _channel(pair).color
        return None if color is None else color[position]

    return find


def _stats(position: int) -> Finder:
    return lambda graph, pair: _channel(pair).stats[position]


def _logical(graph: "Graph", pair: tuple[ImageRecord, int]) -> Entity:
    return Entity("LogicalChannel", _channel(pair).logical_id, pair)


def _stats_info(graph: "Graph", pair: tuple[ImageRecord, int]) -> Entity | None:
    channel = _channel(pair)
    return None if channel.stats is None else Entity("StatsInfo", channel.id, pair)


def _is_rgb(pair: tuple[ImageRecord, int]) -> bool:
    image, index = pair
    channels = image.channels
    return len(channels) == 3 and len({c.logical_id for c in channels}) == 1 and index < 3


def _event_time_s(graph: "Graph", pair: tuple[ImageRecord | None, int]) -> float:
    image, version = pair
    if image is None:
        return graph.started_s
    if version == 0:
        return image.imported_at_s
    return max(image.imported_at_s, graph.files_changed_s(image))


def _of_event(graph: "Graph", record: Any) -> Ownership:
    return graph.ownership(Entity("Event", 0, record))


def _of_user(name: str) -> Finder:
    return lambda graph, user: getattr(user, name)


_VALUE = {"value": lambda graph, value: value}

MEMBERS: dict[str, dict[str, Finder]] = {
    "Project": {
        "version": _constant(0),
        "name": lambda graph, project: project.name,
        "description": lambda graph, project: project.description,
        "datasetLinks": lambda graph, project: [
            Entity("ProjectDatasetLink", d.id, d) for d in graph.datasets_in(project)
        ],
    },
    "ProjectDatasetLink": {
        "version": _constant(0),
        "parent": lambda graph, dataset: graph.project_of(dataset),
        "child": lambda graph, dataset: Entity("Dataset", dataset.id, dataset),
    },
    "Dataset": {
        "version": _constant(0),
        "name": lambda graph, dataset: dataset.name,
        "description": lambda graph, dataset: dataset.description,
        "projectLinks": lambda graph, dataset: [Entity("ProjectDatasetLink", dataset.id, dataset)],
        "imageLinks": lambda graph, dataset: [
            Entity("DatasetImageLink", image.id, image) for image in graph.images_in(dataset.id)
        ],
    },
    "DatasetImageLink": {
        "version": _constant(0),
        "parent": lambda graph, image: graph.dataset_of(image),
        "child": lambda graph, image: Entity("Image", image.id, image),
    },
    "Image": {
        "version": lambda graph, image: image.version,
        "name": lambda graph, image: image.name,
        "description": lambda graph, image: image.description,
        "series": lambda graph, image: graph.series(image),
        "acquisitionDate": lambda graph, image: image.acquired_at_s,
        "archived": _constant(False),
        "partial": _constant(False),
        "format": lambda graph, image: enumeration("Format", graph.format(image)),
        "objectiveSettings": _objective_settings,
        "instrument": lambda graph, image: _if_magnified("Instrument", image),
        # An unreadable image has no pixels set, as one whose import failed.
        "pixels": lambda graph, image: graph.pixels_of(image),
        "datasetLinks": lambda graph, image: (
            [] if graph.dataset_of(image) is None else [Entity("DatasetImageLink", image.id, image)]
        ),
        "fileset": lambda graph, image: graph.find("Fileset", image.fileset_id),
        "rois": lambda graph, image: graph.regions.rois_of(image),
        "wellSamples": lambda graph, image: graph.plates.samples_of(image),
    },
    "Pixels": {
        "version": lambda graph, image: image.version,
        "image": lambda graph, image: Entity("Image", image.id, image),
        "pixelsType": lambda graph, image: enumeration("PixelsType", image.pixel_type),
        "significantBits": lambda graph, image: image.significant_bits,
        "sizeX": lambda graph, image: image.size_x,
        "sizeY": lambda graph, image: image.size_y,
        "sizeZ": lambda graph, image: image.size_z,
        "sizeC": lambda graph, image: image.size_c,
        "sizeT": lambda graph, image: image.size_t,
        "sha1": _constant("Pending..."),
        "dimensionOrder": lambda graph, image: enumeration("DimensionOrder", "XYZCT"),
        "physicalSizeX": _micrometres("physical_size_x"),
        "physicalSizeY": _micrometres("physical_size_y"),
        "physicalSizeZ": _micrometres("physical_size_z"),
        "channels": lambda graph, image: _channel_entities(image),
    },
    "Channel": {
        "version": lambda graph, pair: pair[0].version,
        "pixels": lambda graph, pair: Entity("Pixels", pair[0].pixels_id, pair[0]),
        "red": _color(0),
        "green": _color(1),
        "blue": _color(2),
        "alpha": _color(3),
        "lookupTable": lambda graph, pair: _channel(pair).lut,
        "logicalChannel": _logical,
        "statsInfo": _stats_info,
    },
    "LogicalChannel": {
        "version": _constant(0),
        "name": lambda graph, pair: _channel(pair).name,
        "emissionWave": _nanometres("emission_wave"),
        "excitationWave": _nanometres("excitation_wave"),
        "samplesPerPixel": lambda graph, pair: 3 if _is_rgb(pair) else 1,
        "photometricInterpretation": lambda graph, pair: enumeration(
            "PhotometricInterpretation", "RGB" if _is_rgb(pair) else "Monochrome"
        ),
        "channels": lambda graph, pair: [
            channel
            for channel in _channel_entities(pair[0])
            if _channel(channel.record).logical_id == _channel(pair).logical_id
        ],
    },
    "StatsInfo": {
        "version": _constant(0),
        "globalMin": _stats(0),
        "globalMax": _stats(1),
    },
    "ObjectiveSettings": {
        "version": _constant(0),
        "objective": lambda graph, image: Entity("Objective", image.id, image),
    },
    "Objective": {
        "version": _constant(0),
        "nominalMagnification": lambda graph, image: image.nominal_magnification,
        "immersion": lambda graph, image: enumeration("Immersion", "Unknown"),
        "correction": lambda graph, image: enumeration("Correction", "Unknown"),
        "instrument": lambda graph, image: Entity("Instrument", image.id, image),
    },
    "Instrument": {
        "version": _constant(0),
        "objective": lambda graph, image: [Entity("Objective", image.id, image)],
    },
    "Fileset": {
        "version": _constant(0),
        "templatePrefix": _constant(""),
        "images": lambda graph, images: [Entity("Image", image.id, image) for image in images],
        "usedFiles": lambda graph, images: graph.entries_of(images),
    },
    "FilesetEntry": {
        "version": _constant(0),
        "fileset": lambda graph, entry: graph.find("Fileset", entry[0].fileset_id),
        "originalFile": lambda graph, entry: Entity("OriginalFile", entry[1].id, entry[1]),
        "clientPath": lambda graph, entry: entry[1].relative_path,
    },
    "OriginalFile": {
        "version": _constant(0),
        "name": lambda graph, file: file.name,
        "path": lambda graph, file: file_folder(file),
        "size": lambda graph, file: file.size_bytes,
        "mtime": lambda graph, file: getattr(file, "mtime_s", None),
        "mimetype": lambda graph, file: getattr(file, "mimetype", "text/x-lut"),
        "filesetEntries": lambda graph, file: graph.entries_with(file),
    },
    "Experimenter": {
        "version": _constant(0),
        "omeName": _of_user("name"),
        "firstName": _of_user("first_name"),
        "lastName": _of_user("last_name"),
        "email": lambda graph, user: user.email or None,
        "ldap": _constant(False),
        "groupExperimenterMap": lambda graph, user: graph.memberships(user),
    },
    "ExperimenterGroup": {
        "version": _constant(0),
        "name": lambda graph, group: group.name,
        "description": lambda graph, group: group.description or None,
        "ldap": _constant(False),
        "groupExperimenterMap": lambda graph, group: graph.members_of(group),
    },
    # The record is the group and the user's id.
    "GroupExperimenterMap": {
        "version": _constant(0),
        "parent": lambda graph, pair: graph.group(pair[0].id),
        "child": lambda graph, pair: graph.experimenter(pair[1]),
        "owner": lambda graph, pair: pair[1] in pair[0].leaders,
    },
    "Event": {
        "time": _event_time_s,
        "experimenter": lambda graph, record: graph.experimenter(_of_event(graph, record).owner_id),
        "experimenterGroup": lambda graph, record: graph.group(_of_event(graph, record).group_id),
        "type": lambda graph, pair: enumeration("EventType", "Import"),
    },
    "PixelsType": {**_VALUE, "bitSize": lambda graph, value: PIXEL_BITS[value]},
    **{kind: _VALUE for kind in ENUMERATIONS if kind != "PixelsType"},
}


def file_folder(file: FileRecord | Any) -> str:
    """Give an original file's folder as OMERO writes it: with a slash at the end."""
    relative = getattr(file, "relative_path", None)
    if relative is None:
        return str(file.path)
    folder = relative.rpartition("/")[0]
    return f"{folder}/" if folder else ""
