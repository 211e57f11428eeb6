"""The parts of which one application is made, and how they are opened and closed.

Nothing is opened before the first request: sockets, threads and Ice's communicator must not
exist before gunicorn forks its workers.
"""

import os
import threading
from dataclasses import dataclass

from app.changes.change_relay import ChangeRelay
from app.changes.change_watcher import ChangeWatcher, watcher_credentials
from app.changes.freshness import Freshness
from app.downloads import export_work as exports
from app.downloads.courtesy import Courtesy
from app.downloads.gate import DownloadGate
from app.host_lock import HostLock
from app.identity import Identity
from app.identity.opening import open_attempts, open_identity, open_own_logins
from app.identity.own_logins import OwnLogins
from app.imaging.handle_store import HandleStore
from app.imaging.raw_tiles import RawTiles
from app.imaging.read_ahead import ReadAhead
from app.jobs.desk import JobDesk
from app.jobs.runner import JobRunner
from app.jobs.store import JobStore
from app.metadata.clipboards import Clipboards
from app.movies import work as movies
from app.operations import warming_work as warming
from app.operations.memory import RecentMemory
from app.parsing.forms import UploadGate
from app.parts import Parts
from app.pictures import PictureStore, open_pictures
from app.servers import Server, own_credentials_of, servers_of
from app.settings import Settings
from cache.file_cache import FileCache
from cache.shared_memory import SharedMemory
from render.workers import Worker, create_worker

#: One step of reading ahead brings no more than this part of the raw tiles that are kept.
_READ_AHEAD_PART = 16
_HANDLES_MAX_BYTES = 128 * 1024**2
_CLIPBOARDS_MAX = 10_000
_CLIPBOARDS_MAX_BYTES = 32 * 1024**2
#: As long as OMERO.web keeps a session in which nothing is copied.
_CLIPBOARD_TIMEOUT_S = 86400.0
_LOOKUP_TABLE_LISTS_MAX = 64


@dataclass
class Site:
    """All that one process has open: the parts of each server, and what these share."""

    servers: tuple[Server, ...]
    parts: dict[int, Parts]
    identity: Identity
    own_logins: OwnLogins | None
    pictures: PictureStore
    handles: HandleStore
    clipboards: Clipboards
    freshness: Freshness
    relay: ChangeRelay | None
    watchers: tuple[ChangeWatcher, ...]
    jobs: JobRunner

    def parts_of(self, server: int | None = None) -> Parts:
        """Give the parts for a server, by its number; for the first one if not told."""
        return next(iter(self.parts.values())) if server is None else self.parts[server]

    def close(self) -> None:
        """Close sessions, threads and files."""
        self.jobs.close()
        for watcher in self.watchers:
            watcher.close()
        if self.relay is not None:
            self.relay.close()
        for parts in self.parts.values():
            parts.close()
        self.identity.close()
        self.pictures.close()
        self.handles.close()
        self.clipboards.close()
        self.freshness.close()


class LazyParts:
    """Opens the parts when they are first asked for, once in each process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._site: Site | None = None
        self._process_id = 0
        self._shared_tiles: SharedMemory | None = None

    def share_tiles(self, memory: SharedMemory) -> None:
        """Keep raw tiles in memory that other processes use too; before anything is opened."""
        self._shared_tiles = memory

    def get(self, server: int | None = None) -> Parts:
        """Give this process's parts for a server, by its number; for the first one if not told."""
        return self.open().parts_of(server)

    def all(self) -> tuple[Parts, ...]:
        """Give this process's parts for each server."""
        return tuple(self.open().parts.values())

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers that images come from."""
        return self.open().servers

    @property
    def own_logins(self) -> OwnLogins | None:
        """The logins that Blitzrender itself keeps, None where it logs nobody in."""
        return self.open().own_logins

    @property
    def has_one_server(self) -> bool:
        """Tell whether all images are those of one server."""
        return len(self.open().servers) == 1

    @property
    def opened(self) -> tuple[Parts, ...]:
        """This process's parts of each server, none while they are not open."""
        site = self._site if self._process_id == os.getpid() else None
        return () if site is None else tuple(site.parts.values())

    def close(self) -> None:
        """Close this process's parts, if it opened any."""
        with self._lock:
            if self._site is not None and self._process_id == os.getpid():
                self._site.close()
            self._site = None

    def open(self) -> Site:
        """Give all that this process has open."""
        site = self._site
        if site is not None and self._process_id == os.getpid():
            return site
        with self._lock:
            if self._site is None or self._process_id != os.getpid():
                self._site = open_site(self.settings, self._shared_tiles)
                self._process_id = os.getpid()
            return self._site


