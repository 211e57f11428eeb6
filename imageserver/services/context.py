"""What every service gets: the catalog, the model over it, the sessions, and who is calling."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from imageserver.definitions import Change, SavedDefinition
from imageserver.graph import Graph, GraphSource, Index
from imageserver.identity import GROUP_ID, RWR, USER_GROUP_ID
from imageserver.records import FileRecord, ImageRecord
from imageserver.sessions import Client, Sessions
from render.blitz.slices import omero


class PixelBuffer(Protocol):
    """Opened pixels; level 0 is full size."""

    levels: Any
    tile_size: tuple[int, int]
    pixel_type: str

    def read(
        self, level: int, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> np.ndarray: ...
    def close(self) -> None: ...


class Catalog(Index, Protocol):
    """What the services need of the catalog, beyond what the graph needs."""

    def image_by_pixels(self, pixels_id: int, *, wait_stats_s: float = ...) -> ImageRecord: ...
    def file(self, file_id: int) -> FileRecord: ...
    def read_lut(self, lut_id: int) -> bytes: ...
    def open_pixels(self, pixels_id: int) -> PixelBuffer: ...
    def save_definitions(
        self, user_id: int, changes: Sequence[Change]
    ) -> list[SavedDefinition]: ...


@dataclass(frozen=True)
class ServerSettings:
    """What clients may ask for through IConfig, beside OMERO's own constants."""

    database_uuid: str
    insecure_router: str
    max_plane_width: int = 3192
    max_plane_height: int = 3192
    tile_width: int = 256
    tile_height: int = 256
    max_tile_length: int = 1024
    # A reply has to fit into Ice.MessageSizeMax with its header.
    max_reply_bytes: int = 64 * 1024 * 1024 - 1024


@dataclass(frozen=True)
class ServiceContext:
    """One client's view of the server."""

    catalog: Catalog
    graphs: GraphSource
    sessions: Sessions
    settings: ServerSettings
    executor: Executor
    client: Client

    @property
    def graph(self) -> Graph:
        """The model at the index's present state."""
        return self.graphs.current()

    @property
    def user_id(self) -> int:
        """The caller's id."""
        return self.sessions.user.id

    def event_context(self) -> object:
        """Tell who is calling, as OMERO's event context."""
        user = self.sessions.user
        session = self.client.session
        return omero.sys.EventContext(
            shareId=-1,
            sessionId=session.id,
            sessionUuid=session.key,
            userId=user.id,
            userName=user.name,
            groupId=GROUP_ID,
            groupName=user.group_name,
            isAdmin=False,
            adminPrivileges=[],
            eventId=0,
            eventType="User",
            memberOfGroups=[GROUP_ID, USER_GROUP_ID],
            leaderOfGroups=[GROUP_ID],
            groupPermissions=omero.model.Permissions(perm1=RWR, restrictions=[]),
        )
