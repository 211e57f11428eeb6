"""Values as they are: the unrendered region of one or more channels, `format=npy` and `raw`."""

from app.call import Call
from app.imaging.drawing import Drawing, read_channels
from app.imaging.effective import EffectiveSettings
from app.imaging.keys import array_text
from render.engine.encode import ARRAY_CONTENT_TYPES
from render.errors import BadRequest, TooLarge
from render.job import ArrayJob


def is_array(format_name: str) -> bool:
    """Tell whether a format holds values and not a picture."""
    return format_name in ARRAY_CONTENT_TYPES


def drawn_channels(settings: EffectiveSettings) -> tuple[int, ...]:
    """Give the channels that are on, in the image's order; the model does not matter."""
    bindings = settings.definition.bindings
    return tuple(index for index, binding in enumerate(bindings) if binding.active)


def check_array(call: Call, drawing: Drawing) -> None:
    """Raise BadRequest unless the format can hold as many channels as are on.

    Raises TooLarge when all channels together have more pixels than a picture may have.
    """
    count = len(drawn_channels(drawing.settings))
    name = drawing.encoding.format
    if count == 0:
        raise BadRequest(f"format={name} needs a channel that is on", parameter="c")
    if name == "raw" and count > 1:
        raise BadRequest(
            f"format=raw holds one channel and {count} are on; list one in c, or ask for "
            "format=npy",
            parameter="format",
        )
    pixels, limit = count * drawing.area.pixels, call.settings.max_output_pixels
    if pixels > limit:
        raise TooLarge(
            f"{count} channels of {drawing.area.pixels} pixels are more than {limit} values "
            "(setting max_output_pixels); ask for a part, or for fewer channels",
            parameter="c",
        )


def key_text(source_name: str, drawing: Drawing) -> str:
    """Give the canonical text of the values."""
    return array_text(
        source_name,
        drawing.info,
        drawn_channels(drawing.settings),
        drawing.area,
        drawing.z,
        drawing.t,
        drawing.projection,
        drawing.orientation,
        drawing.encoding.format,
    )


def headers(drawing: Drawing) -> tuple[tuple[str, str], ...]:
    """Tell type, byte order and shape, which raw values do not tell themselves."""
    region = drawing.area.region
    sides = (region.height, region.width)
    if drawing.orientation.rotation in (90, 270):
        sides = (region.width, region.height)
    channels = drawn_channels(drawing.settings)
    shape = sides if len(channels) == 1 else (len(channels), *sides)
    return (
        ("X-Pixel-Type", drawing.info.pixel_type),
        ("X-Byte-Order", "big-endian"),
        ("X-Shape", ",".join(map(str, shape))),
        ("X-Channels", ",".join(str(index + 1) for index in channels)),
    )


def write_array(call: Call, drawing: Drawing) -> bytes:
    """Read the channels that are on, and write their values: (y, x), or (c, y, x) of several."""
    turned = drawing.orientation
    return call.work(
        ArrayJob(
            tuple(read_channels(call, drawing, drawn_channels(drawing.settings))),
            drawing.info.pixel_type,
            drawing.encoding.format,
            flip_horizontal=turned.flip_horizontal,
            flip_vertical=turned.flip_vertical,
            rotation=turned.rotation,
        )
    )
