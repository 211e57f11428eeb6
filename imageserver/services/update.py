"""IUpdate: saves rendering settings, regions, annotations and files, and names of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import Ice

from imageserver.definitions import Change, SavedDefinition
from imageserver.faults import guarded, usage
from imageserver.kept import LINKS
from imageserver.schema import subclasses
from imageserver.services import definitions, kept, regions
from imageserver.services.context import ServiceContext
from imageserver.services.given_objects import is_kept, kind_of
from imageserver.services.given_settings import given_settings
from render.blitz.slices import omero


@dataclass(frozen=True)
class Saved:
    """What was saved: its id, and how it is loaded anew."""

    id: int
    load: Callable[[], Any]


@guarded(omero.api.IUpdate)
class Update(omero.api.IUpdate):
    """Takes what is kept here: one with an id is changed, one without is a new one."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def saveObject(self, obj: Any, current: Ice.Current) -> None:  # noqa: N802
        _save(self._context, [obj])

    def saveAndReturnObject(self, obj: Any, current: Ice.Current) -> Any:  # noqa: N802
        [saved] = _save(self._context, [obj])
        return saved.load()

    def saveCollection(self, objects: list, current: Ice.Current) -> None:  # noqa: N802
        _save(self._context, objects)

    def saveArray(self, objects: list, current: Ice.Current) -> None:  # noqa: N802
        _save(self._context, objects)

    def saveAndReturnArray(self, objects: list, current: Ice.Current) -> list:  # noqa: N802
        return [one.load() for one in _save(self._context, objects)]

    def saveAndReturnIds(self, objects: list, current: Ice.Current) -> list[int]:  # noqa: N802
        return [one.id for one in _save(self._context, objects)]

    def deleteObject(self, row: Any, current: Ice.Current) -> None:  # noqa: N802
        if row is None or row.id is None:
            raise usage("This image server deletes what has an id.")
        delete(self._context, {kind_of(row): [row.id.val]})


def _save(context: ServiceContext, objects: Sequence[Any]) -> list[Saved]:
    """Save objects of one sort, all or none."""
    if objects and all(map(regions.is_region, objects)):
        saved = regions.save(context, objects)
        return [Saved(found, partial(regions.load, context, kind, found)) for kind, found in saved]
    if objects and all(map(is_kept, objects)):
        saved = kept.save(context, objects)
        return [Saved(found, partial(kept.load, context, kind, found)) for kind, found in saved]
    return [
        Saved(one.id, partial(definitions.load, context, one))
        for one in save_objects(context, objects)
    ]


def delete(context: ServiceContext, targets: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Delete regions, annotations, links to these and files; give all that is gone, by class."""
    kinds = {"Roi", "OriginalFile", *LINKS, *subclasses("Annotation")}
    if len(targets) != 1 or not kinds.issuperset(targets):
        raise usage("This image server deletes regions, annotations, links or files.")
    [(kind, ids)] = targets.items()
    if kind == "Roi":
        return {kind: regions.delete(context, ids)}
    return kept.delete(context, kind, ids)


def save_objects(context: ServiceContext, objects: Sequence[Any]) -> list[SavedDefinition]:
    """Save RenderingDefs, all or none; OptimisticLockException for a version that is past."""
    return definitions.save(context, [_change(context, obj) for obj in objects])


def _change(context: ServiceContext, given: Any) -> Change:
    if not isinstance(given, omero.model.RenderingDef) or not given.loaded:
        kind = "nothing" if given is None else type(given).__name__
        raise usage(
            "This image server saves loaded rendering settings, regions, annotations and files, "
            f"not {kind}."
        )
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
