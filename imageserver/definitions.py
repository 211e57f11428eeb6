"""Saved rendering settings: what each user keeps for a pixels set, with ids and versions.

They lie in tables of their own in the index's file: should that be lost, pixels get other ids, and
settings must not come to belong to other pixels. Each save is one transaction, and is on disk
before it is answered.
"""

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from imageserver.saves import open_saves
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

#: How many of the latest saves are told to those who ask what changed.
LOG_LENGTH = 1000

INSERT, UPDATE = "INSERT", "UPDATE"

_SCHEMA = """
create table if not exists definitions (
    id integer primary key autoincrement, pixels_id integer not null, owner_id integer not null,
    version integer not null, settings text not null, created integer not null,
    created_s real not null, updated integer not null, updated_s real not null);
create index if not exists definitions_of_pixels on definitions (pixels_id, owner_id);
create table if not exists bindings (
    id integer primary key autoincrement, definition_id integer not null, position integer not null,
    unique (definition_id, position));
create table if not exists saves (
    id integer primary key autoincrement, time_s real not null, user_id integer not null,
    definition_id integer not null, action text not null,
    kind text not null default 'RenderingDef');
"""


class StaleVersion(Exception):
    """Settings to be changed are no longer those that the caller had seen."""


@dataclass(frozen=True, slots=True)
class SaveEvent:
    """One save; ids rise with time. `time_s` is in seconds since the epoch."""

    id: int
    time_s: float
    user_id: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a save did, INSERT or UPDATE, to which definition, or to which object of a class."""

    event: SaveEvent
    object_id: int
    action: str
    kind: str = "RenderingDef"


@dataclass(frozen=True, slots=True)
class SavedDefinition:
    """Settings that a user keeps for a pixels set; `binding_ids` has one id per channel."""

    id: int
    pixels_id: int
    owner_id: int
    version: int
    settings: RenderingDefinition
    binding_ids: tuple[int, ...]
    created: SaveEvent
    updated: SaveEvent


@dataclass(frozen=True)
class Definitions:
    """All saved settings at one moment, by pixels id, and the latest saves in their order."""

    by_pixels: Mapping[int, tuple[SavedDefinition, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    log: tuple[LogEntry, ...] = ()

    def newest(self, pixels_id: int, owner_id: int) -> SavedDefinition | None:
        """Give the settings that a user saved last for a pixels set."""
        own = [d for d in self.by_pixels.get(pixels_id, ()) if d.owner_id == owner_id]
        return max(own, key=lambda definition: definition.updated.id, default=None)


@dataclass(frozen=True)
class Change:
    """Settings to save: as the definition with an id, else as the owner's newest, else new ones.

    `fresh` makes new ones in any case. `version` is the one that the caller had seen.
    """

    pixels_id: int
    owner_id: int
    settings: RenderingDefinition
    definition_id: int | None = None
    version: int | None = None
    fresh: bool = False


class DefinitionStore:
    """Saved settings on disk and in memory. Thread-safe; `current` never waits."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_saves(database, _SCHEMA)
        columns = [row[1] for row in self._connection.execute("pragma table_info(saves)")]
        if "kind" not in columns:
            # Made by a version that kept nothing but settings.
            self._connection.execute(
                "alter table saves add column kind text not null default 'RenderingDef'"
            )
        self.current = self._load()

    def close(self) -> None:
        """Close the database."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._connection.close()

    def save(self, user_id: int, changes: Sequence[Change]) -> list[SavedDefinition]:
        """Save all of these at once, or none: StaleVersion when one was changed meanwhile."""
        with self._lock:
            now_s = time.time()
            by_pixels, log = dict(self.current.by_pixels), deque(self.current.log, LOG_LENGTH)
            saved = []
            with self._connection:
                for change in changes:
                    before = _before(Definitions(by_pixels), change)
                    entry, definition = self._save(user_id, change, before, now_s)
                    saved.append(definition)
                    log.append(entry)
                    others = by_pixels.get(definition.pixels_id, ())
                    others = tuple(other for other in others if other.id != definition.id)
                    by_pixels[definition.pixels_id] = (*others, definition)
                self._forget_old_saves()
            self.current = Definitions(MappingProxyType(by_pixels), tuple(log))
            return saved

    def note(self, user_id: int, kind: str, ids: Iterable[int]) -> None:
        """Have those who ask what changed told that objects of another class did."""
        with self._lock:
            now_s, log = time.time(), deque(self.current.log, LOG_LENGTH)
            with self._connection:
                for identifier in ids:
                    event_id = self._log(user_id, now_s, identifier, UPDATE, kind)
                    event = SaveEvent(event_id, now_s, user_id)
                    log.append(LogEntry(event, identifier, UPDATE, kind))
                self._forget_old_saves()
            self.current = replace(self.current, log=tuple(log))

    def _log(
        self, user_id: int, now_s: float, identifier: int, action: str, kind: str = "RenderingDef"
    ) -> int:
        event_id = self._connection.execute(
            "insert into saves (time_s, user_id, definition_id, action, kind)"
            " values (?, ?, ?, ?, ?)",
            (now_s, user_id, identifier, action, kind),
        ).lastrowid
        assert event_id is not None
        return event_id

    def _forget_old_saves(self) -> None:
        self._connection.execute(
            "delete from saves where id <= (select max(id) from saves) - ?", (LOG_LENGTH,)
        )

    def _save(
        self, user_id: int, change: Change, before: SavedDefinition | None, now_s: float
    ) -> tuple[LogEntry, SavedDefinition]:
        action = INSERT if before is None else UPDATE
        execute = self._connection.execute
        if before is None:
            definition_id = execute(
                "insert into definitions (pixels_id, owner_id, version, settings, created,"
                " created_s, updated, updated_s) values (?, ?, -1, '', 0, 0, 0, 0)",
                (change.pixels_id, change.owner_id),
            ).lastrowid
            assert definition_id is not None
        else:
            definition_id = before.id
        event = SaveEvent(self._log(user_id, now_s, definition_id, action), now_s, user_id)
        definition = SavedDefinition(
            id=definition_id,
            pixels_id=change.pixels_id,
            owner_id=change.owner_id,
            version=0 if before is None else before.version + 1,
            settings=replace(change.settings, rdef_id=None, version=None, owner_id=None),
            binding_ids=self._binding_ids(definition_id, len(change.settings.bindings)),
            created=event if before is None else before.created,
            updated=event,
        )
        created = definition.created
        execute(
            "update definitions set version = ?, settings = ?, created = ?, created_s = ?,"
            " updated = ?, updated_s = ? where id = ?",
            (
                definition.version,
                json.dumps(asdict(definition.settings), default=lambda model: model.value),
                created.id,
                created.time_s,
                event.id,
                event.time_s,
                definition_id,
            ),
        )
        return LogEntry(event, definition_id, action), definition

    def _binding_ids(self, definition_id: int, count: int) -> tuple[int, ...]:
        self._connection.executemany(
            "insert or ignore into bindings (definition_id, position) values (?, ?)",
            [(definition_id, position) for position in range(count)],
        )
        rows = self._connection.execute(
            "select id from bindings where definition_id = ? and position < ? order by position",
            (definition_id, count),
        )
        return tuple(row[0] for row in rows)

    def _load(self) -> Definitions:
        bindings: dict[int, list[int]] = {}
        for definition_id, binding_id in self._connection.execute(
            "select definition_id, id from bindings order by definition_id, position"
        ):
            bindings.setdefault(definition_id, []).append(binding_id)
        found: dict[int, tuple[SavedDefinition, ...]] = {}
        for row in self._connection.execute(
            "select id, pixels_id, owner_id, version, settings, created, created_s, updated,"
            " updated_s from definitions order by updated"
        ):
            settings = _settings_from(row[4])
            definition = SavedDefinition(
                id=row[0],
                pixels_id=row[1],
                owner_id=row[2],
                version=row[3],
                settings=settings,
                binding_ids=tuple(bindings[row[0]][: len(settings.bindings)]),
                created=SaveEvent(row[5], row[6], row[2]),
                updated=SaveEvent(row[7], row[8], row[2]),
            )
            found[row[1]] = (*found.get(row[1], ()), definition)
        rows = self._connection.execute(
            "select id, time_s, user_id, definition_id, action, kind from saves order by id"
        )
        log = (LogEntry(SaveEvent(*row[:3]), *row[3:]) for row in rows)
        return Definitions(MappingProxyType(found), tuple(log))


def _before(known: Definitions, change: Change) -> SavedDefinition | None:
    if change.definition_id is None:
        return None if change.fresh else known.newest(change.pixels_id, change.owner_id)
    of_pixels = known.by_pixels.get(change.pixels_id, ())
    before = next((d for d in of_pixels if d.id == change.definition_id), None)
    if before is None or change.version not in (None, before.version):
        raise StaleVersion
    return before


def _settings_from(text: str) -> RenderingDefinition:
    told = json.loads(text)
    return RenderingDefinition(
        **{
            **told,
            "model": Model(told["model"]),
            "bindings": tuple(_bindings_from(told["bindings"])),
        }
    )


def _bindings_from(told: Iterable[dict]) -> Iterable[ChannelBinding]:
    for one in told:
        window, color = Window(**one["window"]), Color(**one["color"])
        yield ChannelBinding(**{**one, "window": window, "color": color})
