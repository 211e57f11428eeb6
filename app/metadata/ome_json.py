"""OMERO's objects as JSON, as OMERO.web's API gives them (OME schema 2016-06)."""

from collections.abc import Iterable
from typing import Any

from app.metadata.units import symbol_of
from render.blitz.model_records import Details, ModelRecord, Quantity, Rights

_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
_OMERO = "TBD#"
#: Classes that only OMERO has.
_OF_OMERO = frozenset({"Details", "Permissions", "PixelsType", "PhotometricInterpretation"})

_READ, _WRITE, _ANNOTATE = 4, 2, 1
_USER, _GROUP, _WORLD = 8, 4, 0


def object_json(record: ModelRecord) -> dict[str, Any]:
    """Give an object with all that it has; what is not set is left out."""
    data: dict[str, Any] = {"@type": _type(record.kind), "@id": record.id}
    if record.details is not None:
        data["omero:details"] = _details(record.details)
    for name, value in record.values.items():
        data[name] = _value(value)
    return data


def normalized(objects: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Give objects whose details name owner and group by id, and these once for all."""
    owners: dict[int, dict[str, Any]] = {}
    groups: dict[int, dict[str, Any]] = {}
    told = []
    for data in objects:
        details = dict(data.get("omero:details", {}))
        for key, found in (("owner", owners), ("group", groups)):
            if key in details:
                found[details[key]["@id"]] = details[key]
                details[key] = {"@id": details[key]["@id"]}
        told.append(data | {"omero:details": details})
    return {
        "experimenters": list(owners.values()),
        "experimenterGroups": list(groups.values()),
        "data": told,
    }


def _type(kind: str) -> str:
    return f"{_OMERO if kind in _OF_OMERO else _OME}{kind}"


def _value(value: Any) -> Any:
    if isinstance(value, ModelRecord):
        return object_json(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value if item is not None]
    if isinstance(value, Quantity):
        return {
            "@type": f"{_OMERO}{value.kind}I",
            "Unit": value.unit,
            "Symbol": symbol_of(value.unit),
            "Value": value.value,
        }
    return value


def _details(details: Details) -> dict[str, Any]:
    data: dict[str, Any] = {"@type": _type("Details")}
    if details.owner is not None:
        data["owner"] = object_json(details.owner)
    if details.group is not None:
        data["group"] = object_json(details.group)
    if details.rights is not None:
        data["permissions"] = _permissions(details.rights)
    return data


def _permissions(rights: Rights) -> dict[str, Any]:
    def granted(right: int, shift: int) -> bool:
        return bool(rights.bits & right << shift)

    def letters(shift: int) -> str:
        write = "w" if granted(_WRITE, shift) else "a" if granted(_ANNOTATE, shift) else "-"
        return f"{'r' if granted(_READ, shift) else '-'}{write}"

    return {
        "@type": _type("Permissions"),
        "perm": "".join(letters(shift) for shift in (_USER, _GROUP, _WORLD)),
        "canAnnotate": rights.can.can_annotate,
        "canDelete": rights.can.can_delete,
        "canEdit": rights.can.can_edit,
        "canLink": rights.can.can_link,
        "isWorldWrite": granted(_WRITE, _WORLD),
        "isWorldRead": granted(_READ, _WORLD),
        "isGroupWrite": granted(_WRITE, _GROUP),
        "isGroupRead": granted(_READ, _GROUP),
        "isGroupAnnotate": granted(_ANNOTATE, _GROUP),
        "isUserWrite": granted(_WRITE, _USER),
        "isUserRead": granted(_READ, _USER),
    }
