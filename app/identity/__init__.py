"""Who asks: from a web request to a viewer, and the credentials to ask the source with."""

from typing import Protocol

from flask import Request

from app.identity.viewer import Viewer
from render.deadline import Deadline

__all__ = ["Identity", "Viewer"]


class Identity(Protocol):
    """One way to tell who asks. Called once for each request, from any thread."""

    def viewer(self, request: Request, deadline: Deadline) -> Viewer:
        """Give the viewer; raise NotAuthenticated when nobody is logged in.

        Raises SourceUnavailable while that cannot be told: an outage logs nobody out.
        """
        ...

    def close(self) -> None:
        """Close connections and files."""
        ...