def open_site(settings: Settings, shared_tiles: SharedMemory | None = None) -> Site:
    """Make the parts that the settings describe."""
    servers = servers_of(settings)
    attempts = open_attempts(settings)
    own_logins = open_own_logins(settings, servers, attempts)
    identity = open_identity(settings, servers, own_logins, attempts)
    pictures = open_pictures(settings, servers[0].source_name)
    handles = HandleStore(
        FileCache(
            settings.cache_dir / "settings",
            max_bytes=_HANDLES_MAX_BYTES,
            max_entries=settings.settings_max_entries,
            timeout_s=settings.settings_timeout_s,
        )
    )
    clipboards = Clipboards(
        FileCache(
            settings.cache_dir / "clipboards",
            max_bytes=_CLIPBOARDS_MAX_BYTES,
            max_entries=_CLIPBOARDS_MAX,
            timeout_s=_CLIPBOARD_TIMEOUT_S,
        )
    )
    freshness = Freshness(settings.cache_dir / "freshness")
    relay = _open_relay(settings, freshness)
    courtesy = Courtesy(settings.cache_dir / "courtesy")
    downloads = DownloadGate(settings, courtesy)
    uploads = UploadGate(settings.uploads_max)
    all_parts: dict[int, Parts] = {}
    jobs = JobStore(settings)
    kinds = {movies.NAME: movies.KIND, exports.NAME: exports.KIND, warming.NAME: warming.KIND}
    runner = JobRunner(settings, jobs, all_parts.__getitem__, kinds)
    desk = JobDesk(settings, jobs, runner, kinds)
    workers: list[Worker] = []

    def worker_for(server: Server) -> Worker:
        # What renders planes that it is given can do so for all servers.
        if not workers or workers[0].renders_at_source:
            worker = create_worker(
                settings.render_worker,
                threads=settings.render_threads,
                queue_limit=settings.queue_limit,
                parts={"source": server.source},
            )
            workers.append(worker)
        return workers[-1]

    raw_max_bytes = settings.raw_tiles_max_bytes // len(servers)

    def parts_of(server: Server) -> Parts:
        raw = RawTiles(raw_max_bytes, shared_tiles, server.source_name)
        return Parts(
            settings=settings,
            identity=identity,
            own_credentials=own_credentials_of(settings),
            source=server.source,
            source_name=server.source_name,
            pictures=pictures.for_source(server.source_name),
            handles=handles,
            clipboards=clipboards,
            freshness=freshness,
            announcer=relay or freshness,
            courtesy=courtesy,
            downloads=downloads,
            uploads=uploads,
            jobs=desk,
            worker=worker_for(server),
            infos=RecentMemory(settings.image_info_max_entries, settings.image_info_max_age_s),
            raw_planes=raw,
            read_ahead=ReadAhead(
                server.source,
                raw,
                settings.read_ahead_tiles,
                settings.read_ahead_sections,
                raw_max_bytes // _READ_AHEAD_PART,
            ),
            lut_files=RecentMemory(_LOOKUP_TABLE_LISTS_MAX, settings.image_info_max_age_s),
        )

    credentials = watcher_credentials(settings)
    watchers = (
        ()
        if credentials is None
        else tuple(
            ChangeWatcher(
                server.source,
                credentials,
                freshness,
                HostLock(settings.cache_dir / f"changes-{server.id}.lock"),
                settings.change_poll_s,
            )
            for server in servers
        )
    )
    all_parts.update((server.id, parts_of(server)) for server in servers)
    for watcher in watchers:
        watcher.start()
    runner.start()
    return Site(
        servers,
        all_parts,
        identity,
        own_logins,
        pictures,
        handles,
        clipboards,
        freshness,
        relay,
        watchers,
        runner,
    )


def _open_relay(settings: Settings, freshness: Freshness) -> ChangeRelay | None:
    if settings.cache_redis_url is None:
        return None
    url = settings.cache_redis_url.get_secret_value()
    relay = ChangeRelay(url, freshness, HostLock(settings.cache_dir / "relay.lock"))
    relay.start()
    return relay
