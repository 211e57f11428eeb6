"""Keeps what clients make: annotations, links, files' records, and names of images and channels.

They lie in tables of their own in the index's file, as saved settings do: should the index be
lost, images get other ids, and annotations must not come to belong to other images. Each save is
one transaction, and is on disk before it is answered.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from imageserver.definitions import SaveEvent, StaleVersion
from imageserver.drawings import FIRST_ID
from imageserver.kept import (
    REFERENCES,
    Fresh,
    GivenObject,
    GivenTexts,
    Kept,
    KeptObject,
    Rename,
)
from imageserver.kept_draft import Draft
from imageserver.saves import open_saves

#: What fits well into memory: objects, bytes of one of them, and of all together.
MOST_OBJECTS, MOST_BYTES_OF_ONE, MOST_BYTES = 200_000, 4 * 1024**2, 256 * 1024**2

_SCHEMA = """
create table if not exists kept_objects (
    id integer primary key autoincrement, kind text not null, owner_id integer not null,
    group_id integer not null, version integer not null, content text not null,
    created_s real not null, updated_s real not null, updated_by integer not null);
create table if not exists given_texts (
    kind text not null, id integer not null, version integer not null, content text not null,
    updated_s real not null, updated_by integer not null, primary key (kind, id));
"""


class NoRoom(Exception):
    """More would have to be kept than this server keeps."""


class KeptStore:
    """Kept objects on disk and in memory. Thread-safe; `current` never waits."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_saves(database, _SCHEMA)
        draft = Draft(Kept())
        for kept in self._load():
            draft.put(kept)
        for given in self._load_texts():
            draft.put_texts(given)
        self.current = draft.finished()

    def close(self) -> None:
        """Close the database."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._connection.close()

    def save(self, user_id: int, given: Sequence[GivenObject | Rename]) -> list[int]:
        """Save all of these at once, or none; give their ids.

        New objects belong to `user_id`. Raises StaleVersion when something was changed or deleted
        meanwhile, NoRoom above the limits.
        """
        with self._lock:
            event = SaveEvent(0, time.time(), user_id)
            draft, ids = Draft(self.current), list[int]()
            with self._connection:
                for one in given:
                    if isinstance(one, Rename):
                        draft.put_texts(self._rename(draft, one, event))
                        ids.append(one.id)
                    else:
                        kept = self._save(draft, one, ids, event)
                        draft.put(kept)
                        ids.append(kept.id)
                _check_room(draft)
            self.current = draft.finished()
            return ids

    def delete(self, ids: Iterable[int]) -> list[KeptObject]:
        """Delete objects with what goes with them; give all that is gone."""
        with self._lock:
            draft = Draft(self.current)
            gone = draft.with_all_that_goes(dict.fromkeys(ids))
            with self._connection:
                for kept in gone:
                    draft.drop(kept.id)
                self._connection.executemany(
                    "delete from kept_objects where id = ?",
                    [(kept.id - FIRST_ID,) for kept in gone],
                )
            self.current = draft.finished()
            return gone

    def _save(
        self, draft: Draft, given: GivenObject, ids: Sequence[int], event: SaveEvent
    ) -> KeptObject:
        values = {
            name: ids[value.place] if isinstance(value, Fresh) else value
            for name, value in given.values.items()
        }
        for value in map(values.get, REFERENCES):
            # What it refers to was there when it was checked, and may be gone by now.
            if value is not None and value >= FIRST_ID and draft.object(value) is None:
                raise StaleVersion
        content = _content(values)
        execute = self._connection.execute
        if given.id is not None:
            before = draft.object(given.id)
            if before is None or given.version not in (None, before.version):
                raise StaleVersion
            kept = replace(
                before,
                version=before.version + 1,
                values=values,
                updated=event,
                size_bytes=len(content),
            )
            execute(
                "update kept_objects set version = ?, content = ?, updated_s = ?, updated_by = ?"
                " where id = ?",
                (kept.version, content, event.time_s, event.user_id, kept.id - FIRST_ID),
            )
            return kept
        row_id = execute(
            "insert into kept_objects (kind, owner_id, group_id, version, content, created_s,"
            " updated_s, updated_by) values (?, ?, ?, 0, ?, ?, ?, ?)",
            (
                given.kind,
                event.user_id,
                given.group_id,
                content,
                event.time_s,
                event.time_s,
                event.user_id,
            ),
        ).lastrowid
        assert row_id is not None
        return KeptObject(
            kind=given.kind,
            id=FIRST_ID + row_id,
            owner_id=event.user_id,
            group_id=given.group_id,
            version=0,
            values=values,
            created=event,
            updated=event,
            size_bytes=len(content),
        )

    def _rename(self, draft: Draft, given: Rename, event: SaveEvent) -> GivenTexts:
        before = draft.texts(given.kind, given.id)
        version = 0 if before is None else before.version
        if given.version not in (None, version):
            raise StaleVersion
        values = {**(before.values if before is not None else {}), **given.values}
        content = _content(values)
        texts = GivenTexts(given.kind, given.id, version + 1, values, event, len(content))
        self._connection.execute(
            "insert into given_texts (kind, id, version, content, updated_s, updated_by)"
            " values (?, ?, ?, ?, ?, ?) on conflict do update set version = excluded.version,"
            " content = excluded.content, updated_s = excluded.updated_s,"
            " updated_by = excluded.updated_by",
            (texts.kind, texts.id, texts.version, content, event.time_s, event.user_id),
        )
        return texts

    def _load(self) -> Iterable[KeptObject]:
        for row in self._connection.execute(
            "select id, kind, owner_id, group_id, version, content, created_s, updated_s,"
            " updated_by from kept_objects order by id"
        ):
            yield KeptObject(
                kind=row[1],
                id=FIRST_ID + row[0],
                owner_id=row[2],
                group_id=row[3],
                version=row[4],
                values=json.loads(row[5]),
                created=SaveEvent(0, row[6], row[2]),
                updated=SaveEvent(0, row[7], row[8]),
                size_bytes=len(row[5]),
            )

    def _load_texts(self) -> Iterable[GivenTexts]:
        for kind, identifier, version, content, updated_s, updated_by in self._connection.execute(
            "select kind, id, version, content, updated_s, updated_by from given_texts"
        ):
            event = SaveEvent(0, updated_s, updated_by)
            yield GivenTexts(kind, identifier, version, json.loads(content), event, len(content))


def _check_room(draft: Draft) -> None:
    if draft.count > MOST_OBJECTS:
        raise NoRoom(f"this image server keeps {MOST_OBJECTS} annotations and links at most")
    if draft.size_bytes > MOST_BYTES:
        raise NoRoom(f"this image server keeps {MOST_BYTES} bytes of annotations at most")


def _content(values: dict[str, Any]) -> str:
    content = json.dumps(values)
    if len(content) > MOST_BYTES_OF_ONE:
        raise NoRoom(f"an annotation has {MOST_BYTES_OF_ONE} bytes at most")
    return content
