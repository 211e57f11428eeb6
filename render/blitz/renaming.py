"""Gives images and channels other names, through OMERO's own services."""

from collections.abc import Mapping, Sequence
from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import permissions_of, unwrap
from render.blitz.queries import distinct, with_id, with_ids
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.blitz.updates import saved
from render.deadline import Deadline
from render.errors import Forbidden, NotFound

_IMAGE = "select i from Image as i join fetch i.details.group where i.id = :id"
_CHANNELS = """
    select p from Pixels as p
      join fetch p.details.group
      join fetch p.image
      join fetch p.channels as c
      join fetch c.logicalChannel as l
      join fetch l.details.group
    where p.image.id in (:ids)
"""
_IMAGES_OF = {
    "Dataset": """
        select i.id from Image as i join i.datasetLinks as l where l.parent.id = :id order by i.id
    """,
    "Plate": """
        select distinct i.id from WellSample as ws join ws.image as i
        where ws.well.plate.id = :id
    """,
}
#: Images whose channels are loaded at a time.
_MOST_AT_ONCE = 200


def rename_image(live: LiveSession, image_id: int, name: str, deadline: Deadline) -> None:
    """Give an image another name; Forbidden where the caller may not edit it."""
    query = live.service("query", deadline)
    image = call(deadline, "find the image", query.findByQueryAsync, _IMAGE, with_id(image_id))
    if image is None:
        raise NotFound(f"there is no image {image_id} that is visible to you")
    _check_may_edit(image, f"image {image_id}")
    image.name = omero.RString(name)
    update = live.service("update", deadline, image.details.group.id.val)
    saved(deadline, "names", update.saveObjectAsync, image)


def images_of(live: LiveSession, kind: str, parent_id: int, deadline: Deadline) -> list[int]:
    """Give the ids of the images in a `Dataset` or `Plate`; none of one that is not there."""
    query = live.service("query", deadline)
    rows = call(
        deadline, "find the images", query.projectionAsync, _IMAGES_OF[kind], with_id(parent_id)
    )
    return [row[0].val for row in rows]


def name_channels(
    live: LiveSession,
    image_ids: Sequence[int],
    names: Mapping[int, str],
    size_c: int | None,
    deadline: Deadline,
) -> tuple[int, ...]:
    """Name channels of images, by their places from 0; give the ids of the images changed.

    Left out are images with too few channels or, where `size_c` is given, with another number of
    them. Raises Forbidden where the caller may not edit a channel; then those of the images before
    it have their names already, if there are very many images.
    """
    changed: list[int] = []
    for first in range(0, len(image_ids), _MOST_AT_ONCE):
        part = image_ids[first : first + _MOST_AT_ONCE]
        query = live.service("query", deadline)
        found = call(
            deadline, "load the channels", query.findAllByQueryAsync, _CHANNELS, with_ids(part)
        )
        by_group: dict[int, dict[int, Any]] = {}
        for pixels in distinct(found):
            count = unwrap(pixels.sizeC)
            if count <= max(names) or size_c not in (None, count):
                continue
            changed.append(pixels.image.id.val)
            for place, channel in enumerate(pixels.channelsSeq):
                if place in names and channel is not None:
                    logical = channel.logicalChannel
                    _check_may_edit(logical, f"channel {channel.id.val}")
                    logical.name = omero.RString(names[place])
                    of_group = by_group.setdefault(pixels.details.group.id.val, {})
                    # Images of a plate may share a channel.
                    of_group[logical.id.val] = logical
        for group_id, channels in by_group.items():
            update = live.service("update", deadline, group_id)
            saved(deadline, "names", update.saveArrayAsync, list(channels.values()))
    return tuple(dict.fromkeys(changed))


def _check_may_edit(thing: Any, what: str) -> None:
    if not permissions_of(thing.details).can_edit:
        raise Forbidden(f"{what} is not yours to rename")
