"""IUpdate: saves rendering settings, the only objects that clients may change here."""

from collections.abc import Sequence
from typing import Any

import Ice

from imageserver.definitions import Change, SavedDefinition
from imageserver.faults import guarded, usage
from imageserver.services import definitions
from imageserver.services.context import ServiceContext
from imageserver.services.given_settings import given_settings
from render.blitz.slices import omero


@guarded(omero.api.IUpdate)
class Update(omero.api.IUpdate):
    """Takes RenderingDefs: one with an id is changed, one without is a new one for its pixels."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def saveObject(self, obj: Any, current: Ice.Current) -> None:  # noqa: N802
        save_objects(self._context, [obj])

    def saveAndReturnObject(self, obj: Any, current: Ice.Current) -> Any:  # noqa: N802
        [saved] = save_objects(self._context, [obj])
        return definitions.load(self._context, saved)

    def saveCollection(self, objects: list, current: Ice.Current) -> None:  # noqa: N802
        save_objects(self._context, objects)

    def saveArray(self, objects: list, current: Ice.Current) -> None:  # noqa: N802
        save_objects(self._context, objects)

    def saveAndReturnArray(self, objects: list, current: Ice.Current) -> list:  # noqa: N802
        saved = save_objects(self._context, objects)
        return [definitions.load(self._context, one) for one in saved]

    def saveAndReturnIds(self, objects: list, current: Ice.Current) -> list[int]:  # noqa: N802
        return [saved.id for saved in save_objects(self._context, objects)]


def save_objects(context: ServiceContext, objects: Sequence[Any]) -> list[SavedDefinition]:
    """Save RenderingDefs, all or none; OptimisticLockException for a version that is past."""
    return definitions.save(context, [_change(context, obj) for obj in objects])


def _change(context: ServiceContext, given: Any) -> Change:
    if not isinstance(given, omero.model.RenderingDef) or not given.loaded:
        kind = "nothing" if given is None else type(given).__name__
        raise usage(f"This image server saves loaded rendering settings only, not {kind}.")
    if given.id is None:
        return _new(context, given)
    before = definitions.find_definition(context, given.id.val)
    image = definitions.pixels_entity(context, before.pixels_id).record
    version = None if given.version is None else given.version.val
    if version is not None and version == before.version + 1:
        # Clients raise the version themselves where only bindings change, as OMERO asks for.
        version = before.version
    return Change(
        before.pixels_id,
        before.owner_id,
        given_settings(given, before.settings, image),
        definition_id=before.id,
        version=version,
    )


def _new(context: ServiceContext, given: Any) -> Change:
    if given.pixels is None or given.pixels.id is None:
        raise usage("New rendering settings need the pixels that they are for.")
    pixels_id = given.pixels.id.val
    image = definitions.pixels_entity(context, pixels_id).record
    first = definitions.first_of(context, [pixels_id])
    return Change(
        pixels_id,
        context.user_id,
        given_settings(given, first[pixels_id], image),
        fresh=True,
    )
