"""Pixels and metadata of an OMERO.server, over Ice: what the rest of the project sees of it.

Every method waits without blocking the event loop, for as long as its deadline allows, and raises
nothing but the errors of `render.errors`. All of it may be called from many greenlets or
threads at once. Nothing is opened before the first call, so a source may be made before fork.
"""

from collections.abc import Sequence

import numpy as np

from render.blitz.endpoint import Credentials, Endpoint, Limits
from render.blitz.records import (
    ContainerRecord,
    ImageItem,
    LookupTableFile,
    ServerSettings,
    SessionUser,
)
from render.deadline import Deadline
from render.values import ImageInfo, PlaneIndex, Region


class BlitzSession:
    """One viewer's session on a server, opened when needed and reopened once when lost."""

    def user(self, deadline: Deadline) -> SessionUser:
        """Give who the session belongs to."""
        raise NotImplementedError

    def server_settings(self, deadline: Deadline) -> ServerSettings:
        """Give the server's settings, read once when the session was opened."""
        raise NotImplementedError

    def image_info(self, image_id: int, deadline: Deadline) -> ImageInfo:
        """Load all about an image; raise NotFound when it is missing or invisible."""
        raise NotImplementedError

    def read_region(
        self, info: ImageInfo, plane: PlaneIndex, level: int, region: Region, deadline: Deadline
    ) -> np.ndarray:
        """Read one plane's region, which lies inside the level, as a (height, width) array.

        The array is big-endian in the pixels' own type (DTYPES) and must not be written to.
        """
        raise NotImplementedError

    def read_regions(
        self,
        info: ImageInfo,
        planes: Sequence[PlaneIndex],
        level: int,
        region: Region,
        deadline: Deadline,
    ) -> list[np.ndarray]:
        """Read the same region of several planes, some at a time; the order is that of `planes`."""
        raise NotImplementedError

    def lookup_tables(self, deadline: Deadline) -> tuple[LookupTableFile, ...]:
        """List the lookup tables of the server, ordered by lower-case name."""
        raise NotImplementedError

    def read_file(self, file_id: int, deadline: Deadline) -> bytes:
        """Read a small original file such as a lookup table; TooLarge above Limits.file_bytes."""
        raise NotImplementedError

    def projects(self, deadline: Deadline) -> tuple[ContainerRecord, ...]:
        """List the projects that the viewer sees, ordered by id."""
        raise NotImplementedError

    def datasets(self, project_id: int, deadline: Deadline) -> tuple[ContainerRecord, ...]:
        """List the datasets of a project, ordered by id; NotFound without such a project."""
        raise NotImplementedError

    def images(self, dataset_id: int, deadline: Deadline) -> tuple[ImageItem, ...]:
        """List the images of a dataset, ordered by name; NotFound without such a dataset."""
        raise NotImplementedError


class BlitzSource:
    """An OMERO.server and the sessions that this process holds there."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()

    def session(self, credentials: Credentials, deadline: Deadline) -> BlitzSession:
        """Give the session of these credentials, logging in if none is open.

        Raises NotAuthenticated when the server refuses them, SourceUnavailable when it cannot
        be reached, Overloaded when the pool is full of sessions in use.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close all sessions of this process and end its connections."""
        raise NotImplementedError
