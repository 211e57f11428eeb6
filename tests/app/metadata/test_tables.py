"""Tables over HTTP: of a server that has one, and of the embedded one, which has none."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from flask.testing import Client

from tests.app.conftest import Gateway
from tests.app.serving import serve
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import TinyServer
from tests.render.blitz.tiny_tables import FILE_ID, IDS, METADATA, NAMES, NAN_ROW, PLATE_ID, ROWS

TABLE = f"/webgateway/table/{FILE_ID}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    server = TinyServer()
    serving = serve(
        omero_host="127.0.0.1",
        omero_port=server.port,
        omero_transport="tcp",
        omero_user="tess",
        omero_password=tiny_server.PASSWORD,
        cache_dir=tmp_path_factory.mktemp("cache"),
        max_table_download_rows=100,
        max_table_slice_size=500,
    )
    yield serving.client
    serving.close()
    server.stop()


def get(client: Client, path: str, **query: object) -> dict:
    response = client.get(path, query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def test_all_rows_in_a_range_are_given(client):
    assert get(client, f"{TABLE}/query/", query="*", offset=2, limit=3) == {
        "data": {
            "column_types": [
                "LongColumn", "DoubleColumn", "StringColumn", "BoolColumn", "LongArrayColumn",
            ],
            "columns": ["object", "mean", "name", "good", "pair"],
            "rows": [
                [IDS[2], 0.5, NAMES[2], True, [2, -2]],
                # Numbers that JSON has no word for.
                [IDS[3], None, NAMES[3], False, [3, -3]],
                [IDS[4], None, NAMES[4], True, [4, -4]],
            ],
        },
        "meta": {"rowCount": 3, "totalCount": ROWS, "limit": 3, "offset": 2},
    }  # fmt: skip


def test_conditions_and_columns_choose(client):
    response = client.get(
        f"{TABLE}/query/?query=object<1010&col_names=name&col_names=nothing&col_names=object"
    )
    assert response.get_json()["data"] == {
        "column_types": ["StringColumn", "LongColumn"],
        "columns": ["name", "object"],
        "rows": [[NAMES[i], IDS[i]] for i in range(4)],
    }
    found = get(client, f"{TABLE}/query/", query=f"object-{IDS[9]}")
    assert [row[0] for row in found["data"]["rows"]] == [IDS[9]]
    assert found["meta"] == {"rowCount": 1, "totalCount": 1, "limit": ROWS, "offset": 0}
    beyond = get(client, f"{TABLE}/query/", query="*", offset=ROWS + 5)
    assert beyond["data"]["rows"] == [] and beyond["meta"]["rowCount"] == 0


@pytest.mark.parametrize(
    ("path", "query", "error"),
    [
        (f"{TABLE}/query/", {}, "Must specify query parameter, use * to retrieve all"),
        (f"{TABLE}/query/", {"query": "((("}, "Error executing query: ((("),
        (f"{TABLE}/query/", {"query": "*", "limit": "x"}, "limit=x"),
        ("/webgateway/table/8/query/", {"query": "*"}, "Table 8 not found"),
        ("/webgateway/table/8/metadata/", {}, "Table 8 not found"),
        ("/webgateway/table/8/rows/", {"query": "*"}, "Table 8 not found"),
        ("/webgateway/table/8/slice/", {"rows": "1", "columns": "1"}, "Table 8 not found"),
        (f"{TABLE}/rows/", {}, "Must specify query"),
        (f"{TABLE}/slice/", {"rows": "", "columns": "1"}, "rows is a list"),
        (f"{TABLE}/slice/", {"rows": "1", "columns": "5"}, "columns reach from 0 to 4"),
        (f"{TABLE}/slice/", {"rows": "3-1", "columns": "1"}, "rows reach from 0 to 249"),
        (f"{TABLE}/slice/", {"rows": "0-200", "columns": "0-2"}, "max_table_slice_size, 500"),
        (f"{TABLE}/slice/", {"rows": ",".join(["0-249"] * 3), "columns": "0"}, "max_table_slice"),
        ("/webgateway/annotations/Nonsense/1/", {}, "Nonsense cannot be queried"),
        ("/webgateway/annotations/Plate; drop/1/", {}, "Plate; drop cannot be queried"),
        ("/webgateway/table/Plate/6/query/", {"query": "*"}, "Could not retrieve bulk annot"),
        # None of its tables answers; the oldest, which is no table at all, is asked last.
        ("/webgateway/table/Plate/5/query/", {"query": "((("}, "Table 3 not found"),
    ],
)
def test_errors_are_told_with_status_200(client, path, query, error):
    told = get(client, path, **query)
    assert list(told) == ["error"]
    assert error in told["error"] and "secret" not in told["error"]


def test_more_rows_than_allowed_are_refused(client):
    told = get(client, f"{TABLE}/query/", query="*")
    assert told["status"] == 404 and "max_table_download_rows, 100" in told["error"]


def test_the_table_of_a_plate_is_found(client):
    listed = get(client, f"/webgateway/annotations/Plate.wells/{PLATE_ID}/")["data"]
    assert [item["file"] for item in listed] == [3, FILE_ID, 99]
    assert listed[1] == {
        "id": 100 + FILE_ID,
        "name": f"{FILE_ID}.h5",
        "file": FILE_ID,
        "ns": "bulk",
        "parentType": "Plate",
        "parentId": PLATE_ID,
        "owner": "Tess Ö'Hara",
        "addedBy": "Tess Ö'Hara",
        "addedOn": 1709301600123,
    }
    found = get(client, f"/webgateway/table/Plate/{PLATE_ID}/query/", query="*", limit=1)
    assert found["data"]["rows"][0][0] == IDS[0]
    assert {key: value for key, value in found.items() if key not in ("data", "meta")} == {
        "id": FILE_ID,
        "annId": 100 + FILE_ID,
        "owner": "Tess Ö'Hara",
        "addedBy": "Tess Ö'Hara",
        "parentType": "Plate",
        "parentId": PLATE_ID,
        "addedOn": 1709301600123,
    }


def test_a_table_is_described(client):
    told = get(client, f"{TABLE}/metadata/")
    assert told["columns"][0] == {
        "name": "object", "description": "the image's id", "type": "LongColumn",
    }  # fmt: skip
    assert (told["totalCount"], told["user_metadata"]) == (ROWS, METADATA)


def test_bits_tell_which_objects_there_are(client):
    response = client.get(f"{TABLE}/obj_id_bitmask/?query=object<1010")
    assert response.content_type == "application/octet-stream"
    assert np.flatnonzero(np.unpackbits(np.frombuffer(response.data, np.uint8))).tolist() == [
        1000, 1003, 1006, 1009,
    ]  # fmt: skip
    unknown = client.get(f"{TABLE}/obj_id_bitmask/?query=object<1010&col_name=nothing")
    assert unknown.data == response.data
    assert client.get(f"{TABLE}/obj_id_bitmask/?query=object<0").data == b""
    assert client.get(f"{TABLE}/obj_id_bitmask/?query=*&col_name=name").status_code == 400
    assert client.get(f"{TABLE}/obj_id_bitmask/").status_code == 400
    assert client.get("/webgateway/table/8/obj_id_bitmask/?query=*").status_code == 404


def test_rows_and_slices_are_compact(client):
    response = client.get(f"{TABLE}/rows/?query=good&start=247")
    assert response.data == (
        b'{"rows":[248],"meta":{"partialCount":1,"rowCount":250,"columnCount":5,'
        b'"start":247,"end":250,"maxCells":500}}'
    )
    response = client.get(f"{TABLE}/slice/?rows=0,{NAN_ROW}-4&columns=1,0")
    assert response.data == (
        b'{"columns":[[0.0,null,null],[1000,1009,1012]],'
        b'"meta":{"columns":["mean","object"],"rowCount":250,"columnCount":5,"maxCells":500}}'
    )
    wrapped = client.get(f"{TABLE}/slice/?rows=0&columns=0&callback=f").get_data(as_text=True)
    assert json.loads(wrapped[2:-1])["columns"] == [[1000]]


@pytest.mark.parametrize(
    "path",
    ["table/7/query/?query=*", "table/7/metadata/", "table/7/rows/?query=*",
     "table/7/slice/?rows=0&columns=0"],
)  # fmt: skip
def test_the_embedded_server_answers_as_one_without_tables(gateway: Gateway, path):
    response = gateway.get(path)
    assert response.status_code == 200
    assert response.get_json() == {"error": "OMERO.server has no tables"}


def test_nothing_is_attached_in_the_embedded_server(gateway: Gateway):
    for path in ("Plate/1", "Plate.wells/1", "Screen.plateLinks.child.wells/1", "Image/1"):
        assert gateway.get(f"annotations/{path}/").get_json() == {"data": []}
    told = gateway.get("annotations/Plate.foo/1/").get_json()
    assert told == {"error": "Plate.foo cannot be queried"}
