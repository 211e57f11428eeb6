"""The servers that pictures come from, numbered from 1 as in OMERO.web's `server_list`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.endpoints import endpoint_of, limits_of
from app.settings import Settings
from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.source import BlitzSource

#: The name of the only server where settings give it none.
_ONLY = "omero"


@dataclass(frozen=True)
class Server:
    """One server. `source_name` is a name that no other source of pixels shares."""

    id: int
    name: str
    host: str
    port: int
    source: BlitzSource
    source_name: str


def servers_of(settings: Settings) -> tuple[Server, ...]:
    """Give the servers that the settings name: the embedded one, or OMERO.servers."""
    if settings.embedded:
        endpoint = Endpoint(settings.image_server_host, settings.image_server_port, "tcp")
        return (_server(1, "embedded", endpoint, settings, source_names_of(settings)[0]),)
    return tuple(
        _server(number, name, endpoint_of(settings, host, port), settings, source_name)
        for number, ((host, port, name), source_name) in enumerate(
            zip(_listed(settings), source_names_of(settings), strict=True), start=1
        )
    )


def source_names_of(settings: Settings) -> tuple[str, ...]:
    """Give each server's `source_name`, also where the embedded one's port is not known."""
    if settings.embedded:
        return (f"embedded:{settings.images.resolve()}",)
    return tuple(f"omero:{host}:{port}" for host, port, _ in _listed(settings))


def _listed(settings: Settings) -> Sequence[tuple[str, int, str]]:
    if settings.omero_host is not None:
        return ((settings.omero_host, settings.omero_port, _ONLY),)
    return settings.omero_servers


def _server(
    number: int, name: str, endpoint: Endpoint, settings: Settings, source_name: str
) -> Server:
    source = BlitzSource(endpoint, limits_of(settings))
    return Server(number, name, endpoint.host, endpoint.port, source, source_name)


def own_credentials_of(settings: Settings) -> Credentials | None:
    """Give the login in whose name all requests are answered, None where each viewer has one."""
    if not settings.one_viewer:
        return None
    if settings.embedded:
        password = settings.image_server_password.get_secret_value()
        return Credentials.login(settings.image_server_user, password)
    assert settings.omero_user is not None and settings.omero_password is not None
    return Credentials.login(settings.omero_user, settings.omero_password.get_secret_value())


def find_server(servers: Sequence[Server], wanted: Any) -> Server | None:
    """Give the server of a number (an int, or digits) or of a name; None without such a one."""
    text = str(wanted)
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) < 10 else 0
        return next((server for server in servers if server.id == number), None)
    return next((server for server in servers if server.name == text), None)
