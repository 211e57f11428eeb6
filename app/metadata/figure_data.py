"""What OMERO.figure asks for besides pictures: its own form of `imgData`, regions, times."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from app.call import Call
from app.metadata.answers import describe_image
from app.metadata.image_data import pixel_range
from app.metadata.iviewer_data import describe_paths, describe_times
from app.metadata.ome_json import object_json
from app.metadata.plate_data import well_position
from app.metadata.units import LENGTHS, converted_length, symbol_of
from app.params import Query
from app.parsing.numbers import decimal, shown
from app.parsing.object_params import parse_page
from render.blitz.model_records import ModelRecord
from render.errors import BadRequest, NotFound
from render.values import DTYPES, ImageInfo


def describe_for_figure(call: Call, image_id: int) -> dict[str, Any]:
    """Give `imgData` with what OMERO.figure adds to it: units, times, and what it lies in."""
    data = describe_image(call, image_id, None, False)
    if "meta" not in data:
        # A pyramid is in the making: that alone is told.
        return data
    info = call.image_info(image_id)
    sizes = data.setdefault("pixel_size", {})
    for axis, length in zip("XYZ", _lengths(info), strict=True):
        if length is not None:
            sizes |= {
                f"value{axis}": length,
                f"symbol{axis}": "µm",
                f"unit{axis}": "MICROMETER",
            }
    data["deltaT"] = describe_times(call, image_id)["delta_t"]
    data["parents"] = _parents(call, info)
    return data


def count_regions(call: Call, image_id: int, with_shapes: bool) -> dict[str, int]:
    """Count the regions of an image, and their shapes."""
    counts = {"roi": call.session.count_rois(image_id, call.deadline)}
    if with_shapes:
        shapes = call.session.count_shapes(image_id, call.deadline)
        counts["shape"] = sum(number for _, _, number in shapes)
    return counts


def describe_rectangles(call: Call, image_id: int, query: Query) -> dict[str, Any]:
    """Give a page of the regions that have rectangles, with these alone."""
    offset, limit = parse_page(query)
    page = call.session.roi_page(image_id, None, offset, limit, call.deadline, only="Rectangle")
    return {
        "data": [object_json(record) for record in page.records],
        "meta": {"totalCount": page.total},
    }


def describe_times_of(call: Call, ids: Sequence[int]) -> dict[str, Any]:
    """Give the seconds of the timepoints of images, by id."""
    return _of_each(call, ids, lambda info: describe_times(call, info.image_id)["delta_t"])


def describe_depths(call: Call, ids: Sequence[int]) -> dict[str, Any]:
    """Give the distance of the sections of images, by id; nothing of those that tell none."""

    def depth(info: ImageInfo) -> dict[str, Any] | None:
        if info.pixel_size_z is None:
            return None
        return {"valueZ": info.pixel_size_z, "symbolZ": "µm", "unitZ": "MICROMETER"}

    return _of_each(call, ids, depth)


def describe_pixel_types(call: Call, ids: Sequence[int]) -> dict[str, Any]:
    """Give pixel type and range of images, by id."""

    def told(info: ImageInfo) -> dict[str, Any] | None:
        if info.pixel_type not in DTYPES:
            return None
        return {"pixelsType": info.pixel_type, "pixel_range": pixel_range(info.pixel_type)}

    return _of_each(call, ids, told)


def describe_owners(call: Call, ids: Sequence[int]) -> dict[str, Any]:
    """Give name, owner and group of images; those that are missing or invisible are left out."""
    records = call.session.objects_of("Image", ids, call.deadline)
    return {"data": [_owned(record) for record in records]}


def converted(value: str, unit: str, to_unit: str) -> dict[str, Any]:
    """Give a length in another unit; BadRequest where one is no unit, or the length no number."""
    length = decimal(value)
    if length is None or not math.isfinite(length):
        raise BadRequest(f"{shown(value)} should be a number")
    found = converted_length(length, unit, to_unit)
    if found is None:
        wrong = unit if unit not in LENGTHS else to_unit
        raise BadRequest(f"{shown(wrong)} is no unit of length")
    return {"value": found, "unit": to_unit, "symbol": symbol_of(to_unit)}


def _owned(record: ModelRecord) -> dict[str, Any]:
    told: dict[str, Any] = {"id": record.id, "name": record.values.get("Name")}
    details = record.details
    if details is not None and details.group is not None:
        told["group"] = {"id": details.group.id, "name": details.group.values.get("Name")}
    if details is not None and details.owner is not None:
        owner = details.owner
        told["owner"] = {
            "id": owner.id,
            "firstName": owner.values.get("FirstName"),
            "lastName": owner.values.get("LastName"),
        }
    return told


def _of_each(call: Call, ids: Sequence[int], tell: Callable[[ImageInfo], Any]) -> dict[str, Any]:
    """Ask for something of several images; those that are missing or invisible are left out."""
    found: dict[str, Any] = {}
    for image_id in ids:
        try:
            told = tell(call.image_info(image_id))
        except NotFound:
            continue
        if told is not None:
            found[str(image_id)] = told
    return found


def _parents(call: Call, info: ImageInfo) -> dict[str, Any]:
    """Give what an image lies in, by kind: the last of several."""
    parents: dict[str, Any] = {}
    for path in describe_paths(call, {"image": str(info.image_id)})["paths"]:
        for step in path:
            if step["type"] != "orphaned":
                parents[step["type"]] = {key: step[key] for key in step if key != "type"}
    names: dict[str, dict[int, str | None]] = {
        "project": {project.id: project.name for project in info.projects},
        "dataset": {dataset.id: dataset.name for dataset in info.datasets},
        "experimenter": {info.owner_id: info.author},
        "image": {info.image_id: info.name},
    }
    for kind, item in parents.items():
        if kind == "well":
            item["label"] = well_position(call.session.well(item["id"], call.deadline))
        elif kind in names:
            item["name"] = names[kind].get(item["id"])
        elif kind in ("screen", "plate"):
            container = call.session.container(kind.title(), item["id"], call.deadline)
            item["name"] = container.name
    return parents


def _lengths(info: ImageInfo) -> tuple[float | None, float | None, float | None]:
    return info.pixel_size_x, info.pixel_size_y, info.pixel_size_z
