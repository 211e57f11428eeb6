"""The structured annotations that OME-XML tells of: maps, tags, comments and single values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from imageserver.readers.objects import MAX_PER_IMAGE, AnnotationMetadata, PlateMetadata
from imageserver.readers.ome_xml import children, references, seconds, text_below, whole_of


def annotations(
    root: Element, series_of: Mapping[str, int], plates: tuple[PlateMetadata, ...]
) -> tuple[AnnotationMetadata, ...]:
    """Give the annotations of images, plates and wells, in the order of the XML.

    `series_of` tells which image of the file an Image element's id means; `plates` are those of the
    XML, or none of them. What hangs on nothing is left out, and so are values that cannot be read.
    """
    # Dictionaries, for an annotation may be told twice of one thing.
    images: dict[str, dict[int, None]] = {}
    for image in children(root, "Image"):
        series = series_of.get(image.get("ID", ""))
        if series is not None:
            for reference in references(image, "AnnotationRef"):
                images.setdefault(reference, {})[series] = None
    on_plates: dict[str, dict[int, None]] = {}
    wells: dict[str, dict[tuple[int, int, int], None]] = {}
    for number, (element, plate) in enumerate(zip(children(root, "Plate"), plates, strict=False)):
        places = {(well.row, well.column) for well in plate.wells}
        for reference in references(element, "AnnotationRef"):
            on_plates.setdefault(reference, {})[number] = None
        for well in children(element, "Well"):
            row, column = whole_of(well, "Row"), whole_of(well, "Column")
            if row is None or column is None or (row, column) not in places:
                continue
            for reference in references(well, "AnnotationRef"):
                wells.setdefault(reference, {})[number, row, column] = None
    found = []
    for element in children(root, "StructuredAnnotations"):
        for identifier, kind, value, annotation in _read(element):
            if not any(identifier in targets for targets in (images, on_plates, wells)):
                continue
            found.append(
                AnnotationMetadata(
                    kind,
                    value,
                    namespace=annotation.get("Namespace") or None,
                    description=text_below(annotation, "Description") or None,
                    images=tuple(images.get(identifier, ())),
                    plates=tuple(on_plates.get(identifier, ())),
                    wells=tuple(wells.get(identifier, ())),
                )
            )
    return tuple(found[:MAX_PER_IMAGE])


def _read(parent: Element) -> Iterator[tuple[str, str, Any, Element]]:
    for element in parent:
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if name not in _KINDS:
            continue
        value = next(children(element, "Value"), None)
        read = None if value is None else _KINDS[name](value)
        if read is not None:
            yield element.get("ID", ""), name, read, element


def _text(value: Element) -> str | None:
    return (value.text or "").strip() or None


def _pairs(value: Element) -> tuple[tuple[str, str], ...]:
    return tuple((pair.get("K") or "", pair.text or "") for pair in children(value, "M"))


def _converted(convert: Callable[[str], Any]) -> Callable[[Element], Any]:
    def read(value: Element) -> Any:
        try:
            return convert((value.text or "").strip())
        except ValueError:
            return None

    return read


def _whole(text: str) -> int | None:
    value = int(text)
    return value if abs(value) < 2**63 else None


def _truth(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())


_KINDS: dict[str, Callable[[Element], Any]] = {
    "MapAnnotation": _pairs,
    "TagAnnotation": _text,
    "CommentAnnotation": _text,
    "TermAnnotation": _text,
    "LongAnnotation": _converted(_whole),
    "DoubleAnnotation": _converted(float),
    "BooleanAnnotation": _converted(_truth),
    "TimestampAnnotation": _converted(seconds),
}
