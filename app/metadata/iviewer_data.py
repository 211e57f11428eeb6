"""What OMERO.iviewer asks for besides webgateway: its own form of `imgData`, fields, times."""

from datetime import datetime
from typing import Any

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.planes import read_planes
from app.metadata.answers import describe_image
from app.metadata.ome_json import object_json
from app.metadata.units import readable_length, seconds_of, symbol_of
from app.params import Query
from app.parsing.iviewer_params import IntensityRequest
from app.parsing.object_params import parse_number, parse_page
from app.pipeline import check_plane
from render.blitz.model_records import PlaneRange
from render.errors import BadRequest, NotFound
from render.values import ImageInfo, PlaneIndex, Region

#: The families of OMERO, in the order of OMERO.web's menus.
FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")
_DATE = "%Y-%m-%d %H:%M:%S"
#: As far to each side of a place intensities are told, so that the next ones are known too.
_INTENSITY_REACH = 25


def describe_for_iviewer(call: Call, image_id: int) -> dict[str, Any]:
    """Give `imgData` with what OMERO.iviewer adds to it."""
    data = describe_image(call, image_id, None, False)
    if "meta" not in data:
        # A pyramid is in the making: that alone is told.
        return data
    info = call.image_info(image_id)
    sizes = data.get("pixel_size")
    if sizes is not None:
        lengths = {"x": info.pixel_size_x, "y": info.pixel_size_y, "z": info.pixel_size_z}
        for axis, length in lengths.items():
            if length is not None:
                value, symbol = readable_length(length)
                sizes |= {
                    f"unit_{axis}": value,
                    f"symbol_{axis}": symbol,
                    f"unit_id_{axis}": "MICROMETER",
                }
    data |= {
        "roi_count": call.session.count_rois(image_id, call.deadline),
        "import_date": _date(info.imported_at_s),
        "families": list(FAMILIES),
        "delta_t_unit_symbol": None,
    }
    if info.acquired_at_s is not None:
        data["acquisition_date"] = _date(info.acquired_at_s)
    return data


def describe_for_iviewer_by(call: Call, kind: str, object_id: int) -> dict[str, Any]:
    """Give the same of the image that holds a `roi` or `shape`."""
    place = call.session.shape_place(kind, object_id, call.deadline)
    return describe_for_iviewer(call, place.image_id)


def describe_times(call: Call, image_id: int) -> dict[str, Any]:
    """Give the seconds after the start of each timepoint; 0 where none are told, as OMERO.web."""
    info = call.image_info(image_id)
    seconds = [0.0] * info.size_t
    symbol = None
    if info.size_t > 1:
        for time in call.session.plane_times(info, call.deadline):
            if time.delta is not None and 0 <= time.t < info.size_t:
                seconds[time.t] = seconds_of(time.delta.value, time.delta.unit) or 0.0
                symbol = symbol or symbol_of(time.delta.unit)
    else:
        seconds = []
    return {"delta_t": seconds, "delta_t_unit_symbol": symbol, "image_id": image_id}


def describe_well_fields(call: Call, query: Query) -> dict[str, Any]:
    """Give a page of the images of the well `id`."""
    well_id = parse_number(query, "id")
    if well_id is None:
        raise BadRequest("No well id provided.", parameter="id")
    offset, limit = parse_page(query, 10)
    images = [field.image for field in call.session.well(well_id, call.deadline).fields]
    data: list[dict[str, Any]] = []
    for image in images[offset : offset + limit]:
        data.append({"@id": image.id} | ({} if image.name is None else {"Name": image.name}))
    return {"data": data, "meta": {"totalCount": len(images)}}


def describe_paths(call: Call, query: Query) -> dict[str, Any]:
    """Give the paths from the owner down to an image, which `image`, `roi` or `shape` names."""
    image_id = parse_number(query, "image")
    for kind in ("roi", "shape"):
        object_id = parse_number(query, kind)
        if image_id is None and object_id is not None:
            image_id = call.session.shape_place(kind, object_id, call.deadline).image_id
    if image_id is None:
        raise BadRequest("paths lead to an image: image, roi or shape is missing")
    page_size = parse_number(query, "page_size") or 200
    info = call.image_info(image_id)
    start = {"type": "experimenter", "id": info.owner_id}
    end = {"type": "image", "id": image_id}
    paths = [
        [start, *steps, end]
        for steps in _dataset_steps(call, info, page_size) + _well_steps(call, info)
    ]
    if not paths:
        paths = [[start, {"type": "orphaned", "id": info.owner_id}, end]]
    return {"paths": paths}


