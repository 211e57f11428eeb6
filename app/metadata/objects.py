"""What the URLs of regions, plates and wells tell, as values that JSON can carry."""

from typing import Any

from app.call import Call
from app.metadata.plate_data import PLATE_LAYOUTS, plate_data, well_data, well_images
from app.metadata.roi_data import roi_list, shape_data
from app.params import Query, parse_run, parse_thumbnail_size
from render.errors import BadRequest, NotFound


def describe_rois(call: Call, image_id: int) -> list[dict[str, Any]]:
    """List the regions of interest of an image; none when there is no such image."""
    return roi_list(call.session.rois(image_id, call.deadline))


def describe_shape(call: Call, roi_id: int, shape_id: int) -> dict[str, Any]:
    """Give one shape of a region; raise NotFound when the region has no such shape."""
    shape = call.session.shape(shape_id, call.deadline)
    if shape.roi_id != roi_id:
        raise NotFound(f"region {roi_id} has no shape {shape_id}")
    return shape_data(shape)


def describe_plate(
    call: Call, plate_id: int, field: int, run_id: int | None, query: Query, prefix: str
) -> dict[str, Any]:
    """Give the grid of a plate; raise NotFound when there is no such plate."""
    layout = query.get("layout") or call.settings.plate_layout
    if layout not in PLATE_LAYOUTS:
        raise BadRequest(f"layout is one of {', '.join(PLATE_LAYOUTS)}", parameter="layout")
    size = parse_thumbnail_size(query)
    grid = call.session.plate_grid(plate_id, field, run_id, call.deadline)
    return plate_data(grid, field, layout, prefix, size)


def describe_well_images(
    call: Call, well_id: int, query: Query, prefix: str
) -> list[dict[str, Any]]:
    """List the images of a well; raise NotFound when there is no such well."""
    run_id = parse_run(query)
    return well_images(call.session.well(well_id, call.deadline), run_id, prefix)


def describe_well(call: Call, well_id: int, prefix: str) -> dict[str, Any]:
    """Give the first image of a well; raise NotFound when there is no such well or image."""
    data = well_data(call.session.well(well_id, call.deadline), prefix)
    if data is None:
        raise NotFound(f"well {well_id} has no image")
    return data
