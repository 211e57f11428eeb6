"""The parts of which one application is made, and how they are opened and closed.

Nothing is opened before the first request: sockets, threads and Ice's communicator must not
exist before gunicorn forks its workers.
"""

import os
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.endpoints import endpoint_of, limits_of
from app.handle_store import HandleStore
from app.identity import Identity, Viewer
from app.identity.fixed import FixedIdentity
from app.memory import RecentMemory
from app.pictures import PictureStore, open_pictures
from app.settings import Settings
from cache.figures import CacheFigures
from cache.file_cache import FileCache
from cache.flight import FlightTimeout, SingleFlight
from cache.memory import MemoryCache
from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.records import LookupTableFile
from render.blitz.source import BlitzSource
from render.errors import DeadlineExceeded, Forbidden, NotAuthenticated
from render.values import (
    ImageInfo,
    RenderingDefinition,
    Window,
)
from render.workers import Worker, create_worker

#: How long the server's lookup tables are believed to be as they were.
_LOOKUP_TABLES_MAX_AGE_S = 30.0
_LOOKUP_TABLES_MAX = 500
_DEFAULTS_MAX = 2000
_HANDLES_MAX_BYTES = 128 * 1024**2
_ANSWERS_MAX = 5000
_WINDOWS_MAX = 5000


@dataclass
class Parts:
    """What requests of one process share. Made by `open_parts`."""

    settings: Settings
    identity: Identity
    own_credentials: Credentials
    source: BlitzSource
    source_name: str
    pictures: PictureStore
    handles: HandleStore
    worker: Worker
    infos: RecentMemory[ImageInfo]
    raw_planes: MemoryCache[np.ndarray]
    lut_files: RecentMemory[tuple[LookupTableFile, ...]] = field(
        default_factory=lambda: RecentMemory(64, _LOOKUP_TABLES_MAX_AGE_S)
    )
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
            (DeadlineExceeded, FlightTimeout, NotAuthenticated, Forbidden)
        )
    )

    def cache_figures(self) -> tuple[CacheFigures, ...]:
        """Give the figures of all tiers of all caches."""
        raw = self.raw_planes.stats()
        return (
            *self.pictures.figures(),
            CacheFigures(
                cache="raw-tiles",
                tier="memory",
                entries=raw.entries,
                size_bytes=raw.size_bytes,
                max_bytes=raw.max_bytes,
                hits=raw.hits,
                misses=raw.misses,
                evictions=raw.evictions,
            ),
        )

    def close(self) -> None:
        """Close sessions, threads and files."""
        self.worker.close()
        self.source.close()
        self.pictures.close()
        self.handles.close()


class LazyParts:
    """Opens the parts when they are first asked for, once in each process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._process_id = 0

    def get(self) -> Parts:
        """Give this process's parts."""
        parts = self._parts
        if parts is not None and self._process_id == os.getpid():
            return parts
        with self._lock:
            if self._parts is None or self._process_id != os.getpid():
                self._parts, self._process_id = open_parts(self.settings), os.getpid()
            return self._parts

    @property
    def opened(self) -> Parts | None:
        """This process's parts, None while they are not open."""
        return self._parts if self._process_id == os.getpid() else None

    def close(self) -> None:
        """Close this process's parts, if it opened any."""
        with self._lock:
            if self._parts is not None and self._process_id == os.getpid():
                self._parts.close()
            self._parts = None


def open_parts(settings: Settings) -> Parts:
    """Make the parts that the settings describe."""
    endpoint, credentials, source_name = source_of(settings)
    source = BlitzSource(endpoint, limits_of(settings))
    viewer = Viewer("fixed", "local" if settings.embedded else "public", credentials)
    return Parts(
        settings=settings,
        identity=FixedIdentity(viewer),
        own_credentials=credentials,
        source=source,
        source_name=source_name,
        pictures=open_pictures(settings, source_name),
        handles=HandleStore(
            FileCache(
                settings.cache_dir / "settings",
                max_bytes=_HANDLES_MAX_BYTES,
                max_entries=settings.settings_max_entries,
                timeout_s=settings.settings_timeout_s,
            )
        ),
        worker=create_worker(
            settings.render_worker,
            threads=settings.render_threads,
            queue_limit=settings.queue_limit,
            parts={"source": source},
        ),
        infos=RecentMemory(settings.image_info_max_entries, settings.image_info_max_age_s),
        raw_planes=MemoryCache(settings.raw_tiles_max_bytes),
    )


def source_of(settings: Settings) -> tuple[Endpoint, Credentials, str]:
    """Give where the source is, who logs in, and a name that no other source shares."""
    if settings.omero_host is None:
        endpoint = Endpoint(settings.image_server_host, settings.image_server_port, "tcp")
        password = settings.image_server_password.get_secret_value()
        credentials = Credentials.login(settings.image_server_user, password)
        return endpoint, credentials, f"embedded:{settings.images.resolve()}"
    assert settings.omero_user is not None and settings.omero_password is not None
    endpoint = endpoint_of(settings, settings.omero_host, settings.omero_port)
    password = settings.omero_password.get_secret_value()
    credentials = Credentials.login(settings.omero_user, password)
    return endpoint, credentials, f"omero:{settings.omero_host}:{settings.omero_port}"
