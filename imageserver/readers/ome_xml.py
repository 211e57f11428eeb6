"""What OME-XML tells about the images of a file, read without building its whole model.

A file's XML can describe every plane and every shape drawn on it; only what a viewer shows is
taken. Entities and external references are refused, so a small file cannot grow in memory.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from imageserver.readers.base import ChannelMetadata, UnreadableFile

#: µm in one unit. Units without a fixed length (`pixel`, `reference frame`) are missing.
MICROMETRES = {
    "Ym": 1e30, "Zm": 1e27, "Em": 1e24, "Pm": 1e21, "Tm": 1e18, "Gm": 1e15, "Mm": 1e12,
    "km": 1e9, "hm": 1e8, "dam": 1e7, "m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "pm": 1e-6, "fm": 1e-9, "am": 1e-12,
    "Å": 1e-4, "in": 25400.0, "ft": 304800.0, "yd": 914400.0, "thou": 25.4, "mil": 25.4,
    "angstrom": 1e-4, "attometer": 1e-12, "centimeter": 1e4, "decimeter": 1e5, "femtometer": 1e-9,
    "foot": 304800.0, "inch": 25400.0, "kilometer": 1e9, "meter": 1e6, "micrometer": 1.0,
    "micron": 1.0, "microns": 1.0, "millimeter": 1e3, "nanometer": 1e-3, "picometer": 1e-6,
    "yard": 914400.0,
}  # fmt: skip

#: OMERO's names of the units that the schema allows for lengths.
UNITS = {
    "Ym": "YOTTAMETER", "Zm": "ZETTAMETER", "Em": "EXAMETER", "Pm": "PETAMETER", "Tm": "TERAMETER",
    "Gm": "GIGAMETER", "Mm": "MEGAMETER", "km": "KILOMETER", "hm": "HECTOMETER",
    "dam": "DECAMETER", "m": "METER", "dm": "DECIMETER", "cm": "CENTIMETER", "mm": "MILLIMETER",
    "µm": "MICROMETER", "μm": "MICROMETER", "nm": "NANOMETER", "pm": "PICOMETER",
    "fm": "FEMTOMETER", "am": "ATTOMETER", "zm": "ZEPTOMETER", "ym": "YOCTOMETER",
    "Å": "ANGSTROM", "thou": "THOU", "li": "LINE", "in": "INCH", "ft": "FOOT", "yd": "YARD",
    "mi": "MILE", "ua": "ASTRONOMICALUNIT", "ly": "LIGHTYEAR", "pc": "PARSEC", "pt": "POINT",
    "pixel": "PIXEL", "reference frame": "REFERENCEFRAME",
}  # fmt: skip


@dataclass(frozen=True)
class OmeChannel:
    """A Channel element; `samples` is how many channels of the image it stands for."""

    metadata: ChannelMetadata
    samples: int


@dataclass(frozen=True)
class OmeImage:
    """An Image element. Sizes are as written, channels as many as are written."""

    name: str
    description: str
    size_x: int
    size_y: int
    significant_bits: int | None
    channels: tuple[OmeChannel, ...]
    physical_size_x: float | None
    physical_size_y: float | None
    physical_size_z: float | None
    nominal_magnification: float | None
    acquired_at_s: float | None
    id: str = ""
    roi_ids: tuple[str, ...] = ()
    annotation_ids: tuple[str, ...] = ()


def parse(xml: str) -> Element:
    """Parse XML that a file brought along; raise UnreadableFile if it is broken or a trap."""
    try:
        return fromstring(xml.strip("\x00 \r\n\t"))
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableFile(f"its XML metadata cannot be read ({error!r:.100})") from error


def file_names(root: Element) -> set[str]:
    """Give the names of all files that the XML says hold planes, as written."""
    return {
        name
        for element in root.iter()
        if tag(element) in ("UUID", "BinaryOnly", "External", "MetadataFile")
        for key in ("FileName", "MetadataFile", "href")
        if (name := element.get(key))
    }


def images(root: Element) -> list[OmeImage]:
    """Give the images that the XML describes, in its order."""
    magnifications = {
        objective.get("ID"): number_of(objective, "NominalMagnification")
        for objective in children(root, "Instrument", "Objective")
    }
    found = []
    for image in children(root, "Image"):
        pixels = next(children(image, "Pixels"), None)
        if pixels is None:
            continue
        settings = [*children(image, "ObjectiveSettings"), *children(image, "ObjectiveRef")]
        found.append(
            OmeImage(
                name=image.get("Name") or "",
                description=text_below(image, "Description"),
                size_x=int(number_of(pixels, "SizeX") or 0),
                size_y=int(number_of(pixels, "SizeY") or 0),
                significant_bits=int(number_of(pixels, "SignificantBits") or 0) or None,
                channels=tuple(_channel(channel) for channel in children(pixels, "Channel")),
                physical_size_x=_micrometres(pixels, "PhysicalSizeX"),
                physical_size_y=_micrometres(pixels, "PhysicalSizeY"),
                physical_size_z=_micrometres(pixels, "PhysicalSizeZ"),
                nominal_magnification=next(
                    (magnifications.get(setting.get("ID")) for setting in settings), None
                ),
                acquired_at_s=seconds(
                    text_below(image, "AcquisitionDate") or text_below(image, "AcquiredDate")
                ),
                id=image.get("ID") or "",
                roi_ids=references(image, "ROIRef"),
                annotation_ids=references(image, "AnnotationRef"),
            )
        )
    return found


def spread(channels: tuple[OmeChannel, ...], size_c: int) -> tuple[ChannelMetadata, ...] | None:
    """Give one entry for each of `size_c` channels; None if the elements do not add up to that."""
    spread_out = [c.metadata for c in channels for _ in range(max(c.samples, 1))]
    if len(spread_out) == size_c:
        return tuple(spread_out)
    if len(channels) == size_c:
        return tuple(c.metadata for c in channels)
    return None


def to_micrometres(value: float | None, unit: str | None) -> float | None:
    """Convert a length; None for no value, a value that is no size, or a unit of no length."""
    if value is None or not 0 < value < float("inf"):
        return None
    factor = MICROMETRES.get(unit or "µm")
    return None if factor is None else value * factor


def seconds(text: str) -> float | None:
    """Read an ISO 8601 date, UTC where it names no zone, as seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _channel(element: Element) -> OmeChannel:
    return OmeChannel(
        metadata=ChannelMetadata(
            name=element.get("Name") or element.get("Fluor") or None,
            color=color_of(element, "Color"),
            emission_wave=_nanometres(element, "EmissionWavelength"),
            excitation_wave=_nanometres(element, "ExcitationWavelength"),
        ),
        samples=int(number_of(element, "SamplesPerPixel") or 1),
    )


