"""Pixels and metadata of an OMERO.server, over Ice: what the rest of the project sees of it.

Every method waits without blocking the event loop, for as long as its deadline allows, and raises
nothing but the errors of `render.errors`. All of it may be called from many greenlets or
threads at once. Nothing is opened before the first call, so a source may be made before fork.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from render.blitz.annotating_session import AnnotatingSession
from render.blitz.bulk_annotations import find_bulk_annotations
from render.blitz.changes import changes_since
from render.blitz.compatible import channels_of_images_beside
from render.blitz.definitions import list_rendering_definitions, load_rendering_definition
from render.blitz.drawing_session import DrawingSession
from render.blitz.endpoint import Credentials, Endpoint, Limits
from render.blitz.file_stream import FileStream
from render.blitz.files import list_lookup_tables, load_fileset, read_file
from render.blitz.listings import (
    list_datasets,
    list_images,
    list_projects,
    load_container,
    load_parent,
)
from render.blitz.logins import OpenedSession, end_session, start_session
from render.blitz.metadata import load_image_info
from render.blitz.plates import load_plate_grid, load_well
from render.blitz.pool import SessionPool
from render.blitz.reading import read_planes
from render.blitz.records import (
    Changes,
    ContainerInfo,
    ContainerRecord,
    CopyResult,
    DefinitionRecord,
    FileLink,
    Fileset,
    ImageItem,
    LookupTableFile,
    PlateGrid,
    SearchHit,
    ServerSettings,
    SessionUser,
    WellItem,
)
from render.blitz.regions import list_rois, load_roi, load_shape, load_shapes
from render.blitz.rendering import render_projection, render_region
from render.blitz.saving import copy_definition, reset_definitions, save_definition
from render.blitz.searching import load_parents, search
from render.blitz.session import LiveSession
from render.blitz.tables import TableReader, read_table
from render.deadline import Deadline
from render.shapes import Roi, Shape
from render.values import (
    ChannelInfo,
    ContainerRef,
    ImageInfo,
    PlaneIndex,
    Projection,
    Region,
    RenderingDefinition,
)

__all__ = ["BlitzSession", "BlitzSource", "Credentials", "Endpoint", "Limits"]

Result = TypeVar("Result")


class BlitzSession(DrawingSession, AnnotatingSession):
    """One viewer's session on a server, opened when needed and reopened once when lost."""

    def __init__(self, source: "BlitzSource", credentials: Credentials) -> None:
        self._source = source
        self._credentials = credentials

    def _run(self, operation: Callable[[LiveSession], Result], deadline: Deadline) -> Result:
        return self._source.pool.run(self._credentials, operation, deadline)

    def user(self, deadline: Deadline) -> SessionUser:
        """Give who the session belongs to."""
        return self._run(lambda live: live.user, deadline)

    def server_settings(self, deadline: Deadline) -> ServerSettings:
        """Give the server's settings, read once when the session was opened."""
        return self._run(lambda live: live.settings, deadline)

    def image_info(self, image_id: int, deadline: Deadline) -> ImageInfo:
        """Load all about an image; raise NotFound when it is missing or invisible."""
        return self._run(lambda live: load_image_info(live, image_id, deadline), deadline)

    def rendering_definition(
        self, info: ImageInfo, rdef_id: int, deadline: Deadline
    ) -> RenderingDefinition:
        """Load one of an image's rendering definitions; NotFound when it has no such one."""
        return self._run(
            lambda live: load_rendering_definition(live, info, rdef_id, deadline), deadline
        )

    def rendering_definitions(
        self, info: ImageInfo, deadline: Deadline
    ) -> tuple[DefinitionRecord, ...]:
        """List an image's rendering definitions of all users, the newest first."""
        return self._run(lambda live: list_rendering_definitions(live, info, deadline), deadline)

    def save_definition(
        self, info: ImageInfo, definition: RenderingDefinition, deadline: Deadline
    ) -> None:
        """Save rendering settings of an image as the user's own; Forbidden where they may not.

        What is saved stays saved even if the deadline passes first.
        """
        self._run(lambda live: save_definition(live, info, definition, deadline), deadline)

    def reset_definitions(
        self, kind: str, ids: Sequence[int], to_owners: bool, deadline: Deadline
    ) -> tuple[int, ...]:
        """Reset the user's settings of images, or of all images in containers; give those changed.

        `kind` is OMERO's name of the class. They become the default ones, or the image owners'.
        """
        return self._run(
            lambda live: reset_definitions(live, kind, ids, to_owners, deadline), deadline
        )

    def copy_definition(
        self, source: ImageInfo, kind: str, ids: Sequence[int], deadline: Deadline
    ) -> CopyResult:
        """Copy the settings in force of an image to images, or to all in containers, that fit."""
        return self._run(lambda live: copy_definition(live, source, kind, ids, deadline), deadline)

    def changes_since(self, last: int | None, deadline: Deadline) -> Changes:
        """Give the images changed after an entry of the event log; None = only where it ends."""
        return self._run(lambda live: changes_since(live, last, deadline), deadline)

    def channels_of_images_beside(
        self, info: ImageInfo, deadline: Deadline
    ) -> dict[int, tuple[ChannelInfo, ...]]:
        """Give the channels, by id, of images of the same project, pixel type and channel count."""
        return self._run(lambda live: channels_of_images_beside(live, info, deadline), deadline)

    def read_region(
        self, info: ImageInfo, plane: PlaneIndex, level: int, region: Region, deadline: Deadline
    ) -> np.ndarray:
        """Read one plane's region, which lies inside the level, as a (height, width) array.

        The array is big-endian in the pixels' own type (DTYPES) and must not be written to.
        """
        return self.read_regions(info, (plane,), level, region, deadline)[0]

    def read_regions(
        self,
        info: ImageInfo,
        planes: Sequence[PlaneIndex],
        level: int,
        region: Region,
        deadline: Deadline,
    ) -> list[np.ndarray]:
        """Read the same region of several planes, some at a time; the order is that of `planes`."""
        return self._run(
            lambda live: read_planes(live, info, planes, level, region, deadline), deadline
        )

    def render_region(
        self,
        info: ImageInfo,
        definition: RenderingDefinition,
        z: int,
        t: int,
        level: int,
        region: Region,
        deadline: Deadline,
    ) -> np.ndarray:
        """Have the server itself draw a region, as (height, width, 4) uint8 of RGBA.

        `definition` has to be one that `render.engine` would accept; the server may not check.
        """
        return self._run(
            lambda live: render_region(live, info, definition, z, t, level, region, deadline),
            deadline,
        )

    def render_projection(
        self,
        info: ImageInfo,
        definition: RenderingDefinition,
        projection: Projection,
        t: int,
        deadline: Deadline,
    ) -> np.ndarray:
        """Have the server itself draw a projection of whole planes, as `render_region` does."""
        return self._run(
            lambda live: render_projection(live, info, definition, projection, t, deadline),
            deadline,
        )

    def lookup_tables(self, deadline: Deadline) -> tuple[LookupTableFile, ...]:
        """List the lookup tables of the server, ordered by lower-case name."""
        return self._run(lambda live: list_lookup_tables(live, deadline), deadline)

    def read_file(self, file_id: int, deadline: Deadline, most_bytes: int | None = None) -> bytes:
        """Read a small original file such as a lookup table.

        Raises TooLarge above `most_bytes`, or Limits.file_bytes.
        """
        return self._run(lambda live: read_file(live, file_id, deadline, most_bytes), deadline)

    def rois(self, image_id: int, deadline: Deadline) -> tuple[Roi, ...]:
        """List the regions of interest of an image with their shapes, ordered by id.

        None when there is no such image; TooLarge above Limits.shapes.
        """
        return self._run(lambda live: list_rois(live, image_id, deadline), deadline)

    def roi(self, roi_id: int, deadline: Deadline) -> Roi:
        """Load a region of interest with its shapes; NotFound when missing or invisible."""
        return self._run(lambda live: load_roi(live, roi_id, deadline), deadline)

    def shape(self, shape_id: int, deadline: Deadline) -> Shape:
        """Load one shape, a mask with its bits; NotFound when missing or invisible."""
        return self._run(lambda live: load_shape(live, shape_id, deadline), deadline)

    def shapes(self, shape_ids: Sequence[int], deadline: Deadline) -> tuple[Shape, ...]:
        """Load shapes by rising id; those that are missing or invisible are left out."""
        return self._run(lambda live: load_shapes(live, shape_ids, deadline), deadline)

    def well(self, well_id: int, deadline: Deadline) -> WellItem:
        """Load a well with its fields; NotFound when it is missing or invisible."""
        return self._run(lambda live: load_well(live, well_id, deadline), deadline)

    def plate_grid(
        self, plate_id: int, field: int, run_id: int | None, deadline: Deadline
    ) -> PlateGrid:
        """Load one field of all wells of a plate; NotFound without such a plate.

        `field` is counted from 0, among those of the plate acquisition `run_id` if that is given.
        """
        return self._run(
            lambda live: load_plate_grid(live, plate_id, field, run_id, deadline), deadline
        )

    def container(self, kind: str, container_id: int, deadline: Deadline) -> ContainerInfo:
        """Load a `Project`, `Dataset`, `Screen` or `Plate`; NotFound when there is none."""
        return self._run(lambda live: load_container(live, kind, container_id, deadline), deadline)

    def parent(self, kind: str, child_id: int, deadline: Deadline) -> ContainerRef | None:
        """Give the first project of a `Dataset`, or screen of a `Plate`; None without one."""
        return self._run(lambda live: load_parent(live, kind, child_id, deadline), deadline)

    def fileset(self, image_id: int, deadline: Deadline) -> Fileset | None:
        """Tell the files of an image, None if it has no fileset; NotFound without the image."""
        return self._run(lambda live: load_fileset(live, image_id, deadline), deadline)

    def hold(self, deadline: Deadline) -> Callable[[], None]:
        """Keep the session from being closed for being idle, until what is given is called."""
        return self._source.pool.lease(self._credentials, deadline).release

    def open_file(self, file_id: int, deadline: Deadline) -> FileStream:
        """Open an original file of any size to be streamed; it has to be closed.

        Raises NotFound when it is missing or invisible, Forbidden when the server does not hand
        out its content.
        """
        return FileStream(self._source.pool.lease(self._credentials, deadline), file_id, deadline)

    def search(
        self,
        kinds: Sequence[str],
        words: Sequence[str],
        author: str | None,
        most: int,
        deadline: Deadline,
    ) -> list[SearchHit]:
        """Find up to `most` projects, datasets and images whose texts have all the words."""
        return self._run(lambda live: search(live, kinds, words, author, most, deadline), deadline)

    def parents(
        self, hits: Sequence[SearchHit], deadline: Deadline
    ) -> dict[tuple[str, int], tuple[tuple[str, ContainerRef], ...]]:
        """Give what each hit lies in, by class and id: the nearest first."""
        return self._run(lambda live: load_parents(live, hits, deadline), deadline)

    def bulk_annotations(
        self, path: str, object_id: int, deadline: Deadline
    ) -> tuple[FileLink, ...]:
        """Give the tables attached to the objects from which `path` leads to an object.

        Raises BadRequest when the server knows no such path.
        """
        return self._run(
            lambda live: find_bulk_annotations(live, path, object_id, deadline), deadline
        )

    def read_table(
        self, file_id: int, work: Callable[[TableReader], Result], deadline: Deadline
    ) -> Result:
        """Give what `work` makes of an OMERO.table; NotFound when there is no such table.

        `work` runs in a thread or greenlet of its own, and again when the session was lost.
        """
        return self._run(lambda live: read_table(live, file_id, work, deadline), deadline)

    def projects(self, deadline: Deadline) -> tuple[ContainerRecord, ...]:
        """List the projects that the viewer sees, ordered by id."""
        return self._run(lambda live: list_projects(live, deadline), deadline)

    def datasets(self, project_id: int, deadline: Deadline) -> tuple[ContainerRecord, ...]:
        """List the datasets of a project, ordered by id; NotFound without such a project."""
        return self._run(lambda live: list_datasets(live, project_id, deadline), deadline)

    def images(self, dataset_id: int, deadline: Deadline) -> tuple[ImageItem, ...]:
        """List the images of a dataset, ordered by name; NotFound without such a dataset."""
        return self._run(lambda live: list_images(live, dataset_id, deadline), deadline)


