"""Reads a rendering definition that is not the one in force for the viewer."""

from render.blitz.ami import call
from render.blitz.mapping import find_rendering_definition
from render.blitz.queries import RENDERING_DEFINITIONS_OF_IMAGE, with_id
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
    query = live.service("query", deadline)
    found = call(
        deadline,
        "load the image's rendering definitions",
        query.findAllByQueryAsync,
        RENDERING_DEFINITIONS_OF_IMAGE,
        with_id(info.image_id),
    )
    definition = find_rendering_definition(found, rdef_id, info.size_c)
    if definition is None:
        raise NotFound(
            f"image {info.image_id} has no rendering settings {rdef_id} that are visible to you",
            parameter="rdefId",
        )
    return definition
