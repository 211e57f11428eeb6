"""Reads plates: the grid of one field of all wells, and single wells with all their fields."""

from collections.abc import Iterable, Sequence
from typing import Any

from render.blitz.ami import call, start
from render.blitz.listings import image_item
from render.blitz.mapping import permissions_of, unwrap
from render.blitz.queries import (
    EXTENT_OF_PLATE,
    FIELD_OF_PLATE,
    FIELDS_OF_RUN,
    IMAGES,
    WELL,
    distinct,
    with_id,
    with_ids,
)
from render.blitz.records import (
    FieldItem,
    ImageItem,
    PlateField,
    PlateGrid,
    StagePosition,
    WellItem,
)
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import NotFound

#: Images that are loaded by one call.
_BATCH = 1000

#: The largest index that travels; no well has so many fields.
_MOST = 2**31 - 1


def load_well(live: LiveSession, well_id: int, deadline: Deadline) -> WellItem:
    """Load a well with its fields; raise NotFound when it is missing or invisible."""
    query = live.service("query", deadline)
    found = distinct(
        call(deadline, "load the well", query.findAllByQueryAsync, WELL, with_id(well_id))
    )
    if not found:
        raise NotFound(f"there is no well {well_id} that is visible to you")
    well = found[0]
    samples = [s for s in well.wellSamplesSeq if s is not None and s.image is not None]
    return WellItem(
        id=well_id,
        row=unwrap(well.row) or 0,
        column=unwrap(well.column) or 0,
        plate_id=well.plate.id.val,
        row_naming=unwrap(well.plate.rowNamingConvention),
        column_naming=unwrap(well.plate.columnNamingConvention),
        fields=tuple(_field(sample) for sample in samples if sample.image.loaded),
        can_download=permissions_of(well.details).can_download,
    )


def load_plate_grid(
    live: LiveSession, plate_id: int, field: int, run_id: int | None, deadline: Deadline
) -> PlateGrid:
    """Load one field of all wells; raise NotFound when there is no such plate."""
    query = live.service("query", deadline)
    parameters = with_id(plate_id)
    if run_id is None:
        parameters.map["field"] = omero.RInt(min(field, _MOST))
        hql = FIELD_OF_PLATE
    else:
        parameters.map["run"] = omero.RLong(run_id)
        hql = FIELDS_OF_RUN
    plate_asked = start("find the plate", query.findAsync, "Plate", plate_id)
    extent_asked = start(
        "measure the plate", query.projectionAsync, EXTENT_OF_PLATE, with_id(plate_id)
    )
    fields_asked = start("list the plate's fields", query.projectionAsync, hql, parameters)
    plate = plate_asked.result(deadline)
    if plate is None:
        extent_asked.cancel()
        fields_asked.cancel()
        raise NotFound(f"there is no plate {plate_id} that is visible to you")
    (extent,) = extent_asked.result(deadline)
    first_row, last_row, first_column, last_column = map(unwrap, extent)
    found = [[unwrap(cell) for cell in row] for row in fields_asked.result(deadline)]
    chosen = choose_fields(found, 0 if run_id is None else field)
    images = load_images(live, (image_id for *_, image_id in chosen), deadline)
    return PlateGrid(
        plate_id=plate_id,
        row_naming=unwrap(plate.rowNamingConvention),
        column_naming=unwrap(plate.columnNamingConvention),
        first_row=first_row or 0,
        last_row=-1 if last_row is None else last_row,
        first_column=first_column or 0,
        last_column=-1 if last_column is None else last_column,
        fields=tuple(
            PlateField(row, column, well_id, images[image_id])
            for well_id, row, column, image_id in chosen
            if image_id in images
        ),
    )


def load_images(
    live: LiveSession, image_ids: Iterable[int], deadline: Deadline
) -> dict[int, ImageItem]:
    """Load images by id; those that are missing or invisible are left out."""
    query = live.service("query", deadline)
    ids = list(dict.fromkeys(image_ids))
    asked = [
        start("load images", query.findAllByQueryAsync, IMAGES, with_ids(ids[i : i + _BATCH]))
        for i in range(0, len(ids), _BATCH)
    ]
    found = [image for pending in asked for image in distinct(pending.result(deadline))]
    return {image.id.val: image_item(image) for image in found}


def choose_fields(rows: Sequence[Sequence[Any]], number: int) -> list[tuple[int, int, int, int]]:
    """Choose the field of that number among those of each well that were found.

    Rows are well id, row, column, index of the field, image id; given are those without index,
    by row and column. Wells whose place is not known have none in the grid.
    """
    by_well: dict[int, list[Sequence[Any]]] = {}
    placed = [row for row in rows if row[1] is not None and row[2] is not None]
    for row in sorted(placed, key=lambda row: row[3]):
        by_well.setdefault(row[0], []).append(row)
    chosen = [rows[number] for rows in by_well.values() if number < len(rows)]
    chosen.sort(key=lambda row: (row[1], row[2]))
    return [(row[0], row[1], row[2], row[4]) for row in chosen]


def _field(sample: Any) -> FieldItem:
    run = sample.plateAcquisition
    return FieldItem(
        image=image_item(sample.image),
        position_x=_position(sample.posX),
        position_y=_position(sample.posY),
        run_id=None if run is None else run.id.val,
        run_name=None if run is None else unwrap(run.name),
    )


def _position(length: Any) -> StagePosition | None:
    return None if length is None else StagePosition(length.value, length.unit.name)
