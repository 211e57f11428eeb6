"""Request ids, log lines, and secrets that must not get into them."""

import json
import logging
import re

import pytest

from app.operations.logs import JsonFormatter, RedactingFormatter, redact
from tests.app.conftest import STACK
from tests.app.ways import WHO


def test_a_request_id_is_taken_over_or_made(gateway):
    given = gateway.client.get("/healthz", headers={"X-Request-ID": "a.b_c-9"})
    assert given.headers["X-Request-ID"] == "a.b_c-9"
    for wrong in ("x y", "x" * 65, "<script>", ""):
        made = gateway.client.get("/healthz", headers={"X-Request-ID": wrong})
        assert re.fullmatch(r"[0-9a-f]{16}", made.headers["X-Request-ID"])


@pytest.mark.without_nginx("reads the log in the process of the application")
def test_each_request_is_one_line(gateway, caplog):
    image = gateway.ids[STACK]
    with caplog.at_level(logging.INFO, "blitzrender.access"):
        gateway.get(f"render_image_region/{image}/0/0/?tile=0,0,0&c=1&password=hunter2")
    [line] = [record.getMessage() for record in caplog.records]
    fields = dict(part.split("=", 1) for part in line.split(" "))
    assert fields["route"] == "images.render_image_region"
    assert (fields["status"], fields["method"]) == ("200", "GET")
    assert (fields["image"], fields["level"], fields["viewer"]) == (str(image), "0", WHO)
    assert fields["cache"] in ("miss", "raw", "hit") and int(fields["bytes"]) > 0
    assert {"access_ms", "info_ms", "cache_ms", "total_ms"} <= set(fields)
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "text",
    [
        "GET /x?bsession=hunter2&y=1",
        "password: hunter2",
        "{'password': 'hunter2'}",
        "Cookie: hunter2",
        "Authorization: Bearer hunter2",
        "sessionid=hunter2;",
        "joining 0f9d1c2b-1111-2222-3333-444455hunter2".replace("hunter2", "556666"),
        "X-OMERO-Session-Key: hunter2",
        "session_key=hunter2",
    ],
)
def test_secrets_are_cut_out(text):
    cut = redact(text)
    assert "hunter2" not in cut and "444455556666" not in cut
    assert "[cut]" in cut


def test_request_ids_survive_the_cutting():
    text = "request_id=0f9d1c2b-1111-2222-3333-444455556666 status=200"
    assert redact(text) == text


def test_the_formatter_cuts_exceptions_too():
    try:
        raise ValueError("login with password=hunter2")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "failed", None, (type(error), error, error.__traceback__)
        )
    assert "hunter2" not in RedactingFormatter("%(message)s").format(record)


@pytest.mark.without_nginx("reads the log in the process of the application")
def test_lines_in_json_hold_the_same_and_no_secret(gateway, caplog):
    with caplog.at_level(logging.INFO, "blitzrender.access"):
        gateway.get(f"render_image/{gateway.ids[STACK]}/0/0/?c=1|0:5&password=hunter2")
    [record] = caplog.records
    told = json.loads(JsonFormatter().format(record))
    assert told["status"] == 200 and told["route"] == "images.render_image"
    assert told["image"] == gateway.ids[STACK] and told["total_ms"] > 0
    assert (told["logger"], told["severity"]) == ("blitzrender.access", "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", told["time"])
    record = logging.LogRecord("x", logging.ERROR, "", 0, "password=%s", ("hunter2",), None)
    assert "hunter2" not in JsonFormatter().format(record)
    assert json.loads(JsonFormatter().format(record))["message"] == "password=[cut]"


def test_calls_to_the_server_are_counted_for_the_request_that_made_them(make_gateway, caplog):
    gateway = make_gateway(image_info_max_age_s=0)
    with caplog.at_level(logging.INFO, "blitzrender.access"):
        gateway.get(f"imgData/{gateway.ids[STACK]}/")
        gateway.client.get("/healthz")
    asked, untouched = [record.getMessage() for record in caplog.records]
    assert int(re.search(r"ice_calls=(\d+)", asked).group(1)) >= 1
    assert "ice_calls" not in untouched