class BlitzSource:
    """An OMERO.server and the sessions that this process holds there."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self._pools: dict[int, SessionPool] = {}

    @property
    def pool(self) -> SessionPool:
        """The sessions of this very process: what was opened before a fork stays the parent's."""
        process = os.getpid()
        pool = self._pools.get(process)
        if pool is None:
            pool = self._pools.setdefault(process, SessionPool(self.endpoint, self.limits))
        return pool

    def session(self, credentials: Credentials, deadline: Deadline) -> BlitzSession:
        """Give the session of these credentials, logging in if none is open.

        Raises NotAuthenticated when the server refuses them, SourceUnavailable when it cannot
        be reached, Overloaded when the pool is full of sessions in use.
        """
        session = BlitzSession(self, credentials)
        session.user(deadline)
        return session

    @property
    def circuit(self) -> str:
        """Tell how attempts to reach the server fare: `closed` (well), `open` or `half-open`."""
        return self.pool.breaker.state

    def check(self, deadline: Deadline) -> None:
        """Have the router give a sign of life, without a login; raise SourceUnavailable else."""
        self.pool.check(deadline)

    def log_in(self, user: str, password: str, deadline: Deadline) -> OpenedSession:
        """Make an OMERO session that goes on by itself, and give its key.

        Raises NotAuthenticated when the server refuses the password.
        """
        return start_session(self.pool, user, password, deadline)

    def log_out(self, session_key: str, deadline: Deadline) -> None:
        """End the OMERO session with this key for everybody; one that is gone already is no fault.

        Others who joined it are logged out too.
        """
        end_session(self.pool, session_key, deadline)

    def close(self) -> None:
        """Close all sessions of this process and end its connections."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()
