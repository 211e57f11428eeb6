"""A test client whose requests go over HTTP to a port, not to an application in this process."""

import http.client
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from flask import Response
from werkzeug.datastructures import EnvironHeaders
from werkzeug.http import is_hop_by_hop_header
from werkzeug.test import Client

TIMEOUT_S = 100.0
#: What browsers send as it is.
_AS_IT_IS = "!#$%&'()*+,/:;=?@[]{}|~"


def client_of(port: int) -> Client:
    """Give a client with cookies of its own; to the service its host is `localhost`."""

    def forward(environ, start_response) -> Iterable[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        headers = [
            (name, value.encode("latin-1"))
            for name, value in EnvironHeaders(environ).items()
            if not is_hop_by_hop_header(name)
        ]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["RAW_URI"].partition("?")[0]
        address = f"{path}?{query}" if (query := environ["QUERY_STRING"]) else path
        connection.putrequest(
            environ["REQUEST_METHOD"],
            quote(address.encode("latin-1"), safe=_AS_IT_IS),
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in [*headers, ("Connection", b"close")]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        start_response(
            f"{answer.status} {answer.reason}",
            _headers(answer.getheaders()),
        )
        return _body(connection, answer)

    return Client(forward, Response)


def _headers(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give lines of the same name as one, as clients do, but for cookies (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in lines:
        if name != "Set-Cookie" and not is_hop_by_hop_header(name):
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return [*joined.items(), *(line for line in lines if line[0] == "Set-Cookie")]


def _body(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
) -> Iterator[bytes]:
    try:
        while part := answer.read(1 << 16):
            yield part
    finally:
        connection.close()
