"""Looking through the served folder: which files are images, which came, changed or went.

A scan walks the whole folder and compares sizes and times with what is known; only files that
are new or changed are opened. It is started by events of the file system where there are any,
and from time to time in any case, because network file systems have none.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path

from imageserver.index import Index, IndexedFileset
from imageserver.listing import dataset_of
from imageserver.readers import reader_for
from imageserver.readers.base import (
    Access,
    OutsideFolder,
    Reader,
    UnreadableFile,
    check_series,
)
from imageserver.readers.zarr import marker_files
from imageserver.watching import FolderWatch

log = logging.getLogger(__name__)

#: Files of a folder that is one file set which are looked at, and offered as original files; of
#: larger ones only the metadata files are.
MAX_FOLDER_FILES = 5000

#: Folders inside one that is a file set whose events are listened to; in others a scan finds them.
MAX_WATCHED_INSIDE = 500

#: A file that cannot be read and is younger than this is probably still being copied.
SETTLING_S = 2.0

#: Files opened at the same time, which hides the delays of network file systems.
PARALLEL = 4


class _Settling(Enum):
    """Marks a file that is to be looked at again."""

    YES = 1


SETTLING = _Settling.YES

_Outcome = Callable[[], IndexedFileset] | _Settling | None


@dataclass(frozen=True)
class Found:
    """A file or folder that a reader claims, relative to the root."""

    path: str
    reader: Reader


class Scanner:
    """Keeps the index equal to the folder; tells of each change as soon as it is known.

    `on_fileset` gets each file set that is new or was read again, `on_gone` the relative paths
    that are away. Both are called from the scanner's own thread.
    """

    def __init__(
        self,
        access: Access,
        index: Index,
        readers: Sequence[Reader],
        known: Mapping[str, IndexedFileset],
        on_fileset: Callable[[IndexedFileset], None],
        on_gone: Callable[[Sequence[str]], None],
        *,
        skip: Sequence[Path] = (),
        watch_events: bool = True,
        rescan_s: float = 30.0,
    ) -> None:
        self._access = access
        self._folder = access.folder
        self._index = index
        self._readers = readers
        self._known = dict(known)
        self._retry = {path for path, fileset in known.items() if fileset.problem is not None}
        self._on_fileset = on_fileset
        self._on_gone = on_gone
        self._skip = frozenset(Path(os.path.realpath(path)) for path in skip)
        self._rescan_s = rescan_s
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._settled = threading.Event()
        self._warned: set[str] = set()
        self._folders: set[Path] = set()
        #: The folders inside each one that is a file set, as far as they are looked at.
        self._inside: dict[Path, Sequence[Path]] = {}
        self._watch = FolderWatch(self.request, self._skip) if watch_events else None
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)

    def start(self) -> None:
        """Begin to scan in the background."""
        self._thread.start()
        if self._watch is not None:
            self._watch.start()

    def close(self) -> None:
        """Stop; a file that is being opened is finished first."""
        self._stop.set()
        self._wanted.set()
        if self._watch is not None:
            self._watch.close()
        if self._thread.is_alive():
            self._thread.join()

    def wait_settled(self, timeout_s: float) -> bool:
        """Wait until the first scan has read everything; say whether it has."""
        return self._settled.wait(timeout_s)

    def request(self) -> None:
        """Ask for a scan soon."""
        self._wanted.set()

    def read_again(self, path: str) -> None:
        """Have a file or folder read soon whether or not it looks changed."""
        self._retry.add(path)
        self.request()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wanted.clear()
            started = time.monotonic()
            try:
                unsettled = self.scan()
            except OSError as error:
                log.warning("the folder cannot be scanned now: %s", error)
                unsettled = False
            except Exception:
                log.exception("a scan of the folder failed")
                unsettled = False
            took = time.monotonic() - started
            if not unsettled:
                self._settled.set()
            # A scan that is slow (many files, a slow disk) must not follow itself closely.
            self._stop.wait(max(0.2, 2 * took))
            pause = 0.5 if unsettled else max(self._rescan_s, 20 * took)
            if self._rescan_s > 0 or unsettled:
                self._wanted.wait(pause)
            else:
                self._wanted.wait()

    def scan(self) -> bool:
        """Walk the folder once; say whether files were left for later as still being written."""
        self._folders = set()
        found = {item.path: item for item in self._walk()}
        gone = [path for path in self._known if path not in found]
        if gone:
            self._index.forget(gone)
            for path in gone:
                del self._known[path]
            self._on_gone(gone)
        unsettled = False
        pending = iter(found.values())
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="read") as pool:
            while not self._stop.is_set() and (batch := list(islice(pending, 16 * PARALLEL))):
                for outcome in pool.map(self._examine, batch):
                    if outcome is SETTLING:
                        unsettled = True
                    elif outcome is not None:
                        # In the order of names, so that ids are the same in every fresh index.
                        self._take_in(outcome)
        if self._watch is not None:
            self._watch.set_folders(self._watched(found))
        return unsettled

    def _watched(self, found: Iterable[str]) -> frozenset[Path]:
        """Give the folders that were walked, and those inside file sets that are small enough."""
        claimed = {self._folder / path for path in found}
        self._inside = {path: inner for path, inner in self._inside.items() if path in claimed}
        return frozenset(chain(self._folders, *self._inside.values()))

    def _take_in(self, store: Callable[[], IndexedFileset]) -> None:
        try:
            fileset = store()
            self._on_fileset(fileset)
        except Exception:
            # A full disk, for one. The file is tried again at the next scan.
            log.exception("a file cannot be taken into the index now")
            return
        self._known[fileset.path] = fileset
        self._retry.discard(fileset.path)

    def _walk(self) -> Iterator[Found]:
        root_reader = reader_for(self._folder, self._readers)
        if root_reader is not None:
            yield Found(".", root_reader)
            return
        folders = [self._folder]
        while folders:
            folder = folders.pop()
            self._folders.add(folder)
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if folder == self._folder:
                    raise
                log.debug("folder left out: %s", error)
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                try:
                    entry.name.encode()
                except UnicodeEncodeError:
                    self._warn_once(path, "its name is not UTF-8")
                    continue
                try:
                    is_folder = entry.is_dir()
                    if is_folder and entry.is_symlink():
                        self._warn_link(path)
                        continue
                    if is_folder and path in self._skip:
                        continue
                    reader = reader_for(path, self._readers)
                except Exception as error:
                    log.debug("%s left out: %s", path, error)
                    continue
                if reader is not None:
                    yield Found(path.relative_to(self._folder).as_posix(), reader)
                elif is_folder:
                    folders.append(path)

    def _warn_link(self, path: Path) -> None:
        # What a link inside the folder leads to is scanned at its own place.
        try:
            self._access.resolve(path)
        except OutsideFolder:
            self._warn_once(path, "it is a link that leads outside the folder")

    def _warn_once(self, path: Path, reason: str) -> None:
        shown = repr(path.relative_to(self._folder).as_posix())
        if shown not in self._warned:
            self._warned.add(shown)
            log.warning("%s is left out: %s", shown, reason)

    def _examine(self, item: Found) -> _Outcome:
        """Read a file if it is new or changed, and give how to store it; None if it is known."""
        if self._stop.is_set():
            return None
        known = self._known.get(item.path)
        path = self._folder / item.path
        try:
            if known is not None and item.path not in self._retry:
                members = [self._folder / member for member in known.paths]
                if known.problem is not None or path.is_dir():
                    members = [path]
                if self._signature(members) == known.signature:
                    return None
            return self._read(item, path)
        except FileNotFoundError:
            return None

    def _read(self, item: Found, path: Path) -> _Outcome:
        dataset = dataset_of(item.path)
        signature = self._signature([path])
        try:
            resolved = self._access.resolve(path)
            self._access.descriptors.forget(resolved)
            opened = item.reader.open(resolved, self._access)
            check_series(opened)
        except Exception as error:
            age_s = time.time() - path.lstat().st_mtime
            if not isinstance(error, OutsideFolder) and 0 <= age_s < SETTLING_S:
                return SETTLING
            problem = str(error) if isinstance(error, UnreadableFile) else _sentence(error)
            log.warning("%s cannot be read: %s", item.path, problem)
            return partial(
                self._index.store, item.path, dataset, signature, [item.path], problem=problem
            )
        try:
            series, plates = opened.series, opened.plates
            members = [self._relative(member) for member in opened.paths]
        finally:
            opened.close()
            self._access.segments.drop(opened.token)
        if plates:
            # A plate can have thousands of images, which are not to lie among those of others.
            dataset = item.path
        members[0] = item.path
        part_of = None
        if path.is_dir():
            members = [self._relative(file) for file in folder_files(path)[0]]
        else:
            signature = self._signature([self._folder / member for member in members])
            first = min(members)
            if first != item.path and (self._folder / first).is_file():
                series, plates, part_of = (), (), first
        return partial(
            self._index.store,
            item.path,
            dataset,
            signature,
            members,
            series=series,
            plates=plates,
            part_of=part_of,
        )

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _files_of(self, path: Path) -> Sequence[Path]:
        if not path.is_dir():
            return (path,)
        files, self._inside[path] = folder_files(path)
        return files

    def _signature(self, paths: Sequence[Path]) -> str:
        digest = blake2b(digest_size=16)
        for path in sorted(paths):
            for file in self._files_of(path):
                try:
                    stat = file.stat()
                    text = f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n"
                except OSError:
                    text = f"{file}\0-\n"
                digest.update(text.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def folder_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Give the files of a folder that is one file set, and it and the folders in it.

    Of one with too many files, those of the metadata; of one with too many folders, it alone.
    """
    files: list[Path] = []
    folders: list[Path] = []
    for inner, _, names in os.walk(folder):
        folders.append(Path(inner))
        files += [Path(inner) / name for name in names]
        if len(files) > MAX_FOLDER_FILES:
            return sorted(marker_files(folder)), [folder]
    return sorted(files), folders if len(folders) <= MAX_WATCHED_INSIDE else [folder]


def _sentence(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "the image server may not read it"
    return f"reading it failed ({type(error).__name__}: {error!s:.120})"
