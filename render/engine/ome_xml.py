"""Writes OME-XML (schema 2016-06) of one image: sizes, pixel type, channels, acquisition."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from render.values import ChannelInfo, Color

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_SCHEMA = f"{NAMESPACE} {NAMESPACE}/ome.xsd"
#: What XML 1.0 cannot hold, however it is written.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OmeImage:
    """What is told of an image whose planes lie as XYZCT, z fastest, in a file's directories.

    Physical sizes are in µm, wavelengths in nm, times in seconds since the epoch; None where they
    are not known. `colors` has one entry for each of `channels`.
    """

    name: str
    description: str
    acquired_at_s: float | None
    pixel_type: str
    significant_bits: int | None
    size_x: int
    size_y: int
    size_z: int
    size_t: int
    physical_sizes: tuple[float | None, float | None, float | None]
    channels: tuple[ChannelInfo, ...]
    colors: tuple[Color | None, ...]
    nominal_magnification: float | None = None


def write_ome_xml(image: OmeImage, creator: str) -> bytes:
    """Write the XML, in ASCII: what is not is written as references to characters."""
    magnification = image.nominal_magnification
    has_objective = magnification is not None and _is_positive(magnification)
    instrument, settings = "", ""
    if has_objective:
        objective = _element(
            "Objective", {"ID": "Objective:0", "NominalMagnification": magnification}
        )
        instrument = _element("Instrument", {"ID": "Instrument:0"}, [objective])
        settings = _element("InstrumentRef", {"ID": "Instrument:0"}) + _element(
            "ObjectiveSettings", {"ID": "Objective:0"}
        )
    inside = [
        _text("AcquisitionDate", _date(image.acquired_at_s)),
        _text("Description", image.description),
        settings,
        _pixels(image),
    ]
    written = _element(
        "OME",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": _SCHEMA,
            "Creator": creator,
        },
        [instrument, _element("Image", {"ID": "Image:0", "Name": image.name}, inside)],
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return (head + written).encode("ascii", "xmlcharrefreplace")


def _pixels(image: OmeImage) -> str:
    x, y, z = image.physical_sizes
    planes = image.size_z * len(image.channels) * image.size_t
    attributes: dict[str, object] = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYZCT",
        "Type": image.pixel_type,
        "SignificantBits": image.significant_bits or None,
        "Interleaved": "false",
        "BigEndian": "true",
        "SizeX": image.size_x,
        "SizeY": image.size_y,
        "SizeZ": image.size_z,
        "SizeC": len(image.channels),
        "SizeT": image.size_t,
    }
    for axis, size in (("X", x), ("Y", y), ("Z", z)):
        if size is not None and _is_positive(size):
            attributes |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    pairs = zip(image.channels, image.colors, strict=True)
    channels = [_channel(i, channel, color) for i, (channel, color) in enumerate(pairs)]
    return _element(
        "Pixels", attributes, [*channels, _element("TiffData", {"IFD": 0, "PlaneCount": planes})]
    )


def _channel(index: int, channel: ChannelInfo, color: Color | None) -> str:
    attributes: dict[str, object] = {
        "ID": f"Channel:0:{index}",
        "Name": channel.name or None,
        "SamplesPerPixel": 1,
        "Color": None if color is None else _signed(color),
    }
    waves = (("Excitation", channel.excitation_wave), ("Emission", channel.emission_wave))
    for kind, wave in waves:
        if wave is not None and _is_positive(wave):
            attributes |= {f"{kind}Wavelength": wave, f"{kind}WavelengthUnit": "nm"}
    return _element("Channel", attributes)


def _signed(color: Color) -> int:
    """Give the colour as one signed number of 32 bits, red highest, as the schema has it."""
    rgba = color.red << 24 | color.green << 16 | color.blue << 8 | color.alpha
    return rgba - 2**32 if rgba >= 2**31 else rgba


def _date(seconds: float | None) -> str:
    if seconds is None or not math.isfinite(seconds):
        return ""
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return moment.replace(tzinfo=None).isoformat()


def _is_positive(number: float) -> bool:
    return math.isfinite(number) and number > 0


def _element(name: str, attributes: Mapping[str, object], inside: Iterable[str] = ()) -> str:
    """Write an element; attributes that are None are left out."""
    written = "".join(
        f" {key}={quoteattr(_clean(str(value)))}"
        for key, value in attributes.items()
        if value is not None
    )
    content = "".join(inside)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _text(name: str, text: str) -> str:
    if not text:
        return ""
    return f"<{name}>{escape(_clean(text))}</{name}>"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
