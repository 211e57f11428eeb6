"""Regions of interest and their shapes as entities of OMERO's model.

Those of files come first, then those that users drew. The id of a region of a file, as of a shape,
tells its image and its number among those of the image, so that one is found without looking at
other images. Files are opened only for images that have any.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from imageserver.definitions import SaveEvent
from imageserver.drawings import FIRST_ID, Drawings, DrawnRoi
from imageserver.entities import Entity, Quantity
from imageserver.readers.objects import MAX_PER_IMAGE, RoiMetadata, ShapeMetadata
from imageserver.records import ImageRecord
from imageserver.schema import load_schema, subclasses

if TYPE_CHECKING:
    from imageserver.graph import Graph
    from imageserver.visible import VisibleCatalog

_LENGTHS = frozenset({"strokeWidth", "fontSize"})
#: Ids of the events in which regions were drawn: above those of images, below those of settings.
_DRAWN = 1 << 61
_MATRIX = ("a00", "a10", "a01", "a11", "a02", "a12")

#: Paths that lead to the image of a region or shape, or to an id that tells it.
_IMAGE_PATHS = {
    "Roi": frozenset({"image", "image.id"}),
    "Shape": frozenset({"roi.image", "roi.image.id"}),
}
_ID_PATHS = {
    "Roi": frozenset({"id", "shapes", "shapes.id"}),
    "Shape": frozenset({"id", "roi", "roi.id", "transform", "transform.id"}),
}


class RegionEntities:
    """The regions of one graph."""

    def __init__(self, graph: "Graph", index: "VisibleCatalog", drawings: Drawings) -> None:
        self._graph = graph
        self._index = index
        self._drawings = drawings
        self._by_kind: dict[str, list[Entity]] | None = None

    def rois_of(self, image: ImageRecord) -> list[Entity]:
        """Give the regions of an image."""
        found = []
        first = image.id * MAX_PER_IMAGE
        for number, roi in enumerate(self._index.rois(image), first):
            ids = range(first, first + len(roi.shapes))
            found.append(Entity("Roi", number, RoiRecord(image, roi, number, ids)))
            first += len(roi.shapes)
        found += [drawn_entity(image, roi) for roi in self._drawings.of_image(image.id)]
        return found

    def events(self) -> Iterator[Entity]:
        """Give the events in which visible regions were drawn and last changed."""
        for image in self._graph.image_records():
            for roi in self._drawings.of_image(image.id):
                yield from dict.fromkeys(drawn_event(roi, latest) for latest in (False, True))

    def extent(self, kind: str) -> Iterable[Entity]:
        """Give all regions, or all entities of exactly one class of what belongs to them."""
        if self._by_kind is None:
            by_kind: dict[str, list[Entity]] = {}
            for image in self._graph.image_records():
                for roi in self.rois_of(image):
                    by_kind.setdefault("Roi", []).append(roi)
                    for shape in shapes_of(roi.record):
                        by_kind.setdefault(shape.kind, []).append(shape)
                        matrix = _transform(self._graph, shape.record)
                        if matrix is not None:
                            by_kind.setdefault(matrix.kind, []).append(matrix)
            self._by_kind = by_kind
        return self._by_kind.get(kind, ())

    def narrow(self, kind: str, path: str, wanted: Iterable[Any]) -> Iterable[Entity] | None:
        """Give what can be meant, when a path tells the image; None when it does not."""
        family = "Shape" if kind in subclasses("Shape") else kind
        if path in _IMAGE_PATHS.get(family, ()):
            image_ids = dict.fromkeys(wanted)
        elif path in _ID_PATHS.get(family, ()):
            numbers = [i for i in wanted if isinstance(i, int)]
            image_ids = dict.fromkeys(i // MAX_PER_IMAGE for i in numbers if i < FIRST_ID)
            for number in numbers:
                image_ids |= dict.fromkeys(self._drawings.images_of(number))
        else:
            return None
        kinds = subclasses(kind)
        found = []
        for image_id in image_ids:
            image = self._graph.image_record(image_id)
            for roi in self.rois_of(image) if image is not None else ():
                if family == "Roi":
                    found.append(roi)
                else:
                    found += [shape for shape in shapes_of(roi.record) if shape.kind in kinds]
        return found

    def mask(self, record: "ShapeRecord") -> bytes:
        """Give the bits of a mask."""
        return self._index.mask(record.image, record.shape)


class RoiRecord(NamedTuple):
    """What is behind a region: its image, its id, those of its shapes, and what was drawn."""

    image: ImageRecord
    roi: RoiMetadata
    id: int
    shape_ids: Sequence[int]
    drawn: DrawnRoi | None = None


class ShapeRecord(NamedTuple):
    """What is behind a shape: its image, its region, its id and its version."""

    image: ImageRecord
    shape: ShapeMetadata
    id: int
    roi: RoiRecord
    version: int = 0


class MatrixRecord(NamedTuple):
    """What is behind the transformation of a shape."""

    image: ImageRecord
    matrix: Sequence[float]
    drawn: DrawnRoi | None


def drawn_entity(image: ImageRecord, drawn: DrawnRoi) -> Entity:
    """Give the entity of a region that somebody drew on an image."""
    roi = RoiMetadata(tuple(one.shape for one in drawn.shapes), drawn.name, drawn.description)
    ids = [one.id for one in drawn.shapes]
    return Entity("Roi", drawn.id, RoiRecord(image, roi, drawn.id, ids, drawn))


def drawn_of(entity: Entity) -> DrawnRoi | None:
    """Give what somebody drew that an entity is, or is a part of; None for any other."""
    record = entity.record
    if isinstance(record, ShapeRecord):
        return record.roi.drawn
    return record.drawn if isinstance(record, RoiRecord | MatrixRecord) else None


def drawn_event(drawn: DrawnRoi, latest: bool) -> Entity:
    """Give the event in which a region was drawn, or the one in which it was last changed."""
    changed = latest and drawn.version > 0
    event: SaveEvent = drawn.updated if changed else drawn.created
    return Entity("Event", _DRAWN + 2 * (drawn.id - FIRST_ID) + changed, event)


def shapes_of(roi: RoiRecord) -> list[Entity]:
    """Give the shapes of a region."""
    versions = [0] * len(roi.roi.shapes)
    if roi.drawn is not None:
        versions = [shape.version for shape in roi.drawn.shapes]
    return [
        Entity(shape.kind, number, ShapeRecord(roi.image, shape, number, roi, version))
        for number, shape, version in zip(roi.shape_ids, roi.roi.shapes, versions, strict=True)
    ]


def _transform(graph: "Graph", record: ShapeRecord) -> Entity | None:
    matrix = record.shape.values.get("transform")
    if matrix is None:
        return None
    return Entity(
        "AffineTransform", record.id, MatrixRecord(record.image, matrix, record.roi.drawn)
    )


def _value(name: str) -> Callable[["Graph", Any], Any]:
    def find(graph: "Graph", record: ShapeRecord) -> Any:
        value = record.shape.values.get(name)
        if name in _LENGTHS and value is not None:
            return Quantity("Length", *value)
        return value

    return find


def _matrix_part(position: int) -> Callable[["Graph", Any], float]:
    return lambda graph, record: record.matrix[position]


def _shape_members(kind: str) -> dict[str, Callable[["Graph", Any], Any]]:
    members = load_schema()[kind].members.values()
    found = {m.name: _value(m.name) for m in members if m.kind in {"value", "quantity"}}
    found |= {
        "version": lambda graph, record: record.version,
        "roi": lambda graph, record: Entity("Roi", record.roi.id, record.roi),
        "transform": _transform,
    }
    if kind == "Mask":
        found["bytes"] = lambda graph, record: graph.regions.mask(record)
    return found


#: Classes whose entities drawing changes, those above them included.
CHANGED_BY_DRAWING = frozenset({"Roi", "AffineTransform", *subclasses("Shape"), "Event", "IObject"})

REGION_MEMBERS: dict[str, dict[str, Callable[["Graph", Any], Any]]] = {
    "Roi": {
        "version": lambda graph, record: 0 if record.drawn is None else record.drawn.version,
        "name": lambda graph, record: record.roi.name,
        "description": lambda graph, record: record.roi.description,
        "image": lambda graph, record: Entity("Image", record.image.id, record.image),
        "shapes": lambda graph, record: shapes_of(record),
    },
    "AffineTransform": {
        "version": lambda graph, record: 0,
        **{name: _matrix_part(i) for i, name in enumerate(_MATRIX)},
    },
    **{kind: _shape_members(kind) for kind in subclasses("Shape")},
}
