"""Keeps regions of interest that users drew.

They lie in tables of their own in the index's file, as saved settings do: should the index be
lost, images get other ids, and regions must not come to belong to other images. Each save is one
transaction, and is on disk before it is answered.
"""

import base64
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from imageserver.definitions import SaveEvent, StaleVersion
from imageserver.drawings import (
    FIRST_ID,
    Drawings,
    DrawnRoi,
    DrawnShape,
    GivenRoi,
    GivenShape,
)
from imageserver.readers.objects import ShapeMetadata
from imageserver.saves import open_saves

#: As many as clients read of an image, and what fits well into memory.
MOST_PER_IMAGE, MOST_SHAPES = 50_000, 500_000

_SCHEMA = """
create table if not exists drawn_rois (
    id integer primary key autoincrement, image_id integer not null, owner_id integer not null,
    version integer not null, name text, description text, created_s real not null,
    updated_s real not null, updated_by integer not null);
create table if not exists drawn_shapes (
    id integer primary key autoincrement, roi_id integer not null,
    version integer not null, shape text not null);
create index if not exists drawn_shapes_of_rois on drawn_shapes (roi_id);
"""


class TooManyShapes(Exception):
    """An image, or the whole server, would hold more shapes than it may."""


class DrawingStore:
    """Drawn regions on disk and in memory. Thread-safe; `current` never waits."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_saves(database, _SCHEMA)
        draft = _Draft(Drawings())
        for roi in self._load():
            draft.put(roi)
        self.current = draft.finished()

    def close(self) -> None:
        """Close the database."""
        with self._lock, suppress(sqlite3.ProgrammingError):
            self._connection.close()

    def save(self, user_id: int, given: Sequence[GivenRoi]) -> list[DrawnRoi]:
        """Save all of these at once, or none.

        New regions belong to `user_id`. Raises StaleVersion when something was changed or deleted
        meanwhile, TooManyShapes above MOST_PER_IMAGE and MOST_SHAPES.
        """
        with self._lock:
            event = SaveEvent(0, time.time(), user_id)
            draft = _Draft(self.current)
            saved = []
            with self._connection:
                for one in given:
                    roi = self._save(draft, one, event)
                    draft.put(roi)
                    saved.append(roi)
                draft.check_room({roi.image_id for roi in saved})
            self.current = draft.finished()
            return saved

    def delete(self, roi_ids: Iterable[int]) -> list[int]:
        """Delete regions with all their shapes; give the ids of those that were there."""
        with self._lock:
            draft, deleted = _Draft(self.current), []
            with self._connection:
                for roi_id in dict.fromkeys(roi_ids):
                    if draft.drop(roi_id) is None:
                        continue
                    deleted.append(roi_id)
                    row = (roi_id - FIRST_ID,)
                    self._connection.execute("delete from drawn_shapes where roi_id = ?", row)
                    self._connection.execute("delete from drawn_rois where id = ?", row)
            self.current = draft.finished()
            return deleted

    def _save(self, draft: "_Draft", given: GivenRoi, event: SaveEvent) -> DrawnRoi:
        roi = self._new(given, event) if given.id is None else draft.roi(given.id)
        if roi is None or given.version not in (None, roi.version):
            raise StaleVersion
        shapes = roi.shapes
        if given.shapes is not None:
            shapes = self._save_shapes(roi, given)
        if given.id is not None:
            roi = replace(roi, version=roi.version + 1, updated=event)
            if not given.only_shapes:
                roi = replace(roi, name=given.name, description=given.description)
            self._connection.execute(
                "update drawn_rois set version = ?, name = ?, description = ?, updated_s = ?,"
                " updated_by = ? where id = ?",
                (
                    roi.version,
                    roi.name,
                    roi.description,
                    event.time_s,
                    event.user_id,
                    roi.id - FIRST_ID,
                ),
            )
        return replace(roi, shapes=shapes)

    def _new(self, given: GivenRoi, event: SaveEvent) -> DrawnRoi:
        row_id = self._connection.execute(
            "insert into drawn_rois (image_id, owner_id, version, name, description, created_s,"
            " updated_s, updated_by) values (?, ?, 0, ?, ?, ?, ?, ?)",
            (
                given.image_id,
                event.user_id,
                given.name,
                given.description,
                event.time_s,
                event.time_s,
                event.user_id,
            ),
        ).lastrowid
        assert row_id is not None
        return DrawnRoi(
            id=FIRST_ID + row_id,
            image_id=given.image_id,
            owner_id=event.user_id,
            version=0,
            name=given.name,
            description=given.description,
            shapes=(),
            created=event,
            updated=event,
        )

    def _save_shapes(self, roi: DrawnRoi, given: GivenRoi) -> tuple[DrawnShape, ...]:
        known = {shape.id: shape for shape in roi.shapes}
        saved: dict[int, DrawnShape] = {}
        for one in given.shapes or ():
            before = None
            if one.id is not None:
                before = known.get(one.id)
                if before is None or one.version not in (None, before.version):
                    raise StaleVersion
            shape = self._save_shape(roi, one, before)
            saved[shape.id] = shape
        if given.only_shapes:
            return tuple(saved.get(shape.id, shape) for shape in roi.shapes)
        self._connection.executemany(
            "delete from drawn_shapes where id = ?",
            [(shape_id - FIRST_ID,) for shape_id in known.keys() - saved.keys()],
        )
        return tuple(sorted(saved.values(), key=lambda shape: shape.id))

    def _save_shape(
        self, roi: DrawnRoi, given: GivenShape, before: DrawnShape | None
    ) -> DrawnShape:
        execute = self._connection.execute
        text = _text_of(given.shape)
        if before is not None:
            if before.shape == given.shape:
                return before
            shape = DrawnShape(before.id, before.version + 1, given.shape)
            execute(
                "update drawn_shapes set version = ?, shape = ? where id = ?",
                (shape.version, text, shape.id - FIRST_ID),
            )
            return shape
        row_id = execute(
            "insert into drawn_shapes (roi_id, version, shape) values (?, 0, ?)",
            (roi.id - FIRST_ID, text),
        ).lastrowid
        assert row_id is not None
        return DrawnShape(FIRST_ID + row_id, 0, given.shape)

    def _load(self) -> Iterable[DrawnRoi]:
        shapes: dict[int, list[DrawnShape]] = {}
        for row_id, roi_id, version, text in self._connection.execute(
            "select id, roi_id, version, shape from drawn_shapes order by id"
        ):
            shape = DrawnShape(FIRST_ID + row_id, version, _shape_of(text))
            shapes.setdefault(roi_id, []).append(shape)
        for row in self._connection.execute(
            "select id, image_id, owner_id, version, name, description, created_s, updated_s,"
            " updated_by from drawn_rois order by id"
        ):
            yield DrawnRoi(
                id=FIRST_ID + row[0],
                image_id=row[1],
                owner_id=row[2],
                version=row[3],
                name=row[4],
                description=row[5],
                shapes=tuple(shapes.get(row[0], ())),
                created=SaveEvent(0, row[6], row[2]),
                updated=SaveEvent(0, row[7], row[8]),
            )


class _Draft:
    """The next state, made from the present one; what does not change is shared."""

    def __init__(self, before: Drawings) -> None:
        self._by_image = dict(before.by_image)
        self._image_of_roi = dict(before.image_of_roi)
        self._roi_of_shape = dict(before.roi_of_shape)
        self._own: dict[int, dict[int, DrawnRoi]] = {}

    def roi(self, roi_id: int) -> DrawnRoi | None:
        image_id = self._image_of_roi.get(roi_id)
        return None if image_id is None else self._of_image(image_id).get(roi_id)

    def put(self, roi: DrawnRoi) -> None:
        of_image = self._of_image(roi.image_id)
        before = of_image.get(roi.id)
        for shape in before.shapes if before is not None else ():
            del self._roi_of_shape[shape.id]
        of_image[roi.id] = roi
        self._image_of_roi[roi.id] = roi.image_id
        self._roi_of_shape.update((shape.id, roi.id) for shape in roi.shapes)

    def drop(self, roi_id: int) -> DrawnRoi | None:
        """Take a region out, and give it; None when there is none."""
        roi = self.roi(roi_id)
        if roi is not None:
            del self._of_image(roi.image_id)[roi_id]
            del self._image_of_roi[roi_id]
            for shape in roi.shapes:
                del self._roi_of_shape[shape.id]
        return roi

    def check_room(self, image_ids: Iterable[int]) -> None:
        for image_id in image_ids:
            count = sum(len(roi.shapes) for roi in self._of_image(image_id).values())
            if count > MOST_PER_IMAGE:
                raise TooManyShapes(f"an image holds {MOST_PER_IMAGE} drawn shapes at most")
        if len(self._roi_of_shape) > MOST_SHAPES:
            raise TooManyShapes(f"this image server keeps {MOST_SHAPES} drawn shapes at most")

    def finished(self) -> Drawings:
        own = {image_id: MappingProxyType(rois) for image_id, rois in self._own.items()}
        by_image = {image_id: rois for image_id, rois in (self._by_image | own).items() if rois}
        return Drawings(
            MappingProxyType(by_image),
            MappingProxyType(self._image_of_roi),
            MappingProxyType(self._roi_of_shape),
        )

    def _of_image(self, image_id: int) -> dict[int, DrawnRoi]:
        own = self._own.get(image_id)
        if own is None:
            own = self._own[image_id] = dict(self._by_image.get(image_id, {}))
        return own


def _text_of(shape: ShapeMetadata) -> str:
    values = dict(shape.values)
    bits = values.pop("bytes", b"")
    told = {"kind": shape.kind, "values": values, "bytes": base64.b64encode(bits).decode()}
    return json.dumps(told)


def _shape_of(text: str) -> ShapeMetadata:
    told = json.loads(text)
    # Lengths and matrices are tuples, which JSON writes as lists.
    values = {n: tuple(v) if isinstance(v, list) else v for n, v in told["values"].items()}
    bits = base64.b64decode(told["bytes"])
    return ShapeMetadata(told["kind"], values | ({"bytes": bits} if bits else {}))
