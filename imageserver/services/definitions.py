"""What the services do with saved rendering settings: find, check, save and load them.

Each user keeps settings of their own; an image without any starts with those of its files.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from imageserver.definition_entities import definition_entity
from imageserver.definitions import Change, SavedDefinition, SaveEvent, StaleVersion
from imageserver.entities import Entity
from imageserver.faults import fault, not_visible
from imageserver.model import Builder, Fetch
from imageserver.schema import DETAILS
from imageserver.services.context import ServiceContext
from imageserver.services.first_settings import first_settings
from imageserver.services.given_settings import check_usable
from render.blitz.slices import omero
from render.values import RenderingDefinition

#: How long a call over many images may wait for statistics, all in all.
_STATISTICS_WAIT_S = 20.0

#: The id of no user, for whom the settings of an image's owner are in force.
NOBODY = -1

_PARTS = Fetch.of(
    "details.owner",
    "details.updateEvent",
    "quantization",
    "model",
    "waveRendering.family",
    "waveRendering.spatialDomainEnhancement",
    "projections",
)


def pixels_entity(context: ServiceContext, pixels_id: int) -> Entity:
    """Give a pixels set that the caller sees; ValidationException for any other."""
    entity = context.graph.find("Pixels", pixels_id)
    if entity is None:
        raise not_visible("Pixels", pixels_id)
    return entity


def find_definition(context: ServiceContext, definition_id: int) -> SavedDefinition:
    """Give saved settings by their id; ValidationException where there are none to see."""
    entity = context.graph.find("RenderingDef", definition_id)
    if entity is None:
        raise not_visible("RenderingDef", definition_id)
    return entity.record


def of_user(context: ServiceContext, pixels_id: int, user_id: int) -> SavedDefinition | None:
    """Give a user's newest settings, else those of the image's owner, else None."""
    graph = context.graph
    pixels = pixels_entity(context, pixels_id)
    owner = graph.member(pixels, DETAILS["owner"])
    found = graph.saved_definitions(pixels_id)
    for person in (user_id, None if owner is None else owner.id):
        own = [definition for definition in found if definition.owner_id == person]
        if own:
            return max(own, key=lambda definition: definition.updated.id)
    return None


def in_force(context: ServiceContext, pixels_id: int) -> SavedDefinition | None:
    """Give the settings that the caller sees an image by, None where nobody saved any."""
    return of_user(context, pixels_id, context.user_id)


def settings_in_force(context: ServiceContext, pixels_id: int) -> RenderingDefinition:
    """Give the settings that the caller sees an image by, those of its files where none are."""
    saved = in_force(context, pixels_id)
    return first_of(context, [pixels_id])[pixels_id] if saved is None else saved.settings


def first_of(context: ServiceContext, pixels_ids: Iterable[int]) -> dict[int, RenderingDefinition]:
    """Give the settings that images start with, by pixels id; unreadable images are left out."""
    until_s = time.monotonic() + _STATISTICS_WAIT_S
    found = {}
    for pixels_id in pixels_ids:
        # Windows come from the statistics, which are worth waiting for.
        wait_s = min(10.0, max(0.0, until_s - time.monotonic()))
        image = context.catalog.image_by_pixels(pixels_id, wait_stats_s=wait_s)
        if not image.problem:
            found[pixels_id] = first_settings(image)
    return found


def save(context: ServiceContext, changes: Sequence[Change]) -> list[SavedDefinition]:
    """Save settings for the caller, who has to be allowed to annotate; all or none."""
    for change in changes:
        _check_may_save(context, change)
        image = pixels_entity(context, change.pixels_id).record
        check_usable(change.settings, image)
    try:
        return context.catalog.save_definitions(context.user_id, changes)
    except StaleVersion as error:
        raise fault(
            omero.OptimisticLockException,
            "These rendering settings were changed by somebody else.",
            backOff=0,
        ) from error


def save_own(
    context: ServiceContext, settings: dict[int, RenderingDefinition]
) -> list[SavedDefinition]:
    """Save settings by pixels id as the caller's own."""
    own = context.user_id
    return save(context, [Change(pixels_id, own, new) for pixels_id, new in settings.items()])


def may_annotate(context: ServiceContext, pixels_id: int) -> bool:
    """Tell whether the caller may save settings for a pixels set."""
    pixels = pixels_entity(context, pixels_id)
    permissions = context.graph.member(pixels, DETAILS["permissions"])
    return bool(permissions["canAnnotate"])


def load(context: ServiceContext, saved: SavedDefinition | None) -> Any:
    """Give saved settings as a model object with all that belongs to it; None stays None."""
    if saved is None:
        return None
    return Builder(context.graph).load(definition_entity(saved), _PARTS)


def load_all(context: ServiceContext, saved: Iterable[SavedDefinition]) -> list:
    """Give saved settings as model objects, the newest first."""
    builder = Builder(context.graph)
    ordered = sorted(saved, key=lambda definition: definition.updated.id, reverse=True)
    return [builder.load(definition_entity(one), _PARTS) for one in ordered]


def load_unsaved(context: ServiceContext, pixels_id: int, settings: RenderingDefinition) -> Any:
    """Give settings as a model object that was never saved; its ids are below 0."""
    now = SaveEvent(0, time.time(), context.user_id)
    ids = tuple(-1 - position for position in range(len(settings.bindings)))
    return load(
        context, SavedDefinition(-1, pixels_id, context.user_id, 0, settings, ids, now, now)
    )


def _check_may_save(context: ServiceContext, change: Change) -> None:
    if change.owner_id != context.user_id:
        raise fault(omero.SecurityViolation, "These rendering settings belong to somebody else.")
    if not may_annotate(context, change.pixels_id):
        raise fault(
            omero.ReadOnlyGroupSecurityViolation,
            "Saving rendering settings takes the permission to annotate the image.",
        )