def describe_rois_on(call: Call, image_id: int, planes: PlaneRange, query: Query) -> dict[str, Any]:
    """Give a page of the regions that have a shape on the planes."""
    offset, limit = parse_page(query, 500)
    page = call.session.roi_page(image_id, planes, offset, limit, call.deadline)
    return {
        "data": [object_json(record) for record in page.records],
        "meta": {"totalCount": page.total},
    }


def describe_shape_counts(call: Call, image_id: int) -> dict[str, Any]:
    """Count the shapes to be seen on each plane, as rows of timepoints for each section."""
    info = call.image_info(image_id)
    counts = [[0] * info.size_t for _ in range(info.size_z)]
    for z, t, number in call.session.count_shapes(image_id, call.deadline):
        # Shapes on planes that the image does not have are nowhere to be seen.
        for row in counts if z is None else counts[z : z + 1] if z >= 0 else ():
            for index in range(info.size_t) if t is None else (t,):
                if 0 <= index < info.size_t:
                    row[index] += number
    return {"data": counts}


def describe_place(call: Call, kind: str, object_id: int) -> dict[str, Any]:
    """Tell which of the regions a `roi` or `shape` is, of those on its plane for a shape."""
    place = call.session.shape_place(kind, object_id, call.deadline)
    planes = None
    if kind == "shape":
        planes = _planes_of(call, place.image_id, place.z, place.t)
    ids = call.session.roi_ids(place.image_id, planes, call.deadline)
    data: dict[str, Any] = {
        "image": {"id": place.image_id},
        "roi": {"id": place.roi_id},
        "roi_index": ids.index(place.roi_id) if place.roi_id in ids else 0,
        "roi_count": len(ids),
    }
    if kind == "shape":
        data |= {"theZ": place.z, "theT": place.t}
    return data


def describe_intensities(call: Call, request: IntensityRequest) -> dict[str, Any]:
    """Give the values of channels around a place, as they are stored.

    `pixels` has them by place, `<x>-<y>`, and by channel, counted from 0. `count` tells how many
    there are.
    """
    info = call.image_info(request.image_id)
    for channel in request.channels:
        check_plane(info, request.z, request.t, channel)
    if not (0 <= request.x < info.size_x and 0 <= request.y < info.size_y):
        raise NotFound(f"image {info.image_id} has no pixel {request.x},{request.y}")
    side = 2 * _INTENSITY_REACH + 1
    region = Region(request.x - _INTENSITY_REACH, request.y - _INTENSITY_REACH, side, side).clipped(
        info.size_x, info.size_y
    )
    planes = [PlaneIndex(request.z, channel, request.t) for channel in request.channels]
    values = read_planes(call, info, planes, SourceArea(0, region))
    pixels: dict[str, dict[str, Any]] = {}
    for channel, plane in zip(request.channels, values, strict=True):
        for row, line in enumerate(plane.tolist(), region.y):
            for column, value in enumerate(line, region.x):
                pixels.setdefault(f"{column}-{row}", {})[str(channel)] = value
    return {"count": len(planes) * region.width * region.height, "pixels": pixels}


def _planes_of(call: Call, image_id: int, z: int | None, t: int | None) -> PlaneRange:
    info = call.image_info(image_id)
    return PlaneRange(
        0 if z is None else z,
        info.size_z - 1 if z is None else z,
        0 if t is None else t,
        info.size_t - 1 if t is None else t,
    )


def _date(seconds: float) -> str:
    # In the time zone of the service, as OMERO.web tells it in its own.
    return datetime.fromtimestamp(seconds).strftime(_DATE)


def _dataset_steps(call: Call, info: ImageInfo, page_size: int) -> list[list[dict[str, Any]]]:
    found = []
    for dataset in info.datasets:
        ids = call.session.image_ids(dataset.id, call.deadline)
        step: dict[str, Any] = {"type": "dataset", "id": dataset.id, "childCount": len(ids)}
        if len(ids) > page_size > 0 and info.image_id in ids:
            index = ids.index(info.image_id)
            step |= {"childIndex": index, "childPage": index // page_size + 1}
        # Of a dataset in several projects any will do: viewers look at the dataset.
        projects = [{"type": "project", "id": project.id} for project in info.projects[:1]]
        found.append([*projects, step])
    return found


def _well_steps(call: Call, info: ImageInfo) -> list[list[dict[str, Any]]]:
    if not info.well_sample_ids:
        return []
    found = []
    for place in call.session.wells_of_image(info.image_id, call.deadline):
        steps = [
            ("screen", place.screen_id),
            ("plate", place.plate_id),
            ("acquisition", place.run_id),
            ("well", place.well_id),
        ]
        found.append([{"type": kind, "id": id_} for kind, id_ in steps if id_ is not None])
    return found
