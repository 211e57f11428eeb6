"""What the rdef URLs tell of stored settings, as values that JSON can carry."""

from typing import Any

from app.call import Call
from app.imaging.effective import stored_definition
from app.metadata.image_data import channel_label, pixel_range
from render.blitz.records import DefinitionRecord
from render.errors import NotFound
from render.values import ChannelBinding, Color, ImageInfo, Model, RenderingDefinition


def describe_definitions(call: Call, image_id: int) -> dict[str, Any]:
    """List the settings that anybody stored for an image, the newest first."""
    try:
        info = call.image_info(image_id)
    except NotFound:
        # As in OMERO.web, whose viewers look at the member and not at the status.
        return {"error": f"No image with id {image_id}"}
    found = call.session.rendering_definitions(info, call.deadline)
    return {"rdefs": [_definition(record) for record in found]}


def describe_copied(call: Call, copied: dict[str, Any]) -> dict[str, Any]:
    """Give what a client copied: settings as they were sent, or those of the image it named."""
    image_id = copied.get("fromid")
    if image_id is None:
        return {"rdef": copied.get("rdef")}
    try:
        info = call.image_info(image_id)
    except NotFound:
        return {"rdef": None}
    return {"rdef": as_query(info, stored_definition(call, info))}


def as_query(info: ImageInfo, definition: RenderingDefinition) -> dict[str, Any]:
    """Give settings as the parameters that ask for them, and the range of the pixels' type."""
    low, high = pixel_range(info.pixel_type)
    return {
        "c": ",".join(_entry(i, binding) for i, binding in enumerate(definition.bindings, 1)),
        # Viewers take the first letter.
        "m": "greyscale" if definition.model is Model.GREYSCALE else "color",
        # Viewers compare this with the text that they make of imgData's numbers.
        "pixel_range": f"{int(low)}:{int(high)}",
        "maps": [
            {
                "inverted": {"enabled": binding.reverse_intensity},
                "quantization": {
                    "coefficient": float(binding.coefficient),
                    "family": binding.family,
                },
            }
            for binding in definition.bindings
        ],
    }


def compatible_images(call: Call, image_id: int) -> list[int] | bool:
    """List other images of the same project with equal pixel type and channels, by label.

    False when there is no such image; nothing for one that is in no project, or in several.
    """
    try:
        info = call.image_info(image_id)
    except NotFound:
        return False
    if len(info.projects) != 1:
        return []
    beside = call.session.channels_of_images_beside(info, call.deadline)
    labels = {channel_label(i, channel) for i, channel in enumerate(info.channels)}
    return [
        other
        for other, channels in sorted(beside.items())
        if {channel_label(i, channel) for i, channel in enumerate(channels)} == labels
    ]


def _definition(record: DefinitionRecord) -> dict[str, Any]:
    definition = record.definition
    return {
        "id": definition.rdef_id,
        "owner": {
            "id": record.owner_id,
            "firstName": record.owner_first_name,
            "lastName": record.owner_last_name,
        },
        "z": definition.default_z,
        "t": definition.default_t,
        "model": definition.model.value,
        "c": [_binding(binding) for binding in definition.bindings],
    }


def _binding(binding: ChannelBinding) -> dict[str, Any]:
    color = binding.color
    data: dict[str, Any] = {
        "active": binding.active,
        "start": float(binding.window.start),
        "end": float(binding.window.end),
        "color": _hex(color),
        "inverted": binding.reverse_intensity,
        "reverseIntensity": binding.reverse_intensity,
        "family": binding.family,
        "coefficient": float(binding.coefficient),
        "rgb": {"red": color.red, "green": color.green, "blue": color.blue},
    }
    if binding.lut:
        data["lut"] = binding.lut
    return data


def _entry(number: int, binding: ChannelBinding) -> str:
    sign = "" if binding.active else "-"
    start, end = float(binding.window.start), float(binding.window.end)
    return f"{sign}{number}|{start}:{end}${binding.lut or _hex(binding.color)}"


def _hex(color: Color) -> str:
    return f"{color.red:02X}{color.green:02X}{color.blue:02X}"
