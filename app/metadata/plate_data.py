"""Plates and wells as OMERO.web's viewers read them."""

from typing import Any

from app.metadata.container_data import image_data_of
from render.blitz.records import PlateGrid, StagePosition, WellItem
from render.errors import TooLarge

PLATE_LAYOUTS = ("expand", "shrink", "trim")

#: No plate has so many wells; a row number that is wrong would fill the memory.
MAX_CELLS = 1 << 21

#: Rows and columns of the smallest plate that is made; larger ones double both.
_SMALLEST = (8, 12)


def plate_data(
    grid: PlateGrid, field: int, layout: str, prefix: str, thumbnail_size: int | None
) -> dict[str, Any]:
    """Give the grid of a plate; cells without an image are None.

    `layout` is `expand`, `shrink` or `trim`; `thumbnail_size` goes into the addresses. Raises
    TooLarge above MAX_CELLS.
    """
    first_row, first_column = 0, 0
    rows, columns = grid.last_row + 1, grid.last_column + 1
    if layout == "expand":
        rows, columns = _expanded(rows, columns)
    elif layout == "shrink" and rows and columns:
        first_row, first_column = grid.first_row, grid.first_column
    if rows * columns > MAX_CELLS:
        raise TooLarge(f"a grid of {rows} x {columns} wells is more than {MAX_CELLS} cells")
    cells: list[list[dict[str, Any] | None]] = [
        [None] * (columns - first_column) for _ in range(rows - first_row)
    ]
    for item in grid.fields:
        data = image_data_of(item.image, prefix, thumbnail_size)
        data |= {"date": int(item.image.date_s), "wellId": item.well_id, "field": field}
        cells[item.row - first_row][item.column - first_column] = data
    sizes = [
        {"x": item.image.size_x, "y": item.image.size_y, "image_id": item.image.id}
        for item in grid.fields[:1]
    ]
    return {
        "grid": cells,
        "rowlabels": [row_label(i, grid.row_naming) for i in range(first_row, rows)],
        "collabels": [column_label(i, grid.column_naming) for i in range(first_column, columns)],
        "image_sizes": sizes,
    }


def well_images(well: WellItem, run_id: int | None, prefix: str) -> list[dict[str, Any]]:
    """List the images of a well, those of one run if `run_id` is given; others count for all."""
    found = []
    for field in well.fields:
        if run_id is not None and field.run_id not in (None, run_id):
            continue
        data = image_data_of(field.image, prefix)
        if field.run_id is not None:
            data["name"] = f"{field.image.name or ''} [Run: {field.run_name or field.run_id}]"
        position = {
            axis: _position(value)
            for axis, value in (("x", field.position_x), ("y", field.position_y))
            if value is not None
        }
        if position:
            data["position"] = position
        found.append(data)
    return found


def well_data(well: WellItem, prefix: str) -> dict[str, Any] | None:
    """Give the image of the first field, and where the well lies; None without an image."""
    if not well.fields:
        return None
    return image_data_of(well.fields[0].image, prefix) | {
        "wellPos": well_position(well),
        "plateId": well.plate_id,
        "wellId": well.id,
    }


def well_position(well: WellItem) -> str:
    """Name a well by its row and column, as `B3`."""
    row = row_label(well.row, well.row_naming)
    return f"{row}{column_label(well.column, well.column_naming)}"


def row_label(row: int, naming: str | None) -> str | int:
    """Name a row, counted from 0: by letters unless the plate's naming says `number`."""
    return row + 1 if (naming or "").lower() == "number" else letters(row)


def column_label(column: int, naming: str | None) -> str | int:
    """Name a column, counted from 0: by numbers unless the plate's naming says `letter`."""
    return letters(column) if (naming or "").lower() == "letter" else column + 1


def letters(index: int) -> str:
    """Write an index, counted from 0, as A … Z, AA …"""
    text = ""
    index += 1
    while index > 0:
        index, digit = divmod(index - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def _expanded(rows: int, columns: int) -> tuple[int, int]:
    tall, wide = _SMALLEST
    while rows > tall or columns > wide:
        tall, wide = 2 * tall, 2 * wide
    return tall, wide


def _position(position: StagePosition) -> dict[str, Any]:
    return {"value": position.value, "unit": position.unit}
