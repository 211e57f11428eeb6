"""What a request's environment tells of who asks, for the long way and the short one."""

from collections.abc import Callable, Mapping
from typing import Any

from app.identity import Viewer
from app.settings import Settings
from render.deadline import Asker
from render.workers.native import has_hung_up

#: A proxy in front says so that it sends files of the cache by itself.
OFFLOAD_HEADER = "X-Blitzrender-Offload"
OFFLOAD_ON = "on"
_OFFLOAD = "HTTP_" + OFFLOAD_HEADER.upper().replace("-", "_")

_VIEWER = "blitzrender.viewer"


def note_viewer(environ: dict[str, Any], viewer: Viewer) -> None:
    """Note who asks, so that nobody has to find out again."""
    environ[_VIEWER] = viewer


def noted_viewer(environ: Mapping[str, Any]) -> Viewer | None:
    """Give who asks, if that was found out already."""
    return environ.get(_VIEWER)


def asker_of(viewer: Viewer, environ: Mapping[str, Any]) -> Asker:
    """Give the one for whom a request is answered."""
    return Asker(viewer.key, client_is_gone(environ))


def proxy_sends_files(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Tell whether the proxy in front sends files of the cache by itself when told their names."""
    return environ.get(_OFFLOAD) == OFFLOAD_ON and settings.x_accel_redirect is not None


def client_is_gone(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """Give what tells whether the client of a request has hung up, as far as gunicorn lets see."""
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return lambda: False
    return lambda: has_hung_up(connection.fileno())
