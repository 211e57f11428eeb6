"""Reads OMERO.tables. A table is opened for one piece of work and closed after it in any case."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from render.blitz.ami import call, outlive
from render.blitz.records import TableColumn
from render.blitz.session import ALL_GROUPS, LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import BadRequest, NotFound, ServiceError, SourceFailed

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_CLOSE_TIMEOUT_S = 5.0

#: How long one piece of work may go on, whether or not somebody still waits for it.
_WORK_TIMEOUT_S = 60.0

#: Cells that are asked for by one call.
_CELLS = 100_000

#: A column of masks has no values but these, bits left out.
_MASK_PARTS = ("imageId", "theZ", "theT", "x", "y", "w", "h")


class TableReader:
    """An open table; rows are counted from 0, and so are columns."""

    def __init__(self, table: Any, deadline: Deadline) -> None:
        self._table = table
        self._deadline = deadline
        headers = call(deadline, "read the table's columns", table.getHeadersAsync)
        self.columns = tuple(
            TableColumn(column.name, column.description, type(column).__name__)
            for column in headers
        )
        self.row_count: int = call(deadline, "count the table's rows", table.getNumberOfRowsAsync)

    def where(self, condition: str, start: int, stop: int) -> list[int]:
        """Give the rows from `start` to before `stop` that meet a condition (PyTables syntax).

        Raises BadRequest when the server cannot make sense of it.
        """
        if start >= stop:
            return []
        step = "search the table"
        try:
            found = call(
                self._deadline, step, self._table.getWhereListAsync, condition, None, start, stop, 1
            )
        except SourceFailed as error:
            raise BadRequest(f"Error executing query: {condition}", parameter="query") from error
        return list(found)

    def rows(self, columns: Sequence[int], rows: Sequence[int]) -> list[list[Any]]:
        """Give the values of some columns in some rows, a list for each column."""
        values: list[list[Any]] = [[] for _ in columns]
        if not columns:
            return values
        batch = max(1, _CELLS // len(columns))
        for first in range(0, len(rows), batch):
            part = list(rows[first : first + batch])
            data = call(
                self._deadline, "read the table", self._table.sliceAsync, list(columns), part
            )
            for kept, column in zip(values, data.columns, strict=True):
                kept += _values(column)
        return values

    def metadata(self) -> dict[str, Any]:
        """Give what its maker wrote about the table."""
        found = call(self._deadline, "read the table's metadata", self._table.getAllMetadataAsync)
        return {name: _plain(value) for name, value in (found or {}).items()}


def read_table(
    live: LiveSession, file_id: int, work: Callable[[TableReader], Result], deadline: Deadline
) -> Result:
    """Give what `work` makes of a table.

    Raises NotFound when the file is no table that the viewer may read, or the server has no tables.
    """
    return outlive(
        deadline,
        "read the table",
        lambda: _read(live, file_id, work, Deadline.after(_WORK_TIMEOUT_S)),
    )


def _read(
    live: LiveSession, file_id: int, work: Callable[[TableReader], Result], deadline: Deadline
) -> Result:
    table = _open(live, file_id, deadline)
    try:
        return work(TableReader(table, deadline))
    finally:
        try:
            call(Deadline.after(_CLOSE_TIMEOUT_S), "close the table", table.closeAsync)
        except ServiceError as error:
            log.debug("closing a table ended with: %s", error)


def _open(live: LiveSession, file_id: int, deadline: Deadline) -> Any:
    proxy = call(deadline, "ask for shared resources", live.factory.sharedResourcesAsync)
    if proxy is None:
        raise NotFound("OMERO.server has no tables")
    (resources,) = live.adopt(
        [omero.grid.SharedResourcesPrx.uncheckedCast(proxy)], deadline, ALL_GROUPS
    )
    if not call(deadline, "ask whether there are tables", resources.areTablesEnabledAsync):
        raise NotFound("OMERO.server has no tables")
    file = omero.model.OriginalFile(id=omero.RLong(file_id), loaded=False)
    missing = NotFound(f"Table {file_id} not found")
    try:
        table = call(deadline, "open the table", resources.openTableAsync, file)
    except NotFound as error:
        raise missing from error
    if table is None:
        raise missing
    (adopted,) = live.adopt([omero.grid.TablePrx.uncheckedCast(table)], deadline, ALL_GROUPS)
    return adopted


def _values(column: Any) -> list[Any]:
    if isinstance(column, omero.grid.MaskColumn):
        return [list(row) for row in zip(*(getattr(column, p) for p in _MASK_PARTS), strict=True)]
    return list(column.values or ())


def _plain(value: Any) -> Any:
    if isinstance(value, omero.RCollection):
        return [_plain(item) for item in value.val or ()]
    if isinstance(value, omero.RMap):
        return {name: _plain(item) for name, item in (value.val or {}).items()}
    if isinstance(value, omero.RObject) or value is None:
        return None
    return value.val
