"""One viewer for every request: the local user of embedded mode, or one OMERO user for all."""

from flask import Request

from app.identity.viewer import Viewer
from render.blitz.endpoint import Credentials
from render.deadline import Deadline

#: Key of the one viewer.
FIXED = "fixed"


def fixed_viewer(embedded: bool, credentials: Credentials) -> Viewer:
    """Give the one viewer: the local user of embedded mode, else the public."""
    return Viewer(FIXED, "local" if embedded else "public", credentials)


class FixedIdentity:
    """Asks nobody to log in."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def viewer(self, request: Request, deadline: Deadline) -> Viewer:
        """Give the one viewer."""
        return self._viewer

    def close(self) -> None:
        """Do nothing: nothing is open."""
