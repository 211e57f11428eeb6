"""What TIFF dialects other than OME-TIFF tell about an image."""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tifffile import TiffFile, TiffPageSeries

from imageserver.readers import ome_xml
from imageserver.readers.ome_xml import to_micrometres

_CENTIMETRE = 3

#: Characters of ImageJ's notes that are kept; it writes whole protocols there.
_MAX_DESCRIPTION = 10_000


@dataclass(frozen=True)
class VendorMetadata:
    """Physical sizes in µm, the date in seconds since the epoch; None where nothing is told."""

    description: str = ""
    channel_names: tuple[str, ...] = ()
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    nominal_magnification: float | None = None
    acquired_at_s: float | None = None


def of_series(tiff: TiffFile, series: TiffPageSeries) -> VendorMetadata:
    """Gather what the dialect of the file tells about a series; never raises for odd values."""
    page = series.keyframe
    size_x, size_y = _resolution(page)
    acquired = _date(str(page.tags.valueof(306, default="") or ""))
    if tiff.is_svs and page.index == 0:
        return _svs(str(page.description), acquired)
    if tiff.is_ndpi:
        tags: Mapping[str, Any] = page.ndpi_tags or {}
        magnification = _positive(tags.get("Magnification"))
        return VendorMetadata(
            physical_size_x=size_x,
            physical_size_y=size_y,
            nominal_magnification=magnification,
            acquired_at_s=acquired,
        )
    if tiff.is_scn:
        return _scn(tiff.pages.first.description, series.name)
    if tiff.is_imagej:
        return _imagej(tiff.imagej_metadata or {}, page, acquired)
    if tiff.is_lsm:
        return _lsm(tiff.lsm_metadata or {})
    return VendorMetadata(physical_size_x=size_x, physical_size_y=size_y, acquired_at_s=acquired)


def _svs(description: str, acquired: float | None) -> VendorMetadata:
    entries = {}
    for part in description.split("|")[1:]:
        key, _, value = part.partition("=")
        entries[key.strip()] = value.strip()
    size = _positive(entries.get("MPP"))
    with contextlib.suppress(ValueError):
        moment = f"{entries.get('Date', '')} {entries.get('Time', '')}"
        parsed = datetime.strptime(moment, "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC)
        acquired = parsed.timestamp()
    return VendorMetadata(
        physical_size_x=size,
        physical_size_y=size,
        nominal_magnification=_positive(entries.get("AppMag")),
        acquired_at_s=acquired,
    )


def _scn(xml: str, name: str) -> VendorMetadata:
    for image in ome_xml.parse(xml).iter():
        if ome_xml.tag(image) != "image" or image.get("name", "Unknown") != name:
            continue
        parts = {ome_xml.tag(element): element for element in image.iter()}

        def size(key: str, parts: Mapping[str, Any] = parts) -> float | None:
            pixels, view = (
                _positive(parts[part].get(key)) if part in parts else None
                for part in ("pixels", "view")
            )
            return to_micrometres(view / pixels, "nm") if pixels and view else None

        def text(part: str, parts: Mapping[str, Any] = parts) -> str:
            return (parts[part].text or "").strip() if part in parts else ""

        return VendorMetadata(
            physical_size_x=size("sizeX"),
            physical_size_y=size("sizeY"),
            nominal_magnification=_positive(text("objective")),
            acquired_at_s=ome_xml.seconds(text("creationDate")),
        )
    return VendorMetadata()


def _imagej(metadata: Mapping[str, Any], page: Any, acquired: float | None) -> VendorMetadata:
    unit = str(metadata.get("unit", "")).replace("\\u00B5", "µ")

    def length(value: float | None) -> float | None:
        return to_micrometres(value, unit) if unit else None

    labels = metadata.get("Labels")
    return VendorMetadata(
        description=str(metadata.get("Info", ""))[:_MAX_DESCRIPTION],
        channel_names=tuple(map(str, labels)) if labels and metadata.get("channels", 1) > 1 else (),
        physical_size_x=length(_per_unit(page, 282)),
        physical_size_y=length(_per_unit(page, 283)),
        physical_size_z=length(_positive(metadata.get("spacing"))),
        acquired_at_s=acquired,
    )


def _lsm(metadata: Mapping[str, Any]) -> VendorMetadata:
    def metres(key: str) -> float | None:
        return to_micrometres(_positive(metadata.get(key)), "m")

    colors = metadata.get("ChannelColors") or {}
    return VendorMetadata(
        channel_names=tuple(map(str, colors.get("ColorNames", ()))),
        physical_size_x=metres("VoxelSizeX"),
        physical_size_y=metres("VoxelSizeY"),
        physical_size_z=metres("VoxelSizeZ"),
    )


def _resolution(page: Any) -> tuple[float | None, float | None]:
    # Pixels per inch are nearly always a printer's or a screen's, so only centimetres count.
    if page.tags.valueof(296, default=None) != _CENTIMETRE:
        return None, None
    return (
        to_micrometres(_per_unit(page, 282), "cm"),
        to_micrometres(_per_unit(page, 283), "cm"),
    )


def _per_unit(page: Any, tag: int) -> float | None:
    value = page.tags.valueof(tag, default=None)
    if not isinstance(value, tuple) or len(value) != 2 or not value[0]:
        return None
    size = value[1] / value[0]
    return size if size > 0 else None


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _date(text: str) -> float | None:
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text.strip("\x00 "), form).replace(tzinfo=UTC).timestamp()
    return None
