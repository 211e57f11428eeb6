"""Finds the images beside one to which its rendering settings can be copied."""

from render.blitz.ami import call
from render.blitz.mapping import channel_of
from render.blitz.queries import CHANNELS_OF_IMAGES, IMAGES_BESIDE, distinct, with_ids, with_values
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.values import ChannelInfo, ImageInfo

#: Images whose channels are loaded by one query.
_AT_ONCE = 200


def channels_of_images_beside(
    live: LiveSession, info: ImageInfo, deadline: Deadline
) -> dict[int, tuple[ChannelInfo, ...]]:
    """Give the channels, by image id, of other images of the same project and kind of pixels.

    The image has to be in one project. Of its kind are images of the same pixel type with as many
    channels.
    """
    query = live.service("query", deadline)
    parameters = with_values(id=info.projects[0].id, channels=info.size_c, type=info.pixel_type)
    step = "list the images of the project"
    rows = call(deadline, step, query.projectionAsync, IMAGES_BESIDE, parameters)
    ids = sorted(row[0].val for row in rows if row[0].val != info.image_id)
    found: dict[int, tuple[ChannelInfo, ...]] = {}
    for first in range(0, len(ids), _AT_ONCE):
        parameters = with_ids(ids[first : first + _AT_ONCE])
        step = "load the channels of images"
        for pixels in distinct(
            call(deadline, step, query.findAllByQueryAsync, CHANNELS_OF_IMAGES, parameters)
        ):
            found[pixels.image.id.val] = tuple(map(channel_of, pixels.channelsSeq))
    return found
