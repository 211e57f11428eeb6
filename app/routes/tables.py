"""Tables, and the annotations that attach them to things."""

from flask import Blueprint, Response
from flask import request as web_request

from app.http import data_response, last_values
from app.metadata.tables import (
    bits,
    describe,
    describe_annotations,
    query_newest,
    rows,
    slice_of,
    told,
)
from app.metadata.tables import query as query_table
from app.web import current_call, query

blueprint = Blueprint("tables", __name__)

_TABLE = "/webgateway/table/<number:file_id>"


@blueprint.get("/webgateway/annotations/<objtype>/<number:object_id>/")
def annotations(objtype: str, object_id: int) -> Response:
    """List the tables attached to things, found by a path of the model."""
    call = current_call()
    return data_response(told(lambda: describe_annotations(call, objtype, object_id)), query())


@blueprint.get(f"{_TABLE}/query/")
def table_query(file_id: int) -> Response:
    """Give the rows of a table that meet a condition."""
    call, names = current_call(), web_request.args.getlist("col_names")
    return data_response(told(lambda: query_table(call, file_id, query(), names)), query())


@blueprint.get("/webgateway/table/<objtype>/<number:object_id>/query/")
def object_table_query(objtype: str, object_id: int) -> Response:
    """Give the rows of the newest table that is attached to something."""
    call, names = current_call(), web_request.args.getlist("col_names")
    answer = told(lambda: query_newest(call, objtype, object_id, query(), names))
    return data_response(answer, query())


@blueprint.get(f"{_TABLE}/metadata/")
def table_metadata(file_id: int) -> Response:
    """Tell the columns of a table, and what is written about it."""
    call = current_call()
    return data_response(told(lambda: describe(call, file_id)), query())


@blueprint.get(f"{_TABLE}/obj_id_bitmask/")
def table_obj_id_bitmask(file_id: int) -> Response:
    """Give a bit for each object that a table has a row for, as bytes."""
    return Response(bits(current_call(), file_id, query()), content_type="application/octet-stream")


@blueprint.get(f"{_TABLE}/rows/")
def table_rows(file_id: int) -> Response:
    """Give the numbers of the rows that meet a condition."""
    call = current_call()
    return data_response(told(lambda: rows(call, file_id, query())), query(), compact=True)


@blueprint.route(f"{_TABLE}/slice/", methods=["GET", "POST"])
def table_slice(file_id: int) -> Response:
    """Give some cells of a table; long lists of them may come as a form."""
    call, arguments = current_call(), last_values(web_request.form) | query()
    answer = told(lambda: slice_of(call, file_id, arguments))
    return data_response(answer, query(), compact=True)
