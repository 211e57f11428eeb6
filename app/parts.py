"""What requests for images of one server share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from app.changes.change_relay import Announcer
from app.changes.freshness import Freshness
from app.downloads.courtesy import Courtesy
from app.downloads.gate import DownloadGate
from app.identity import Identity
from app.imaging.handle_store import HandleStore
from app.imaging.raw_tiles import RawTiles
from app.imaging.read_ahead import ReadAhead
from app.metadata.clipboards import Clipboards
from app.operations.memory import RecentMemory
from app.parsing.forms import UploadGate
from app.pictures import PictureStore
from app.settings import Settings
from cache.figures import CacheFigures
from cache.flight import FlightTimeout, SingleFlight
from render.blitz.endpoint import Credentials
from render.blitz.records import LookupTableFile
from render.blitz.source import BlitzSource
from render.deadline import Deadline
from render.errors import DeadlineExceeded, Forbidden, NotAuthenticated, NotFound
from render.values import (
    ImageInfo,
    RenderingDefinition,
    Window,
)
from render.workers import Worker

if TYPE_CHECKING:
    from app.jobs.desk import JobDesk

#: How long a lookup table is believed to hold what it held.
_LOOKUP_TABLES_MAX_AGE_S = 30.0
_LOOKUP_TABLES_MAX = 500
_DEFAULTS_MAX = 2000
_ANSWERS_MAX = 5000
_WINDOWS_MAX = 5000


@dataclass
class Parts:
    """What requests of one process for images of one server share. Made by `app.site`.

    What is remembered of images is remembered by their numbers, which each server has its own of;
    settings, identity, pictures, handles, clipboards, freshness, announcer, courtesy, downloads,
    uploads, jobs and, as a rule, the worker are those of all servers.
    """

    settings: Settings
    identity: Identity
    own_credentials: Credentials | None
    source: BlitzSource
    source_name: str
    pictures: PictureStore
    handles: HandleStore
    clipboards: Clipboards
    freshness: Freshness
    announcer: Announcer
    courtesy: Courtesy
    downloads: DownloadGate
    uploads: UploadGate
    jobs: "JobDesk"
    worker: Worker
    infos: RecentMemory[ImageInfo]
    raw_planes: RawTiles
    read_ahead: ReadAhead
    lut_files: RecentMemory[tuple[LookupTableFile, ...]]
    lut_tables: RecentMemory[tuple[np.ndarray | None]] = field(
        default_factory=lambda: RecentMemory(_LOOKUP_TABLES_MAX, _LOOKUP_TABLES_MAX_AGE_S)
    )
    defaults: RecentMemory[RenderingDefinition] = field(
        default_factory=lambda: RecentMemory(_DEFAULTS_MAX)
    )
    windows: RecentMemory[Window] = field(default_factory=lambda: RecentMemory(_WINDOWS_MAX))
    answers: RecentMemory[Any] = field(default_factory=lambda: RecentMemory(_ANSWERS_MAX))
    # What ends the request of the one who works must not end those who wait for the result.
    flight: SingleFlight = field(
        default_factory=lambda: SingleFlight(
            (DeadlineExceeded, FlightTimeout, NotAuthenticated, Forbidden, NotFound)
        )
    )

    def check_source(self, deadline: Deadline) -> None:
        """Ask the server something that nobody remembers; raise the error that it amounts to."""
        if self.own_credentials is None:
            self.source.check(deadline)
        else:
            self.source.session(self.own_credentials, deadline).projects(deadline)

    def cache_figures(self) -> tuple[CacheFigures, ...]:
        """Give the figures of all tiers of all caches."""
        return (*self.pictures.figures(), *self.raw_planes.figures())

    def close(self) -> None:
        """Close sessions and threads; what the servers share stays open."""
        self.read_ahead.close()
        self.worker.close()
        self.source.close()
