"""Reads rendering definitions beside the one in force for the viewer."""

from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import (
    definition_age,
    find_rendering_definition,
    rendering_definition_of,
    text_of,
)
from render.blitz.queries import RENDERING_DEFINITIONS_OF_IMAGE, distinct, with_id
from render.blitz.records import DefinitionRecord
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import NotFound
from render.values import ImageInfo, RenderingDefinition


def load_rendering_definition(
    live: LiveSession, info: ImageInfo, rdef_id: int, deadline: Deadline
) -> RenderingDefinition:
    """Load one of an image's definitions by id; raise NotFound when it has no such one.

    Nor has it one for other channels than it has now: of an image whose channels were changed.
    """
    found = _load_all(live, info.image_id, deadline)
    definition = find_rendering_definition(found, rdef_id, info.size_c)
    if definition is None:
        raise NotFound(
            f"image {info.image_id} has no rendering settings {rdef_id} that are visible to you",
            parameter="rdefId",
        )
    return definition


def list_rendering_definitions(
    live: LiveSession, info: ImageInfo, deadline: Deadline
) -> tuple[DefinitionRecord, ...]:
    """List the definitions of an image that are for its channels, of all users, newest first."""
    found = sorted(_load_all(live, info.image_id, deadline), key=definition_age, reverse=True)
    return tuple(
        DefinitionRecord(
            definition=rendering_definition_of(rdef),
            owner_id=rdef.details.owner.id.val,
            owner_first_name=text_of(rdef.details.owner.firstName),
            owner_last_name=text_of(rdef.details.owner.lastName),
        )
        for rdef in found
        if len(rdef.waveRenderingSeq) == info.size_c and None not in rdef.waveRenderingSeq
    )


def _load_all(live: LiveSession, image_id: int, deadline: Deadline) -> list[Any]:
    query = live.service("query", deadline)
    found = call(
        deadline,
        "load the image's rendering definitions",
        query.findAllByQueryAsync,
        RENDERING_DEFINITIONS_OF_IMAGE,
        with_id(image_id),
    )
    return distinct(found)
