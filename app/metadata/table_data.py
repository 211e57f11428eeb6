"""What the URLs of tables ask, and what they answer, as values that JSON can carry.

Faults of a query are told as OMERO.web tells them: an object with `error`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app.params import Query, parse_count, parse_limit
from render.blitz.records import FileLink, TableColumn
from render.errors import BadRequest, TooLarge

_COLUMN_NUMBER = re.compile(r"(\w+)-(\d+)", re.ASCII)
_PART = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
#: Objects whose bits are told; above that the answer would be larger than 16 MB.
_MOST_IDS = 1 << 27


class Table(Protocol):
    """An open table."""

    columns: tuple[TableColumn, ...]
    row_count: int

    def where(self, condition: str, start: int, stop: int) -> list[int]: ...
    def rows(self, columns: Sequence[int], rows: Sequence[int]) -> list[list[Any]]: ...
    def metadata(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class TableQuery:
    """Which rows of a table, and which columns; a limit of None is all rows."""

    condition: str
    column_names: tuple[str, ...] = ()
    offset: int = 0
    limit: int | None = None

    @classmethod
    def parse(cls, query: Query, column_names: Sequence[str]) -> "TableQuery":
        """Read the parameters; raise BadRequest without a query."""
        condition = query.get("query", "")
        if not condition:
            raise BadRequest(
                "Must specify query parameter, use * to retrieve all", parameter="query"
            )
        return cls(
            _condition(condition),
            tuple(column_names),
            parse_count(query, "offset"),
            parse_limit(query),
        )


def query_table(table: Table, wanted: TableQuery, most_rows: int) -> dict[str, Any]:
    """Give the rows that meet the condition; an `error` for more than `most_rows`."""
    columns = _columns_named(table, wanted.column_names)
    if wanted.condition == "*":
        total = table.row_count
        hits: Sequence[int] = range(total)
    else:
        hits = table.where(wanted.condition, 0, table.row_count)
        total = len(hits)
    limit = table.row_count if wanted.limit is None else wanted.limit
    hits = hits[wanted.offset : wanted.offset + limit]
    if len(hits) > most_rows:
        return {
            "error": f"Trying to download {len(hits)} rows, which is more than "
            f"max_table_download_rows, {most_rows}",
            "status": 404,
        }
    values = table.rows(columns, hits) if hits else []
    return {
        "data": {
            "column_types": [table.columns[i].kind for i in columns],
            "columns": [table.columns[i].name for i in columns],
            "rows": [list(row) for row in zip(*values, strict=True)],
        },
        "meta": {
            "rowCount": len(hits),
            "totalCount": total,
            "limit": limit,
            "offset": wanted.offset,
        },
    }


def describe_table(table: Table) -> dict[str, Any]:
    """Tell the columns, the number of rows and what its maker wrote about a table."""
    return {
        "columns": [
            {"name": column.name, "description": column.description, "type": column.kind}
            for column in table.columns
        ],
        "totalCount": table.row_count,
        "user_metadata": table.metadata(),
    }


def object_bits(table: Table, condition: str, column_name: str, most_rows: int) -> bytes:
    """Give a bit for each id, from 0 and the highest of a byte first, set where a row has it."""
    names = [column.name for column in table.columns]
    column = names.index(column_name) if column_name in names else 0
    if not names:
        raise BadRequest("the table has no columns", parameter="col_name")
    hits: Sequence[int] = range(table.row_count)
    if condition != "*":
        hits = table.where(condition, 0, table.row_count)
    if len(hits) > most_rows:
        raise TooLarge(f"{len(hits)} rows are more than max_table_slice_size, {most_rows}")
    values = table.rows([column], hits)[0] if hits else []
    if not all(isinstance(value, int | float) and 0 <= value < _MOST_IDS for value in values):
        raise BadRequest(f"the column {names[column]} holds no ids", parameter="col_name")
    bits = np.zeros(int(max(values, default=-1)) + 1, bool)
    bits[np.asarray(values, np.int64)] = True
    return np.packbits(bits).tobytes()


def find_rows(table: Table, condition: str, start: int, most_rows: int) -> dict[str, Any]:
    """Give the numbers of the rows that meet a condition, among `most_rows` from `start` on."""
    end = min(table.row_count, start + most_rows)
    hits = table.where(condition, start, end)
    return {
        "rows": hits,
        "meta": {
            "partialCount": len(hits),
            "rowCount": table.row_count,
            "columnCount": len(table.columns),
            "start": start,
            "end": end,
            "maxCells": most_rows,
        },
    }


def slice_table(table: Table, rows: str, columns: str, most_cells: int) -> dict[str, Any]:
    """Give the values of columns `1,2,5-10` in rows written alike, a list for each column."""
    row_numbers = _numbers(rows, table.row_count, "rows", most_cells)
    column_numbers = _numbers(columns, len(table.columns), "columns", most_cells)
    if len(row_numbers) * len(column_numbers) > most_cells:
        raise BadRequest(
            f"{len(row_numbers)} rows of {len(column_numbers)} columns are more cells than "
            f"max_table_slice_size, {most_cells}",
            parameter="rows",
        )
    return {
        "columns": table.rows(column_numbers, row_numbers),
        "meta": {
            "columns": [table.columns[i].name for i in column_numbers],
            "rowCount": table.row_count,
            "columnCount": len(table.columns),
            "maxCells": most_cells,
        },
    }


def file_link_data(link: FileLink, parent_kind: str) -> dict[str, Any]:
    """Give an attached table; times are milliseconds since the epoch."""
    added = link.added_at_s
    return {
        "id": link.annotation_id,
        "name": link.file_name,
        "file": link.file_id,
        "ns": link.namespace,
        "parentType": parent_kind,
        "parentId": link.parent_id,
        "owner": link.owner,
        "addedBy": link.added_by,
        "addedOn": None if added is None else round(1000 * added),
    }


def _condition(text: str) -> str:
    """Give a condition of PyTables; `Word-123` stands for `Word==123`."""
    match = _COLUMN_NUMBER.match(text)
    return text if match is None else f"({match.group(1)}=={match.group(2)})"


def _columns_named(table: Table, names: Sequence[str]) -> list[int]:
    """Give the columns of these names in their order, unknown ones left out; all for none."""
    if not names:
        return list(range(len(table.columns)))
    places = {column.name: i for i, column in reversed(list(enumerate(table.columns)))}
    return [places[name] for name in names if name in places]


def _numbers(text: str, count: int, name: str, most: int) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise BadRequest(f"{name} is a list such as 1,2,5-10", parameter=name)
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if last < first or last >= count:
            raise BadRequest(f"{name} reach from 0 to {count - 1}", parameter=name)
        if len(found) + last - first >= most:
            raise BadRequest(f"{name} are more than max_table_slice_size, {most}", parameter=name)
        found += range(first, last + 1)
    return found
