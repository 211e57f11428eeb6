"""The memory of the image server: which ids things have, and what reading them told.

One SQLite file in the cache folder, for all folders that were ever served with that cache. A
thing keeps its id by its path below the folder (and its number within the file), also while it
is away; no id is ever given twice. Each change is one transaction, so a crash loses at most the
change that was under way. Losing the file loses time, and ids.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from imageserver.plate_json import plate_from_json, plate_to_json
from imageserver.readers.base import SeriesMetadata
from imageserver.readers.objects import PlateMetadata
from imageserver.series_json import series_from_json, series_to_json

log = logging.getLogger(__name__)

#: Raised when readers learn to tell more, so that files known already are read again.
READING = 5

#: What is told of a file that is unreadable, or a part of another.
_NOTHING = series_to_json(())

#: Image id, pixels id, and a row for each channel.
_Row = tuple[int, int, list[tuple]]

#: Versions count seconds from here, so that those of a lost index never come again.
_EPOCH_S = 1_577_836_800

_SCHEMA = """
create table if not exists roots (
    id integer primary key autoincrement, path text not null unique);
create table if not exists datasets (
    id integer primary key autoincrement, root_id integer not null, path text not null,
    unique (root_id, path));
create table if not exists files (
    id integer primary key autoincrement, root_id integer not null, path text not null,
    unique (root_id, path));
create table if not exists filesets (
    id integer primary key autoincrement, root_id integer not null, path text not null,
    dataset_id integer not null, signature text not null, reading integer not null,
    present integer not null, part_of text, problem text, paths text not null,
    series text not null, version integer not null, imported_at_s real not null,
    unique (root_id, path));
create table if not exists images (
    id integer primary key autoincrement, fileset_id integer not null, series integer not null,
    unique (fileset_id, series));
create table if not exists pixels (
    id integer primary key autoincrement, image_id integer not null unique);
create table if not exists channels (
    id integer primary key autoincrement, image_id integer not null, position integer not null,
    stats_version integer, minimum real, maximum real,
    unique (image_id, position));
create table if not exists plates (
    id integer primary key autoincrement, fileset_id integer not null, position integer not null,
    metadata text, unique (fileset_id, position));
"""


@dataclass(frozen=True)
class IndexedImage:
    """One image's ids, and its channels' (minimum, maximum) as far as they are known."""

    image_id: int
    pixels_id: int
    channel_ids: tuple[int, ...]
    stats: tuple[tuple[float, float] | None, ...]


@dataclass(frozen=True)
class IndexedPlate:
    """One plate's id, and what its file tells of it."""

    plate_id: int
    metadata: PlateMetadata


@dataclass(frozen=True)
class IndexedFileset:
    """What is remembered of a file (or folder, or set of files) below the root.

    `path` and `paths` are relative. `signature` changes when a file does. A member of a set of
    files other than its first has `part_of`, the first one's path, and no images; an unreadable
    one has `problem`, no series and one image.
    """

    id: int
    path: str
    dataset_id: int
    signature: str
    part_of: str | None
    problem: str | None
    paths: tuple[str, ...]
    file_ids: tuple[int, ...]
    series: tuple[SeriesMetadata, ...]
    images: tuple[IndexedImage, ...]
    version: int
    imported_at_s: float
    plates: tuple[IndexedPlate, ...] = ()


