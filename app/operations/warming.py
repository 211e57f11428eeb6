"""Renders what viewers of an image ask for first, before they do, and keeps it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.call import Call
from app.identity import Viewer
from app.imaging.thumbnails import render_thumbnail
from app.observe import Steps
from app.params import RenderRequest, SettingsRequest, ThumbnailRequest
from app.parts import Parts
from app.pictures import PictureKey
from app.pipeline import ClientHas, Picture, render_picture
from render.deadline import Deadline
from render.errors import ServiceError
from render.values import Encoding, ImageInfo, TileIndex

#: How long the disk has for the pictures of one image, so that none is dropped.
_WRITE_WAIT_S = 30.0


@dataclass(frozen=True)
class Warmed:
    """What came of one image: pictures that were made, that were there, and what went wrong."""

    made: int = 0
    there: int = 0
    error: str | None = None


def background_call(parts: Parts, viewer: Viewer) -> Call:
    """Give a call for which nobody waits, and whose time begins now."""
    deadline = Deadline.after(parts.settings.request_deadline_s)
    call = Call(parts, viewer, deadline, Steps("warm"))
    call.in_background = True
    return call


def image_ids(call: Call, dataset: int | None, project: int | None) -> list[int]:
    """List the images of a dataset, or of all datasets of a project, each once."""
    datasets = [dataset] if dataset is not None else []
    if project is not None:
        datasets += [each.id for each in call.session.datasets(project, call.deadline)]
    found: dict[int, None] = {}
    for each in datasets:
        own = call.renewed()
        images = own.session.images(each, own.deadline)
        found |= dict.fromkeys(image.id for image in images if image.size_x)
    return list(found)


def warm_image(
    new_call: Callable[[], Call],
    image_id: int,
    levels: int,
    check: Callable[[], None] = lambda: None,
) -> Warmed:
    """Make an image's thumbnail and the tiles of its `levels` smallest levels, if not there.

    All under the stored settings and with the settings' JPEG quality, of the plane that viewers
    open with. An image without a pyramid is made whole, unless it is larger than pictures may be.
    `check` is called before each picture, and raises where it need not go on.
    """
    made = there = 0
    call = new_call()
    pictures = call.parts.pictures
    try:
        info = call.image_info(image_id)
        for group, render in _pictures(info, call.parts, levels):
            check()

            def is_there(etag: str, group: str = group) -> bool:
                return pictures.holds(PictureKey(image_id, etag, group))

            if render(new_call(), is_there).body is None:
                there += 1
            else:
                made += 1
    except ServiceError as error:
        return Warmed(made, there, f"image {image_id}: {error}")
    finally:
        pictures.flush(_WRITE_WAIT_S)
    return Warmed(made, there)


Render = Callable[[Call, ClientHas], Picture]


def _pictures(info: ImageInfo, parts: Parts, levels: int) -> Iterator[tuple[str, Render]]:
    """Give what to render, each with the group in which it is kept."""
    yield (
        "thumbnails",
        lambda call, has: render_thumbnail(call, ThumbnailRequest(info.image_id), has),
    )
    if len(info.levels) == 1:
        if levels and info.size_x * info.size_y <= parts.settings.max_output_pixels:
            yield "images", _region(info, parts, None)
        return
    for level in range(len(info.levels) - 1, max(-1, len(info.levels) - 1 - levels), -1):
        width, height = info.levels[level]
        for row in range(-(-height // info.tile_height)):
            for column in range(-(-width // info.tile_width)):
                yield "images", _region(info, parts, TileIndex(level, column, row))


def _region(info: ImageInfo, parts: Parts, area: TileIndex | None) -> Render:
    encoding = Encoding("jpeg", parts.settings.jpeg_quality)
    request = RenderRequest(info.image_id, None, None, area, SettingsRequest(), None, encoding)
    return lambda call, has: render_picture(call, request, has)