def tag(element: Element) -> str:
    """Give an element's name without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: Element, *path: str) -> Iterator[Element]:
    """Give the elements that a path of names leads to from an element."""
    if not path:
        yield element
        return
    for child in element:
        if tag(child) == path[0]:
            yield from children(child, *path[1:])


def text_below(element: Element, name: str) -> str:
    """Give the text of the first child of that name, trimmed; empty without one."""
    child = next(children(element, name), None)
    return (child.text or "").strip() if child is not None else ""


def references(element: Element, name: str) -> tuple[str, ...]:
    """Give the ids that the children of that name refer to."""
    return tuple(found for child in children(element, name) if (found := child.get("ID")))


def number_of(element: Element, key: str) -> float | None:
    """Give an attribute as a number; None when it is missing or no number."""
    try:
        return float(element.get(key, ""))
    except ValueError:
        return None


def whole_of(element: Element, key: str) -> int | None:
    """Give an attribute as a whole number of 32 bits; None when it is missing or none."""
    value = number_of(element, key)
    return int(value) if value is not None and abs(value) < 2**31 else None


def color_of(element: Element, key: str) -> tuple[int, int, int, int] | None:
    """Give an attribute that is a signed RGBA number as (red, green, blue, alpha), or None."""
    try:
        rgba = int(element.get(key, "")) & 0xFFFFFFFF
    except ValueError:
        return None
    return (rgba >> 24, rgba >> 16 & 255, rgba >> 8 & 255, rgba & 255)


def boolean_of(element: Element, key: str) -> bool | None:
    """Give an attribute as a truth value; None when it is missing."""
    text = element.get(key)
    return None if text is None else text.strip().lower() in {"true", "1"}


def length_of(element: Element, key: str, default_unit: str) -> tuple[float, str] | None:
    """Give an attribute as a number and the name of OMERO's unit; None when it has none."""
    value = number_of(element, key)
    unit = UNITS.get(element.get(f"{key}Unit") or default_unit)
    if value is None or unit is None or not math.isfinite(value):
        return None
    return value, unit


def _micrometres(element: Element, key: str) -> float | None:
    return to_micrometres(number_of(element, key), element.get(f"{key}Unit"))


def _nanometres(element: Element, key: str) -> float | None:
    length = to_micrometres(number_of(element, key), element.get(f"{key}Unit") or "nm")
    return None if length is None else round(length * 1000, 6)
