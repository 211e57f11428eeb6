"""One viewer for every request: the local user of embedded mode, or one OMERO user for all."""

from flask import Request

from app.identity.viewer import Viewer
from render.deadline import Deadline


class FixedIdentity:
    """Asks nobody to log in."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def viewer(self, request: Request, deadline: Deadline) -> Viewer:
        """Give the one viewer."""
        return self._viewer

    def close(self) -> None:
        """Do nothing: nothing is open."""
