"""Saves, resets and copies rendering settings through OMERO's own services.

All of it changes the settings of the session's user only. Done twice, each comes to the same: so
it may be done again on a fresh session when the first was lost on the way.
"""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call, outlive
from render.blitz.pyramid_service import StoreKey
from render.blitz.queries import PLATES_OF_ACQUISITIONS, with_id, with_ids
from render.blitz.records import CopyResult
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import NotFound
from render.values import ImageInfo, RenderingDefinition

#: How long saving may go on, whether or not somebody still waits for it.
_SAVE_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 5.0


def save_definition(
    live: LiveSession, info: ImageInfo, definition: RenderingDefinition, deadline: Deadline
) -> None:
    """Save settings of an image; raise Forbidden where the user may not annotate it.

    Takes an engine of its own: a pooled one may hold settings that are no longer in force.
    """

    def save() -> None:
        limit = Deadline.after(_SAVE_TIMEOUT_S)
        key = StoreKey(info.pixels_id, info.group_id, info.pixels_version)
        renderer = live.create_renderer(key, limit)
        try:
            renderer.open(limit)
            renderer.use_settings(definition, limit)
            renderer.save(definition.default_z, definition.default_t, limit)
        finally:
            renderer.await_closed(renderer.start_closing(), Deadline.after(_CLOSE_TIMEOUT_S))

    outlive(deadline, "save rendering settings", save)


def reset_definitions(
    live: LiveSession, kind: str, ids: Sequence[int], to_owners: bool, deadline: Deadline
) -> tuple[int, ...]:
    """Reset the settings of images, or of all in containers, and give the ids of those changed.

    `kind` is OMERO's class name. They become the default ones, or those of the images' owners.
    Raises NotFound when the first one is missing or invisible: its group is where it happens.
    """
    service = live.service("settings", deadline, _group_of(live, kind, ids[0], deadline))
    reset = service.resetDefaultsByOwnerInSetAsync if to_owners else service.resetDefaultsInSetAsync
    return tuple(call(deadline, "reset rendering settings", reset, kind, list(ids)) or ())


def copy_definition(
    live: LiveSession, source: ImageInfo, kind: str, ids: Sequence[int], deadline: Deadline
) -> CopyResult:
    """Copy the settings in force of an image to images, or to all in containers, that fit."""
    if kind == "PlateAcquisition":
        kind, ids = "Plate", _plates_of(live, ids, deadline)
    service = live.service("settings", deadline, source.group_id)
    copy = service.applySettingsToSetAsync
    told = call(deadline, "copy rendering settings", copy, source.pixels_id, kind, list(ids)) or {}
    return CopyResult(tuple(told.get(True) or ()), tuple(told.get(False) or ()))


def _plates_of(live: LiveSession, ids: Sequence[int], deadline: Deadline) -> list[int]:
    """Give the plates of acquisitions: OMERO copies to whole plates only."""
    rows = _rows(live, PLATES_OF_ACQUISITIONS, with_ids(ids), deadline)
    return [row[0].val for row in rows]


def _group_of(live: LiveSession, kind: str, object_id: int, deadline: Deadline) -> int:
    hql = f"select o.details.group.id from {kind} as o where o.id = :id"
    rows = _rows(live, hql, with_id(object_id), deadline)
    if not rows:
        raise NotFound(f"there is no {kind.lower()} {object_id} that is visible to you")
    return rows[0][0].val


def _rows(live: LiveSession, hql: str, parameters: Any, deadline: Deadline) -> list[list[Any]]:
    query = live.service("query", deadline)
    return call(deadline, "find what to change", query.projectionAsync, hql, parameters)
