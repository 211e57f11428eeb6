"""Tables, read from a server that has one. Runs with and without gevent."""

import math

import pytest

from render.blitz import tables
from render.blitz.records import TableColumn
from render.blitz.source import BlitzSession
from render.errors import BadRequest, NotFound
from tests.render.blitz.conftest import TinyServer, soon
from tests.render.blitz.tiny_tables import FILE_ID, IDS, METADATA, NAMES, ROWS


def test_columns_rows_and_metadata_are_read(session: BlitzSession):
    def work(table):
        return table.columns, table.row_count, table.metadata()

    columns, row_count, metadata = session.read_table(FILE_ID, work, soon())
    assert [column.name for column in columns] == ["object", "mean", "name", "good", "pair"]
    assert columns[0] == TableColumn("object", "the image's id", "LongColumn")
    assert (row_count, metadata) == (ROWS, METADATA)


@pytest.mark.parametrize("cells", [7, 100_000])
def test_cells_come_in_the_order_asked_for(session: BlitzSession, monkeypatch, cells):
    monkeypatch.setattr(tables, "_CELLS", cells)
    wanted = [9, 3, 4, *range(20, 40)]
    found = session.read_table(FILE_ID, lambda table: table.rows([2, 0, 1, 4], wanted), soon())
    assert found[0] == [NAMES[i] for i in wanted]
    assert found[1] == [IDS[i] for i in wanted]
    assert math.isnan(found[2][1]) and math.isinf(found[2][2])
    assert found[3][0] == [9, -9]


def test_conditions_choose_rows(session: BlitzSession):
    condition = "(object > 1010) & good"
    found = session.read_table(FILE_ID, lambda table: table.where(condition, 0, 10), soon())
    assert found == [4, 6, 8]
    assert session.read_table(FILE_ID, lambda table: table.where(condition, 5, 5), soon()) == []


def test_what_the_server_cannot_search_for_is_malformed(session: BlitzSession):
    with pytest.raises(BadRequest) as refusal:
        session.read_table(FILE_ID, lambda table: table.where("(((", 0, 10), soon())
    assert refusal.value.detail == "Error executing query: ((("


def test_a_file_that_is_no_table_is_not_found(session: BlitzSession):
    with pytest.raises(NotFound, match="Table 8 not found"):
        session.read_table(8, lambda table: None, soon())


def test_a_fault_in_the_work_is_told_at_once(session: BlitzSession, tiny: TinyServer):
    with pytest.raises(ZeroDivisionError):
        session.read_table(FILE_ID, lambda table: 1 // 0, soon())
    tiny.wait_for("tables", 0)


def test_tables_are_closed_in_any_case(session: BlitzSession, tiny: TinyServer):
    session.read_table(FILE_ID, lambda table: None, soon())
    with pytest.raises(BadRequest):
        session.read_table(FILE_ID, lambda table: table.where("(((", 0, 10), soon())
    tiny.wait_for("tables", 0)
