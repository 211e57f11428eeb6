"""Tables and the annotations that attach them, as OMERO.web tells them.

What cannot be answered is told with status 200 as `{"error": …}`, which its clients look for.
"""

from collections.abc import Callable, Sequence
from typing import Any

from app.call import Call
from app.metadata.table_data import (
    Table,
    TableQuery,
    describe_table,
    file_link_data,
    find_rows,
    object_bits,
    query_table,
    slice_table,
)
from app.params import Query, parse_count
from render.blitz.records import FileLink
from render.errors import BadRequest, NotFound


def told(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Give what `ask` gives, or `{"error": …}` for what is missing or malformed."""
    try:
        return ask()
    except (BadRequest, NotFound) as error:
        return {"error": error.detail}


def describe_annotations(call: Call, path: str, object_id: int) -> dict[str, Any]:
    """List the tables attached to the objects from which `path` leads to an object."""
    links = call.session.bulk_annotations(path, object_id, call.deadline)
    return {"data": [file_link_data(link, path.partition(".")[0]) for link in links]}


def query(call: Call, file_id: int, arguments: Query, names: Sequence[str]) -> dict[str, Any]:
    """Give the rows of a table that the parameters ask for."""
    wanted = TableQuery.parse(arguments, names)
    return _query(call, file_id, wanted)


def query_newest(
    call: Call, path: str, object_id: int, arguments: Query, names: Sequence[str]
) -> dict[str, Any]:
    """Give the rows of the newest table attached to an object that answers."""
    wanted = TableQuery.parse(arguments, names)
    links = call.session.bulk_annotations(path, object_id, call.deadline)
    if not links:
        raise NotFound("Could not retrieve bulk annotations table")
    answer: dict[str, Any] = {}
    for link in sorted(links, key=lambda link: link.file_id, reverse=True):
        answer = told(lambda link=link: _query(call, link.file_id, wanted))  # type: ignore[misc]
        if "error" not in answer:
            return answer | _about(link, path.partition(".")[0])
    return answer


def describe(call: Call, file_id: int) -> dict[str, Any]:
    """Tell the columns and the metadata of a table."""
    return _with(call, file_id, describe_table)


def bits(call: Call, file_id: int, arguments: Query) -> bytes:
    """Give a bit for each object that a table has a row for."""
    condition = TableQuery.parse(arguments, ()).condition
    name = arguments.get("col_name") or "object"
    most = call.settings.max_table_slice_size
    return _with(call, file_id, lambda table: object_bits(table, condition, name, most))


def rows(call: Call, file_id: int, arguments: Query) -> dict[str, Any]:
    """Give the numbers of the rows that meet a condition."""
    condition = TableQuery.parse(arguments, ()).condition
    start = parse_count(arguments, "start")
    most = call.settings.max_table_slice_size
    return _with(call, file_id, lambda table: find_rows(table, condition, start, most))


def slice_of(call: Call, file_id: int, arguments: Query) -> dict[str, Any]:
    """Give some cells of a table."""
    most = call.settings.max_table_slice_size
    wanted_rows, wanted_columns = arguments.get("rows", ""), arguments.get("columns", "")
    return _with(call, file_id, lambda table: slice_table(table, wanted_rows, wanted_columns, most))


def _query(call: Call, file_id: int, wanted: TableQuery) -> dict[str, Any]:
    most = call.settings.max_table_download_rows
    return _with(call, file_id, lambda table: query_table(table, wanted, most))


def _with(call: Call, file_id: int, work: Callable[[Table], Any]) -> Any:
    return call.session.read_table(file_id, work, call.deadline)


def _about(link: FileLink, parent_kind: str) -> dict[str, Any]:
    data = file_link_data(link, parent_kind)
    return {
        "id": link.file_id,
        "annId": link.annotation_id,
        **{name: data[name] for name in ("owner", "addedBy", "parentType", "parentId", "addedOn")},
    }
