"""Plates of OME-Zarr (HCS): wells and their fields, by the attributes of the groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imageserver.readers.objects import (
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    WellMetadata,
)
from imageserver.readers.ome_plates import MAX_SIDE
from imageserver.readers.ome_xml import seconds


@dataclass(frozen=True)
class ZarrField:
    """A field that is an image of the file: the well's path, and what its `images` say of it."""

    well: str
    attributes: Mapping[str, Any]


def plate_of(plate: Mapping[str, Any], fields: Mapping[int, ZarrField]) -> PlateMetadata:
    """Give the plate that a group's `plate` attributes tell of; `fields` by number of the image.

    Wells without a place are left out; of two in one place the first counts.
    """
    runs = _items(plate, "acquisitions")
    run_of = {str(run.get("id")): i for i, run in enumerate(runs)}
    rows, columns = _names(plate, "rows"), _names(plate, "columns")
    by_well: dict[str, list[FieldMetadata]] = {}
    for series, field in fields.items():
        run = run_of.get(str(field.attributes.get("acquisition", "")))
        by_well.setdefault(field.well, []).append(FieldMetadata(series, run))
    wells: dict[tuple[int, int], WellMetadata] = {}
    for well in _items(plate, "wells"):
        place = _place(well, rows, columns)
        if place is not None and place not in wells:
            fields_of_well = by_well.get(str(well.get("path")), ())
            wells[place] = WellMetadata(*place, tuple(fields_of_well))
    return PlateMetadata(
        name=str(plate.get("name") or ""),
        wells=tuple(wells[place] for place in sorted(wells)),
        rows=len(rows) or None,
        columns=len(columns) or None,
        row_naming=_naming(rows),
        column_naming=_naming(columns),
        acquisitions=tuple(map(_acquisition, runs)),
    )


def _items(owner: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = owner.get(key)
    if not isinstance(found, list | tuple):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def _names(plate: Mapping[str, Any], key: str) -> list[str]:
    return [str(item.get("name", "")) for item in _items(plate, key)]


def _naming(names: list[str]) -> str | None:
    if not names:
        return None
    return "number" if all(name.isdecimal() for name in names) else "letter"


def _place(well: Mapping[str, Any], rows: list[str], columns: list[str]) -> tuple[int, int] | None:
    """Give row and column: as told since 0.4, else by the names in the path."""
    row, column = well.get("rowIndex"), well.get("columnIndex")
    if not isinstance(row, int) or not isinstance(column, int):
        row_name, _, column_name = str(well.get("path", "")).partition("/")
        row = rows.index(row_name) if row_name in rows else _row_of(row_name)
        column = columns.index(column_name) if column_name in columns else _number_of(column_name)
    if row is None or column is None:
        return None
    return (row, column) if 0 <= row < MAX_SIDE and 0 <= column < MAX_SIDE else None


def _row_of(name: str) -> int | None:
    if not name.isascii() or not name.isalpha() or len(name) > 2:
        return _number_of(name)
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _number_of(name: str) -> int | None:
    return int(name) - 1 if name.isascii() and name.isdecimal() and len(name) < 6 else None


def _acquisition(run: Mapping[str, Any]) -> AcquisitionMetadata:
    count = run.get("maximumfieldcount")
    return AcquisitionMetadata(
        name=str(run["name"]) if run.get("name") is not None else None,
        description=str(run["description"]) if run.get("description") is not None else None,
        started_at_s=_moment(run.get("starttime")),
        ended_at_s=_moment(run.get("endtime")),
        maximum_field_count=count if isinstance(count, int) and abs(count) < 2**31 else None,
    )


def _moment(value: Any) -> float | None:
    """Read a time: seconds since the epoch by the specification, or a date as some write it."""
    if isinstance(value, str):
        return seconds(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
