"""The one way from a request to encoded bytes.

Permission, image info, effective settings, key (304 here, before a pixel is touched), cache or
single flight, raw planes, worker, cache. It takes plain values and parts, not a web request.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.call import Call
from app.imaging import arrays
from app.imaging.areas import resolve_area
from app.imaging.at_source import draw_at_source, is_drawn_at_source
from app.imaging.auto_windows import AutoWindows
from app.imaging.drawing import Drawing, drawing_text, render_job
from app.imaging.effective import (
    EffectiveSettings,
    effective_settings,
    stored_definition,
    unrendered_settings,
)
from app.imaging.keys import digest
from app.imaging.projections import AxisProjection, resolve_projection
from app.params import RenderRequest
from app.pictures import PictureKey
from render.engine.encode import ARRAY_CONTENT_TYPES, CONTENT_TYPES
from render.errors import NotFound
from render.values import ImageInfo, RenderingDefinition

ClientHas = Callable[[str], bool]

#: Characters of an address above which it is not worth the memory to remember.
_LONGEST_REMEMBERED = 2000


def client_has_nothing(etag: str) -> bool:
    """Stand for a client that holds no picture."""
    return False


@dataclass(frozen=True)
class Picture:
    """An encoded picture; without `body` and `file` the client holds the one with this `etag`.

    `file` stands in place of `body`: the path below `cache_dir` of a file for the proxy to send.
    `complete` = the URL told all of its settings. `warnings` say what of it had no effect.
    `headers` tell about values that were not rendered. `passing` = it stands for another one that
    will soon be there, so nobody may keep it.
    """

    body: bytes | None
    media_type: str
    etag: str
    complete: bool = False
    warnings: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    passing: bool = False
    file: str | None = None


@dataclass(frozen=True)
class Answer:
    """What an address came to: a picture without its body, and the info that it followed from."""

    info: ImageInfo
    level: int
    picture: Picture
    group: str
    route: str


def render_picture(
    call: Call, request: RenderRequest, client_has: ClientHas = client_has_nothing, url: str = ""
) -> Picture:
    """Draw a plane, a region or a tile. Raises the errors of `render.errors` only.

    What `url` came to is remembered for `remembered_picture`.
    """
    info = call.image_info(request.image_id)
    stored = stored_definition(call, info)
    z = stored.default_z if request.z is None else request.z
    t = stored.default_t if request.t is None else request.t
    check_plane(info, z, t)
    area = resolve_area(info, request.area, request.orientation, call.settings.max_output_pixels)
    call.steps.tell(level=area.level)
    projection = resolve_projection(info, request.projection)
    drawing = Drawing(
        info,
        settings_of(call, info, stored, request, z, t, projection),
        area,
        z,
        t,
        projection,
        request.orientation,
        request.encoding,
    )
    if arrays.is_array(request.encoding.format):
        arrays.check_array(call, drawing)
    told = request.settings.complete
    if arrays.is_array(request.encoding.format):
        told = request.settings.channels is not None
    complete = told and request.z is not None and request.t is not None
    picture = picture_of(call, drawing, client_has, complete)
    remember(call, url, drawing, picture)
    return picture


def settings_of(
    call: Call,
    info: ImageInfo,
    stored: RenderingDefinition,
    request: RenderRequest,
    z: int,
    t: int,
    projection: AxisProjection | None,
) -> EffectiveSettings:
    """Give the settings that the URL comes to at a plane."""
    settings = request.settings
    if arrays.is_array(request.encoding.format):
        return unrendered_settings(stored, settings)
    if settings.auto is None:
        return effective_settings(call, stored, settings)
    windows = AutoWindows(call, info, settings.auto, z, t, projection)
    return effective_settings(call, stored, settings, windows.window)


def remember(call: Call, url: str, drawing: Drawing, picture: Picture) -> None:
    """Note what `url` came to for `remembered_picture`, unless it is empty or too long."""
    # A lookup table can change without the image's info changing.
    if not url or len(url) > _LONGEST_REMEMBERED or drawing.settings.luts:
        return
    bare = replace(picture, body=None, file=None)
    answer = Answer(drawing.info, drawing.area.level, bare, _group(drawing), call.steps.route)
    call.parts.answers.set((call.viewer.key, url), answer)


def remembered_picture(call: Call, url: str, client_has: ClientHas) -> Picture | None:
    """Give the picture that `url` came to before, if it is at hand; nothing is worked out again.

    Only for the same viewer, and only while the very image info that it followed from is
    remembered: with that go the permission, the stored settings and the pixels' version.
    """
    answer: Answer | None = call.parts.answers.get((call.viewer.key, url))
    if answer is None:
        return None
    call.go_before_downloads()
    image_id = answer.info.image_id
    if call.remembered_info(image_id) is not answer.info:
        return None
    picture = answer.picture
    with call.steps.step("cache"):
        held = client_has(picture.etag)
        key = PictureKey(image_id, picture.etag, answer.group)
        file = None if held else file_of(call, key, picture)
        body = None if held or file else call.parts.pictures.get(key)
    if body is None and not file and not held:
        return None
    outcome = "not-modified" if held else "hit"
    call.steps.route = answer.route
    call.steps.tell(image=image_id, level=answer.level, cache=outcome)
    return replace(picture, body=body, file=file)


def picture_of(call: Call, drawing: Drawing, client_has: ClientHas, complete: bool) -> Picture:
    """Give the picture from where it is: the client, the cache, an equal request, or the source."""
    if arrays.is_array(drawing.encoding.format):
        key = digest(arrays.key_text(call.parts.source_name, drawing))
        media_type = ARRAY_CONTENT_TYPES[drawing.encoding.format]
        headers, produce = arrays.headers(drawing), arrays.write_array
    else:
        purpose = () if drawing.size is None else ("thumbnail", *drawing.size, drawing.stride)
        at_source = is_drawn_at_source(call, drawing)
        key = digest(drawing_text(call, drawing, purpose, at_source))
        media_type = CONTENT_TYPES[drawing.encoding.format]
        headers, produce = (), draw
    picture = Picture(None, media_type, key, complete, drawing.settings.warnings, headers)
    image_id, group = drawing.info.image_id, _group(drawing)
    return filled(call, picture, client_has, lambda: produce(call, drawing), image_id, group)


def _group(drawing: Drawing) -> str:
    return "images" if drawing.size is None else "thumbnails"


def filled(
    call: Call,
    picture: Picture,
    client_has: ClientHas,
    produce: Callable[[], bytes],
    image_id: int,
    group: str = "images",
) -> Picture:
    """Give a picture its body, unless the client holds the one with its `etag`.

    It is kept with what belongs to an image, in one of `app.pictures.GROUPS`.
    """
    call.go_before_downloads()
    if client_has(picture.etag):
        call.steps.tell(cache="not-modified")
        return picture
    key = PictureKey(image_id, picture.etag, group)
    file = file_of(call, key, picture)
    if file is not None:
        call.steps.tell(cache="hit")
        return replace(picture, file=file)
    return replace(picture, body=cached(call, key, produce))


def file_of(call: Call, key: PictureKey, picture: Picture) -> str | None:
    """Give the file with a kept picture's bytes, where the proxy in front is to send it."""
    # What it may keep for everybody it asks for once, and then keeps itself.
    if not call.proxy_sends_files or (picture.complete and call.viewer.kind == "public"):
        return None
    return call.parts.pictures.file_of(key)


