"""Plates as the text that the index remembers them by."""

import json
from dataclasses import asdict
from typing import Any

from imageserver.readers.objects import (
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    ScreenMetadata,
    WellMetadata,
)


def plate_to_json(plate: PlateMetadata) -> str:
    """Write a plate."""
    return json.dumps(asdict(plate), separators=(",", ":"))


def plate_from_json(text: str) -> PlateMetadata:
    """Read what `plate_to_json` wrote."""
    plate = _with_tuples(json.loads(text))
    screen = plate.pop("screen")
    return PlateMetadata(
        wells=tuple(_well(well) for well in plate.pop("wells")),
        acquisitions=tuple(AcquisitionMetadata(**run) for run in plate.pop("acquisitions")),
        screen=None if screen is None else ScreenMetadata(**screen),
        **plate,
    )


def _well(well: dict[str, Any]) -> WellMetadata:
    fields = tuple(FieldMetadata(**field) for field in well.pop("fields"))
    return WellMetadata(fields=fields, **well)


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return value