class Index:
    """The index of one served folder; its methods may be called from any thread."""

    def __init__(self, database: Path, root: Path) -> None:
        """Open or make the database; one that is damaged is set aside with a warning."""
        self._lock = threading.RLock()
        database.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open(database)
        except sqlite3.DatabaseError as error:
            aside = database.with_name(f"{database.name}.damaged-{int(time.time())}")
            log.warning("the index %s is damaged (%s); starting anew", database.name, error)
            database.replace(aside)
            for suffix in ("-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
            self._open(database)
        with self._lock, self._connection:
            self.root_id = self._id("roots", path=str(root))

    def _open(self, database: Path) -> None:
        connection = sqlite3.connect(database, timeout=30, check_same_thread=False)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.executescript(_SCHEMA)
            (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        """Close the database."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._connection.close()

    def load(self) -> list[IndexedFileset]:
        """Give the file sets that were there when last looked, read by readers like today's."""
        with self._lock:
            rows = self._connection.execute(
                "select id, path, dataset_id, signature, part_of, problem, paths, series, version,"
                " imported_at_s from filesets where root_id = ? and present = 1 and reading = ?",
                (self.root_id, READING),
            ).fetchall()
            files = dict(
                self._connection.execute(
                    "select path, id from files where root_id = ?", (self.root_id,)
                )
            )
            images = self._load_images()
            plates = self._load_plates()
        found = []
        for row in rows:
            paths, series = tuple(json.loads(row[6])), series_from_json(row[7])
            found.append(
                IndexedFileset(
                    id=row[0],
                    path=row[1],
                    dataset_id=row[2],
                    signature=row[3],
                    part_of=row[4],
                    problem=row[5],
                    paths=paths,
                    file_ids=tuple(files[path] for path in paths),
                    series=series,
                    images=_images_of(images.get(row[0], {}), series, row[8])
                    if row[4] is None
                    else (),
                    version=row[8],
                    imported_at_s=row[9],
                    plates=tuple(plates.get(row[0], ())),
                )
            )
        return found

    def store(
        self,
        path: str,
        dataset: str,
        signature: str,
        paths: Sequence[str],
        *,
        series: Sequence[SeriesMetadata] = (),
        plates: Sequence[PlateMetadata] = (),
        problem: str | None = None,
        part_of: str | None = None,
    ) -> IndexedFileset:
        """Remember what reading `path` told; give it with its ids, new ones where needed.

        Its version rises if the signature is another than before; statistics are then forgotten.
        """
        now, told = time.time(), series_to_json(series)
        with self._lock, self._connection:
            dataset_id = self._id("datasets", root_id=self.root_id, path=dataset)
            file_ids = tuple(self._id("files", root_id=self.root_id, path=p) for p in paths)
            known = self._connection.execute(
                "select signature, version, imported_at_s, reading, series from filesets"
                " where root_id = ? and path = ?",
                (self.root_id, path),
            ).fetchone()
            version, imported_at_s = int(now) - _EPOCH_S, now
            if known is not None:
                imported_at_s = known[2]
                # What is too large to be looked through tells of a change by what is read of it.
                tells_other = (
                    known[3] == READING and told != _NOTHING and known[4] not in (told, _NOTHING)
                )
                is_same = known[0] == signature and not tells_other
                version = known[1] if is_same else max(version, known[1] + 1)
            self._connection.execute(
                "insert into filesets (root_id, path, dataset_id, signature, reading, present,"
                " part_of, problem, paths, series, version, imported_at_s)"
                " values (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)"
                " on conflict (root_id, path) do update set dataset_id = excluded.dataset_id,"
                " signature = excluded.signature, reading = excluded.reading, present = 1,"
                " part_of = excluded.part_of, problem = excluded.problem, paths = excluded.paths,"
                " series = excluded.series, version = excluded.version",
                (
                    self.root_id,
                    path,
                    dataset_id,
                    signature,
                    READING,
                    part_of,
                    problem,
                    json.dumps(list(paths)),
                    told,
                    version,
                    imported_at_s,
                ),
            )
            fileset_id = self._id("filesets", root_id=self.root_id, path=path)
            count = 0 if part_of is not None else max(len(series), 1)
            indexed_plates = self._store_plates(fileset_id, plates)
            sizes_c = [one.size_c for one in series] or [0]
            images = self._store_images(fileset_id, sizes_c[:count], version)
        return IndexedFileset(
            id=fileset_id,
            path=path,
            dataset_id=dataset_id,
            signature=signature,
            part_of=part_of,
            problem=problem,
            paths=tuple(paths),
            file_ids=file_ids,
            series=tuple(series),
            images=tuple(images),
            version=version,
            imported_at_s=imported_at_s,
            plates=indexed_plates,
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Mark file sets as away; their ids are kept for when they come back."""
        with self._lock, self._connection:
            self._connection.executemany(
                "update filesets set present = 0 where root_id = ? and path = ?",
                [(self.root_id, path) for path in paths],
            )

    def store_stats(
        self, image: IndexedImage, version: int, stats: Sequence[tuple[float, float] | None]
    ) -> IndexedImage:
        """Remember channels' (minimum, maximum) as those of a version of the pixels."""
        with self._lock, self._connection:
            self._connection.executemany(
                "update channels set stats_version = ?, minimum = ?, maximum = ? where id = ?",
                [
                    (version, *(pair or (None, None)), channel_id)
                    for channel_id, pair in zip(image.channel_ids, stats, strict=True)
                ],
            )
        return replace(image, stats=tuple(stats))

    def file_id(self, path: str) -> int:
        """Give the id of an original file (or lookup table) by its name in the index."""
        with self._lock, self._connection:
            return self._id("files", root_id=self.root_id, path=path)

    def folder_id(self, path: Path) -> int:
        """Give the id of a folder with an owner of its own: as if it were served by itself."""
        with self._lock, self._connection:
            return self._id("roots", path=str(path))

    def dataset_names(self) -> dict[int, str]:
        """Give the names of all datasets by id, those without images included."""
        with self._lock:
            return dict(
                self._connection.execute(
                    "select id, path from datasets where root_id = ?", (self.root_id,)
                )
            )

    def _id(self, table: str, **key: object) -> int:
        names = list(key)
        values = tuple(key.values())
        where = " and ".join(f"{name} = ?" for name in names)
        row = self._connection.execute(f"select id from {table} where {where}", values).fetchone()
        if row is None:
            # Another server on the same cache folder may have been faster: then its id counts.
            marks = ", ".join("?" * len(names))
            row = self._connection.execute(
                f"insert into {table} ({', '.join(names)}) values ({marks})"
                f" on conflict do update set {names[0]} = excluded.{names[0]} returning id",
                values,
            ).fetchone()
        return int(row[0])

    def _store_images(
        self, fileset_id: int, sizes_c: Sequence[int], version: int
    ) -> list[IndexedImage]:
        """Give images their ids, by number of channels of each; thousands as fast as one."""
        many, execute = self._connection.executemany, self._connection.execute
        # Another server on the same cache folder may have been faster: then its ids count.
        many(
            "insert into images (fileset_id, series) values (?, ?) on conflict do nothing",
            ((fileset_id, number) for number in range(len(sizes_c))),
        )
        found = execute(
            "select id from images where fileset_id = ? and series < ? order by series",
            (fileset_id, len(sizes_c)),
        )
        image_ids = [image_id for (image_id,) in found]
        many(
            "insert into pixels (image_id) values (?) on conflict do nothing",
            ((image_id,) for image_id in image_ids),
        )
        many(
            "insert into channels (image_id, position) values (?, ?) on conflict do nothing",
            ((i, c) for i, size_c in zip(image_ids, sizes_c, strict=True) for c in range(size_c)),
        )
        known = self._load_images(fileset_id).get(fileset_id, {})
        return [_image_of(known[number], size_c, version) for number, size_c in enumerate(sizes_c)]

    def _store_plates(
        self, fileset_id: int, plates: Sequence[PlateMetadata]
    ) -> tuple[IndexedPlate, ...]:
        # A plate that is no longer told of keeps its row, and with it its id.
        self._connection.execute(
            "update plates set metadata = null where fileset_id = ?", (fileset_id,)
        )
        found = []
        for position, plate in enumerate(plates):
            plate_id = self._id("plates", fileset_id=fileset_id, position=position)
            self._connection.execute(
                "update plates set metadata = ? where id = ?", (plate_to_json(plate), plate_id)
            )
            found.append(IndexedPlate(plate_id, plate))
        return tuple(found)

    def _load_plates(self) -> dict[int, list[IndexedPlate]]:
        found: dict[int, list[IndexedPlate]] = {}
        for fileset_id, plate_id, text in self._connection.execute(
            "select p.fileset_id, p.id, p.metadata from plates p"
            " join filesets f on f.id = p.fileset_id"
            " where f.root_id = ? and p.metadata is not null order by p.fileset_id, p.position",
            (self.root_id,),
        ):
            plate = IndexedPlate(plate_id, plate_from_json(text))
            found.setdefault(fileset_id, []).append(plate)
        return found

    def _load_images(self, fileset_id: int | None = None) -> dict[int, dict[int, _Row]]:
        """Give ids by file set and number, of one file set or of all."""
        found: dict[int, dict[int, _Row]] = {}
        by_image: dict[int, list[tuple]] = {}
        if fileset_id is None:
            where, value = "f.root_id = ?", self.root_id
        else:
            where, value = "f.id = ?", fileset_id
        for owner_id, number, image_id, pixels_id in self._connection.execute(
            "select i.fileset_id, i.series, i.id, p.id from images i"
            f" join pixels p on p.image_id = i.id join filesets f on f.id = i.fileset_id"
            f" where {where}",
            (value,),
        ):
            channels = by_image[image_id] = []
            found.setdefault(owner_id, {})[number] = (image_id, pixels_id, channels)
        for image_id, *row in self._connection.execute(
            "select c.image_id, c.id, c.stats_version, c.minimum, c.maximum from channels c"
            " join images i on i.id = c.image_id join filesets f on f.id = i.fileset_id"
            f" where {where} order by c.image_id, c.position",
            (value,),
        ):
            if image_id in by_image:
                by_image[image_id].append(tuple(row))
        return found


def _images_of(
    known: dict[int, _Row], series: Sequence[SeriesMetadata], version: int
) -> tuple[IndexedImage, ...]:
    sizes_c = [one.size_c for one in series] or [0]
    return tuple(_image_of(known[i], size_c, version) for i, size_c in enumerate(sizes_c))


def _image_of(row: _Row, size_c: int, version: int) -> IndexedImage:
    image_id, pixels_id, channels = row
    return IndexedImage(
        image_id,
        pixels_id,
        tuple(channel[0] for channel in channels[:size_c]),
        tuple(_stats(channel, version) for channel in channels[:size_c]),
    )


def _stats(row: Sequence, version: int) -> tuple[float, float] | None:
    _, stats_version, minimum, maximum = row
    return (minimum, maximum) if stats_version == version and minimum is not None else None