def cached(call: Call, key: PictureKey, produce: Callable[[], bytes]) -> bytes:
    """Give the bytes of a key from the cache, or make them, once for all who ask meanwhile.

    All: greenlets or threads of this process, and other processes of the host. Only complete
    results are stored; an error is not.
    """
    pictures = call.parts.pictures
    with call.steps.step("cache"):
        body = pictures.get(key)
    if body is not None:
        call.steps.tell(cache="hit")
        return body
    # What stands unless this very request renders.
    call.steps.tell(cache="wait")

    def render() -> bytes:
        made = produce()
        # Raw: all that was rendered lay in this host's memory.
        call.steps.tell(cache="miss" if call.fetches else "raw")
        return made

    def make() -> bytes:
        return pictures.make(key, render, call.deadline.remaining_s("render"))

    return call.once(key, make, "render")


def draw(call: Call, drawing: Drawing) -> bytes:
    """Read the raw planes of the channels that are drawn, and have a worker render them.

    Where the source draws by itself, no plane is read.
    """
    if is_drawn_at_source(call, drawing):
        return draw_at_source(call, drawing)
    return call.work(render_job(call, drawing))


def check_plane(info: ImageInfo, z: int, t: int, c: int = 0) -> None:
    """Raise NotFound unless the image has such a plane."""
    for name, index, size in (("z", z, info.size_z), ("t", t, info.size_t), ("c", c, info.size_c)):
        if not 0 <= index < size:
            raise NotFound(
                f"{name}={index} does not exist; image {info.image_id} has {name} 0 to {size - 1}",
                parameter=name,
            )
