"""Annotations and their links as entities of OMERO's model.

Their ids tell the file set and the number in it, so that one is found without looking at other
files. Files are opened only where something in them is annotated.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from imageserver.drawings import FIRST_ID
from imageserver.entities import Entity
from imageserver.readers.objects import MAX_PER_IMAGE, AnnotationMetadata
from imageserver.records import ImageRecord
from imageserver.schema import subclasses

if TYPE_CHECKING:
    from imageserver.graph import Graph
    from imageserver.visible import VisibleCatalog

_LINKED = ("Image", "Plate", "Well")
_ANNOTATIONS = subclasses("Annotation")


class AnnotationEntry(NamedTuple):
    """What is behind an annotation: an image of its file, and what the file tells."""

    image: ImageRecord
    annotation: AnnotationMetadata


class LinkEntry(NamedTuple):
    """What is behind a link: an image of the file, what is annotated, and the annotation."""

    image: ImageRecord
    parent: Entity
    child: Entity


class AnnotationEntities:
    """The annotations of one graph."""

    def __init__(self, graph: "Graph", index: "VisibleCatalog") -> None:
        self._graph = graph
        self._index = index
        self._by_fileset: dict[int, dict[str, list[Entity]]] = {}

    def extent(self, kind: str) -> Iterable[Entity]:
        """Give all entities of exactly one class."""
        filesets = {image.fileset_id for image in self._graph.image_records() if image.annotated}
        filesets |= {
            plate.record.plate.fileset_id
            for plate in self._graph.plates.extent("Plate")
            if plate.record.metadata.annotated
        }
        return [
            entity
            for fileset_id in sorted(filesets)
            for entity in self._of_fileset(fileset_id).get(kind, ())
        ]

    def narrow(self, kind: str, path: str, wanted: Iterable[Any]) -> Iterable[Entity] | None:
        """Give what can be meant, when a path tells the file; None when it does not."""
        is_link = kind.endswith("AnnotationLink")
        if not is_link and kind not in _ANNOTATIONS:
            return None
        if path == "id" or (is_link and path in {"child", "child.id"}):
            ids = {i // MAX_PER_IMAGE for i in wanted if isinstance(i, int) and i < FIRST_ID}
        elif kind == "ImageAnnotationLink" and path in {"parent", "parent.id"}:
            images = (self._graph.image_record(i) for i in wanted)
            ids = {image.fileset_id for image in images if image is not None and image.annotated}
        else:
            return None
        return [
            entity
            for fileset_id in sorted(ids)
            for name in subclasses(kind)
            for entity in self._of_fileset(fileset_id).get(name, ())
        ]

    def links_of(self, parent: Entity) -> list[Entity]:
        """Give the links from an image, plate or well to its annotations."""
        if parent.kind == "Image":
            image, annotated = parent.record, parent.record.annotated
        else:
            plate = parent.record if parent.kind == "Plate" else parent.record.plate
            image, annotated = plate.image, plate.metadata.annotated
        if not annotated:
            return []
        links = self._of_fileset(image.fileset_id).get(f"{parent.kind}AnnotationLink", ())
        return [link for link in links if link.record.parent == parent]

    def _of_fileset(self, fileset_id: int) -> dict[str, list[Entity]]:
        """Give annotations and links of a file set by class."""
        found = self._by_fileset.get(fileset_id)
        if found is None:
            found = self._by_fileset[fileset_id] = self._read(fileset_id)
        return found

    def _read(self, fileset_id: int) -> dict[str, list[Entity]]:
        images = self._graph.images_of_fileset(fileset_id)
        if not images:
            return {}
        by_series = {image.series: image for image in images}
        plates = {
            plate.record.plate.number: plate
            for plate in self._graph.plates.extent("Plate")
            if plate.record.plate.fileset_id == fileset_id
        }
        found: dict[str, list[Entity]] = {}
        next_link = first = fileset_id * MAX_PER_IMAGE
        for number, annotation in enumerate(self._index.annotations(images[0]), first):
            targets: list[Entity] = [
                Entity("Image", by_series[series].id, by_series[series])
                for series in annotation.images
                if series in by_series
            ]
            targets += [plates[i] for i in annotation.plates if i in plates]
            targets += [
                well
                for i, row, column in annotation.wells
                for well in (plates[i].record.wells if i in plates else ())
                if (well.record.well.row, well.record.well.column) == (row, column)
            ]
            if not targets:
                continue
            child = Entity(annotation.kind, number, AnnotationEntry(images[0], annotation))
            found.setdefault(child.kind, []).append(child)
            for target in targets:
                image = target.record if target.kind == "Image" else target.record.image
                link = Entity(
                    f"{target.kind}AnnotationLink", next_link, LinkEntry(image, target, child)
                )
                next_link += 1
                found.setdefault(link.kind, []).append(link)
        return found


Finder = Callable[["Graph", Any], Any]

_VALUES = {
    "MapAnnotation": "mapValue",
    "TagAnnotation": "textValue",
    "CommentAnnotation": "textValue",
    "TermAnnotation": "termValue",
    "LongAnnotation": "longValue",
    "DoubleAnnotation": "doubleValue",
    "BooleanAnnotation": "boolValue",
    "TimestampAnnotation": "timeValue",
}


def _annotation_members(value: str) -> dict[str, Finder]:
    return {
        "version": lambda graph, entry: 0,
        "ns": lambda graph, entry: entry.annotation.namespace,
        "description": lambda graph, entry: entry.annotation.description,
        value: lambda graph, entry: entry.annotation.value,
    }


_LINK_MEMBERS: dict[str, Finder] = {
    "version": lambda graph, entry: 0,
    "parent": lambda graph, entry: entry.parent,
    "child": lambda graph, entry: entry.child,
}

ANNOTATION_MEMBERS: dict[str, dict[str, Finder]] = {
    **{kind: _annotation_members(value) for kind, value in _VALUES.items()},
    **{f"{kind}AnnotationLink": _LINK_MEMBERS for kind in _LINKED},
}
