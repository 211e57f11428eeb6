"""What the addresses of OMERO's JSON API tell: pages of objects, single ones, and regions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.call import Call
from app.metadata.ome_json import normalized, object_json
from app.params import Query
from app.parsing.object_params import MAX_LIMIT, parse_listing, parse_number, parse_page
from render.blitz.model_records import ModelRecord, Page
from render.errors import BadRequest, NotFound

#: Classes by the words that stand for them in addresses.
KINDS = {
    "projects": "Project",
    "datasets": "Dataset",
    "images": "Image",
    "screens": "Screen",
    "plates": "Plate",
    "plateacquisitions": "PlateAcquisition",
    "wells": "Well",
    "experimenters": "Experimenter",
    "experimentergroups": "ExperimenterGroup",
}
_WORDS = {kind: word for word, kind in KINDS.items()}
#: What can be listed below an object.
_BELOW: Mapping[str, tuple[str, ...]] = {
    "Project": ("datasets",),
    "Dataset": ("images", "projects"),
    "Image": ("datasets",),
    "Screen": ("plates",),
    "Plate": ("screens", "wells", "plateacquisitions"),
    "PlateAcquisition": ("wells",),
    "Well": ("plates",),
    "Experimenter": ("experimentergroups",),
    "ExperimenterGroup": ("experimenters",),
}


def kind_of(word: str) -> str:
    """Give the class that a word stands for; raise NotFound for another word."""
    kind = KINDS.get(word)
    if kind is None:
        raise NotFound("there is nothing at this address")
    return kind


def describe_listing(
    call: Call,
    word: str,
    query: Query,
    base: str,
    parent: tuple[str, int] | None = None,
    field: int | None = None,
) -> dict[str, Any]:
    """Give a page of objects; those in `parent`, a word and an id, if it is given.

    `base` is what the API's addresses begin with, up to `/m`. `field` is the index of a field of
    wells, which are the ones that have it.
    """
    kind = kind_of(word)
    above = None
    if parent is not None:
        above = (kind_of(parent[0]), parent[1])
        if word not in _BELOW[above[0]]:
            raise NotFound("there is nothing at this address")
    listing = parse_listing(kind, query, above, field)
    page = call.session.objects(listing, call.deadline)
    objects = [object_json(_with_field(record, field)) for record in page.records]
    if query.get("childCount") == "true":
        _add_counts(call, kind, objects)
    for data in objects:
        _add_links(data, kind, base, listed=True)
        if kind == "PlateAcquisition":
            _add_fields(call, kind, data, base)
    told = {"data": objects}
    if query.get("normalize") == "true":
        told = normalized(objects)
    return told | {"meta": _meta(listing.offset, listing.limit, page)}


def describe_object(
    call: Call, word: str, object_id: int, query: Query, base: str
) -> dict[str, Any]:
    """Give one object; raise NotFound when it is missing or invisible."""
    kind = kind_of(word)
    data = object_json(call.session.object(kind, object_id, call.deadline))
    if query.get("childCount") == "true":
        _add_counts(call, kind, [data])
    _add_links(data, kind, base, listed=False)
    if kind in ("Plate", "PlateAcquisition"):
        _add_fields(call, kind, data, base)
    for sample in data.get("WellSamples", ()):
        if "Image" in sample:
            sample["Image"]["url:image"] = f"{base}/images/{sample['Image']['@id']}/"
    return {"data": data}


def describe_roi_page(call: Call, image_id: int | None, query: Query) -> dict[str, Any]:
    """Give a page of the regions of an image, in the query if not in the path."""
    if image_id is None:
        image_id = parse_number(query, "image")
    if image_id is None:
        raise BadRequest("regions are listed by image, as image=<id>", parameter="image")
    offset, limit = parse_page(query)
    page = call.session.roi_page(image_id, None, offset, limit, call.deadline)
    objects = [object_json(record) for record in page.records]
    told = {"data": objects}
    if query.get("normalize") == "true":
        told = normalized(objects)
    return told | {"meta": _meta(offset, limit, page)}


def _with_field(record: ModelRecord, field: int | None) -> ModelRecord:
    """Leave of a well's fields only the one of that index, if one was asked for."""
    if field is None:
        return record
    one = record.values.get("WellSamples", ())[field : field + 1]
    return replace(record, values={**record.values, "WellSamples": one})


def _meta(offset: int, limit: int, page: Page) -> dict[str, int]:
    return {"offset": offset, "limit": limit, "maxLimit": MAX_LIMIT, "totalCount": page.total}


def _add_counts(call: Call, kind: str, objects: list[dict[str, Any]]) -> None:
    ids = [data["@id"] for data in objects]
    counts = call.session.count_children(kind, ids, call.deadline)
    for data in objects if counts is not None else ():
        data["omero:childCount"] = (counts or {})[data["@id"]]


def _add_links(data: dict[str, Any], kind: str, base: str, listed: bool) -> None:
    own = f"{base}/{_WORDS[kind]}/{data['@id']}/"
    if listed:
        data[f"url:{kind.lower()}"] = own
    for word in _BELOW[kind]:
        data[f"url:{word}"] = f"{own}{word}/"
    if kind == "Image":
        data["url:rois"] = f"{own}rois/"


def _add_fields(call: Call, kind: str, data: dict[str, Any], base: str) -> None:
    found = call.session.field_range(kind, data["@id"], call.deadline)
    data["omero:wellsampleIndex"] = [] if found is None else list(found)
    own = f"{base}/{_WORDS[kind]}/{data['@id']}"
    data["url:wellsampleindex_wells"] = [
        f"{own}/wellsampleindex/{index}/wells/"
        for index in (range(found[0], found[1] + 1) if found else ())
    ]
