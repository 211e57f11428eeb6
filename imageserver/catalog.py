"""All that the image server knows: what is in the folder, under which ids, and its pixels.

The facade over reading, scanning and remembering; the Ice services ask it and nothing else.
Every method may be called from any thread. Records are frozen: what changes is a new record.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG

from imageserver.definitions import Change, Definitions, DefinitionStore, SavedDefinition
from imageserver.drawing_store import DrawingStore
from imageserver.drawings import Drawings, DrawnRoi, GivenRoi
from imageserver.index import Index, IndexedFileset
from imageserver.kept import GivenObject, Kept, KeptObject, Rename
from imageserver.kept_files import DEFAULT_BUDGET_BYTES as DEFAULT_FILES_BYTES
from imageserver.kept_files import KeptFiles, OpenKeptFile
from imageserver.kept_store import KeptStore
from imageserver.listing import Listing, lacks_stats
from imageserver.luts import LutFile, LutRecord, find_luts, read_lut
from imageserver.pixels import PixelBuffer
from imageserver.pyramids import DEFAULT_BUDGET_BYTES, PyramidStore
from imageserver.readers import all_readers
from imageserver.readers.base import Access, Reader, UnreadableFile
from imageserver.readers.objects import AnnotationMetadata, RoiMetadata, ShapeMetadata
from imageserver.records import DatasetRecord, FileRecord, ImageRecord, PlateRecord, ProjectRecord
from imageserver.scan import Scanner
from imageserver.sources import Sources, pyramid_key
from imageserver.told import Told
from imageserver.upkeep import Upkeep

#: How long one image may be waited for while its statistics are computed; then it goes without.
STATS_WAIT_S = 10.0

_MIMETYPES = {
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".xml": "text/xml",
    ".json": "application/json",
}


class UnknownId(LookupError):
    """No thing of the asked kind has that id, or it is away at the moment."""


class Catalog:
    """The images of one folder, kept up to date while it is started."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str],
        *,
        watch: bool = True,
        pyramid_budget_bytes: int = DEFAULT_BUDGET_BYTES,
        files_budget_bytes: int = DEFAULT_FILES_BYTES,
        rescan_s: float = 30.0,
        readers: Sequence[Reader] | None = None,
        confined: bool = False,
    ) -> None:
        """Open the index; nothing is read yet. Raises NotADirectoryError.

        `folder` is served; `cache_dir` is made if needed and holds index and reduced levels.
        `watch` listens to the file system; a scan every `rescan_s` seconds (0: never) finds what
        events do not tell. `pyramid_budget_bytes` 0 makes no reduced levels; what clients upload
        takes `files_budget_bytes` at most. With `confined` no file leads from one folder directly
        below `folder` into another.
        """
        self._folder = Path(os.path.realpath(folder))
        if not self._folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder")
        cache_dir = Path(os.path.realpath(cache_dir))
        readers = all_readers() if readers is None else tuple(readers)
        self._access = Access(self._folder, confined)
        self._index = Index(cache_dir / "index.sqlite", self._folder)
        self._definitions = DefinitionStore(cache_dir / "index.sqlite")
        self._drawings = DrawingStore(cache_dir / "index.sqlite")
        self._files_of_users = KeptFiles(cache_dir / "files", files_budget_bytes)
        self._kept = KeptStore(cache_dir / "index.sqlite")
        self._files_of_users.keep_only(self._kept.current.by_kind.get("OriginalFile", ()))
        self._pyramids = PyramidStore(
            cache_dir / "pyramids", pyramid_budget_bytes, self._access.segments
        )
        self._listing = Listing(
            self._folder.name,
            lambda pixels_id, version: self._pyramids.levels(pyramid_key(pixels_id, version)),
        )
        self._project_ids: dict[str, int] = {}
        known = {
            fileset.path: fileset
            for fileset in self._index.load()
            if not confined or self._is_confined(fileset)
        }
        for fileset in known.values():
            self._listing.put(fileset)
        self._sources = Sources(
            self._access,
            self._listing,
            self._pyramids,
            readers,
            on_changed=lambda path: self._scanner.read_again(path),
        )
        self._told = Told(self._sources.ask)
        self._upkeep = Upkeep(self._index, self._listing, self._sources, self._pyramids)
        self._luts: dict[int, LutFile] = {}
        self._file_records: dict[int, FileRecord] = {}
        self._scanner = Scanner(
            self._access,
            self._index,
            readers,
            known,
            self._on_fileset,
            self._on_gone,
            skip=(cache_dir,),
            watch_events=watch,
            rescan_s=rescan_s,
        )

    def start(self) -> None:
        """Begin to scan, watch and compute in the background; returns at once.

        What was there at the last run is listed from the first moment; the rest appears as it
        is read.
        """
        self._upkeep.start()
        self._scanner.start()

    def close(self) -> None:
        """Stop the background work, waiting for the step under way, and close all files."""
        self._scanner.close()
        self._upkeep.close()
        self._sources.close()
        self._pyramids.close()
        self._access.descriptors.close()
        self._kept.close()
        self._drawings.close()
        self._definitions.close()
        self._index.close()

    def wait_scanned(self, timeout_s: float) -> bool:
        """Wait until everything in the folder was read once; say whether it was."""
        return self._scanner.wait_settled(timeout_s)

    def rescan(self) -> None:
        """Look through the folder soon, whatever events say."""
        self._scanner.request()

    def revision(self) -> int:
        """Give a number that rises whenever any record changes, comes or goes."""
        return self._listing.revision

    def project(self, path: str = ".") -> ProjectRecord:
        """Give the project that is the folder, or the one directly below it with that name."""
        if path == ".":
            return ProjectRecord(id=self._index.root_id, name=self._folder.name or "/")
        project_id = self._project_ids.get(path)
        if project_id is None:
            project_id = self._project_ids[path] = self._index.folder_id(self._folder / path)
        return ProjectRecord(id=project_id, name=path, path=path)

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Give the folders that hold images, by name."""
        names = self._index.dataset_names()
        used = {image.dataset_id for image in self._listing.images()}
        return tuple(
            DatasetRecord(id=dataset_id, name=name)
            for dataset_id, name in sorted(names.items(), key=lambda item: item[1])
            if dataset_id in used
        )

    def images(self) -> tuple[ImageRecord, ...]:
        """Give all images by name, the unreadable ones too.

        Statistics may be missing here that `image` would wait for.
        """
        return self._listing.images()

    def image(self, image_id: int, *, wait_stats_s: float = STATS_WAIT_S) -> ImageRecord:
        """Give one image, complete: its channels' statistics are waited for.

        They stay None for an image that is too large to know them before its reduced levels
        are made, and for one that turns out to be damaged. Raises UnknownId.
        """
        record = self._listing.image(image_id)
        if record is None:
            raise UnknownId(f"image {image_id} does not exist")
        if wait_stats_s > 0 and lacks_stats(record):
            self._upkeep.wait_stats(image_id, wait_stats_s)
            record = self._listing.image(image_id) or record
        return record

    def image_by_pixels(self, pixels_id: int, *, wait_stats_s: float = STATS_WAIT_S) -> ImageRecord:
        """Give the image of a pixels set, complete as `image` does. Raises UnknownId."""
        record = self._listing.image_of_pixels(pixels_id)
        if record is None:
            raise UnknownId(f"pixels {pixels_id} do not exist")
        return self.image(record.id, wait_stats_s=wait_stats_s)

    def files(self) -> tuple[FileRecord, ...]:
        """Give the original files of all images, by relative path, as the last scan saw them."""
        found = []
        for file_id, relative in self._listing.files():
            record = self._file_records.get(file_id)
            if record is None:
                record = self._file_record(file_id, relative)
                if record is None:
                    continue
                self._file_records[file_id] = record
            found.append(record)
        return tuple(found)

    def file(self, file_id: int) -> FileRecord:
        """Give an original file (of images; tables are read by `read_lut`). Raises UnknownId.

        Its `path` was checked this moment to lie inside the folder.
        """
        relative = self._listing.file_path(file_id)
        record = self._file_record(file_id, relative) if relative is not None else None
        if record is None:
            raise UnknownId(f"file {file_id} does not exist")
        return record

    def luts(self) -> tuple[LutRecord, ...]:
        """Give the lookup tables on offer, by path; their ids are those of original files."""
        found = {self._index.file_id(lut.key): lut for lut in find_luts(self._access)}
        self._luts = found
        return tuple(
            LutRecord(lut_id, lut.name, lut.folder, lut.size_bytes, lut.mtime_s)
            for lut_id, lut in found.items()
        )

    def read_lut(self, lut_id: int) -> bytes:
        """Give the bytes of a lookup table. Raises UnknownId."""
        if lut_id not in self._luts:
            self.luts()
        lut = self._luts.get(lut_id)
        if lut is None:
            raise UnknownId(f"lookup table {lut_id} does not exist")
        try:
            return read_lut(lut, self._access)
        except OSError as error:
            raise UnknownId(f"lookup table {lut_id} is gone") from error

    def definitions(self) -> Definitions:
        """Give the saved rendering settings; the same object until the next save."""
        return self._definitions.current

    def save_definitions(self, user_id: int, changes: Sequence[Change]) -> list[SavedDefinition]:
        """Save rendering settings, all or none. Raises StaleVersion."""
        return self._definitions.save(user_id, changes)

    def drawings(self) -> Drawings:
        """Give the regions that users drew; the same object until the next change."""
        return self._drawings.current

    def save_drawings(self, user_id: int, given: Sequence[GivenRoi]) -> list[DrawnRoi]:
        """Save drawn regions, all or none. Raises StaleVersion and TooManyShapes."""
        return self._drawings.save(user_id, given)

    def delete_drawings(self, roi_ids: Sequence[int]) -> list[int]:
        """Delete drawn regions; give the ids of those that were there."""
        return self._drawings.delete(roi_ids)

    def kept(self) -> Kept:
        """Give the annotations, files and names that users made; the same until the next change."""
        return self._kept.current

    def keep(self, user_id: int, given: Sequence[GivenObject | Rename]) -> list[int]:
        """Save what a user made, all or none; give its ids. Raises StaleVersion and NoRoom."""
        ids = self._kept.save(user_id, given)
        renamed = [one.id for one in given if isinstance(one, Rename) and one.kind == "Image"]
        if renamed:
            self._definitions.note(user_id, "Image", renamed)
        return ids

    def delete_kept(self, ids: Sequence[int]) -> list[KeptObject]:
        """Delete what users made, with what goes with it; give all that is gone."""
        gone = self._kept.delete(ids)
        self._files_of_users.remove(kept.id for kept in gone if kept.kind == "OriginalFile")
        return gone

    def open_kept(self, file_id: int, writable: bool) -> OpenKeptFile:
        """Open the bytes of a file that a user made."""
        return self._files_of_users.open(file_id, writable)

    def open_pixels(self, pixels_id: int) -> PixelBuffer:
        """Give the pixels of an image, cheaply; it holds nothing and may be shared by threads.

        Raises UnknownId, and UnreadableFile for an image that cannot be read.
        """
        record = self._listing.image_of_pixels(pixels_id)
        if record is None:
            raise UnknownId(f"pixels {pixels_id} do not exist")
        if record.problem is not None:
            raise UnreadableFile(record.problem)
        self._upkeep.used(record)
        return self._sources.buffer(record)

    def plates(self) -> Sequence[PlateRecord]:
        """Give the plates that files tell of, by id."""
        return self._listing.plates()

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        """Give the regions of interest of an image; none of one whose file cannot be read."""
        return self._told.rois(image)

    def annotations(self, image: ImageRecord) -> tuple[AnnotationMetadata, ...]:
        """Give all annotations in the file of an image; none when it cannot be read."""
        return self._told.annotations(image)

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        """Give the bits of a mask of an image. Raises UnreadableFile."""
        return self._told.mask(image, shape)

    def _is_confined(self, fileset: IndexedFileset) -> bool:
        # What was read when links might lead anywhere is read again.
        tops = {path.partition("/")[0] for path in fileset.paths}
        return len(tops) == 1 and not (self._folder / fileset.path).is_symlink()

    def _file_record(self, file_id: int, relative: str) -> FileRecord | None:
        try:
            path = self._access.resolve(self._folder / relative)
            stat = path.stat()
            if not S_ISREG(stat.st_mode):
                return None
        except (OSError, UnreadableFile):
            return None
        return FileRecord(
            id=file_id,
            name=path.name if relative == "." else relative.rpartition("/")[2],
            relative_path=relative,
            path=str(path),
            size_bytes=stat.st_size,
            mtime_s=stat.st_mtime,
            mimetype=_MIMETYPES.get(path.suffix.lower(), "application/octet-stream"),
        )

    def _on_fileset(self, fileset: IndexedFileset) -> None:
        self._sources.forget([fileset])
        for file_id in fileset.file_ids:
            self._file_records.pop(file_id, None)
        self._listing.put(fileset)
        self._upkeep.notice()

    def _on_gone(self, paths: Sequence[str]) -> None:
        gone = [fileset for path in paths if (fileset := self._listing.fileset(path))]
        for fileset in gone:
            for file_id in fileset.file_ids:
                self._file_records.pop(file_id, None)
            self._listing.remove(fileset.path)
        self._sources.forget(gone)
