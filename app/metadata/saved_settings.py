"""Saves, resets and copies stored settings; whatever changes is seen in every process at once.

What a client asked for is done to its end, also when its request runs out of time meanwhile.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from app.call import Call
from app.imaging.effective import stored_definition
from app.metadata.changing import CHANGE_TIMEOUT_S, change_to_the_end, check_logged_in
from app.params import MODELS, check_complete_settings
from app.parsing.channels import bind_channels, parse_channels
from app.parsing.numbers import integer, shown
from render.blitz.records import CopyResult
from render.deadline import Deadline
from render.errors import BadRequest, Forbidden, NotFound
from render.values import ImageInfo, RenderingDefinition

Result = TypeVar("Result")
Query = Mapping[str, str]

_MOST_TARGETS = 5000

_KINDS = {
    "image": "Image",
    "dataset": "Dataset",
    "project": "Project",
    "plate": "Plate",
    "screen": "Screen",
    "acquisition": "PlateAcquisition",
}


def save_settings(call: Call, image_id: int, query: Query) -> bool:
    """Store the query's settings as the viewer's own; false when there is no such image.

    Raises BadRequest unless the query tells all of each channel that it lists, and Forbidden
    where the viewer may not annotate the image. Channels that are not listed stay as they were.
    """
    check_may_save(call)
    check_complete_settings(query)
    try:
        info = call.image_info(image_id)
    except NotFound:
        return False
    definition = settings_to_save(stored_definition(call, info), info, query)
    session = call.session

    def save(deadline: Deadline) -> tuple[bool, Iterable[int]]:
        session.save_definition(info, definition, deadline)
        return True, ()

    return _change(call, save, known=[image_id])


def reset_settings(
    call: Call, kind_name: str, id_texts: Sequence[str], to_owners: bool
) -> list[int]:
    """Reset images, or all images in containers, to default settings or to their owners'.

    Gives the ids of the images that were changed.
    """
    check_may_save(call)
    if kind_name not in _KINDS:
        raise BadRequest(
            f"to_type={shown(kind_name)} is none of {', '.join(_KINDS)}", parameter="to_type"
        )
    kind, ids = _KINDS[kind_name], _targets(id_texts)
    session = call.session

    def reset(deadline: Deadline) -> tuple[list[int], Iterable[int]]:
        changed = session.reset_definitions(kind, ids, to_owners, deadline)
        return list(changed), changed

    return _change(call, reset)


def copy_settings(
    call: Call, source: Query, copied: Mapping[str, Any], kind_name: str, id_texts: Sequence[str]
) -> dict[str, list[int]] | bool:
    """Copy settings to images, or to all in containers: those that the request tells, else copied.

    `source` holds the request's `fromid`, or its settings with `imageId`; `copied` is the
    client's clipboard. Tells which images were changed and which not; false when there is
    nothing to copy from, or where its settings may not be changed.
    """
    check_may_save(call)
    # Of kinds that it does not know, OMERO.web takes all for images.
    kind, ids = _KINDS.get(kind_name, "Image"), _targets(id_texts)
    found = _source(source, copied)
    if found is None:
        return False
    image_id, settings = found
    try:
        info = call.image_info(image_id)
    except NotFound:
        return False
    if not info.permissions.can_annotate:
        return False
    if settings is None:
        result = _copy_stored(call, info, kind, ids)
    else:
        result = _copy_given(call, info, settings, kind, ids)
    changed = [other for other in result.changed if other != image_id]
    unchanged = [other for other in result.unchanged if other != image_id]
    # OMERO.web writes a boolean key in lower case, and OMERO.iviewer looks for it in Python's.
    return {"true": changed, "false": unchanged, "True": changed, "False": unchanged}


def check_may_save(call: Call) -> None:
    """Raise Forbidden for the public user, whose settings everybody sees."""
    check_logged_in(call, "settings can be saved")


def settings_to_save(
    stored: RenderingDefinition, info: ImageInfo, query: Query
) -> RenderingDefinition:
    """Give stored settings with what a query says: listed channels, model, and default plane.

    `z` and `t` are counted from 1. Raises BadRequest for a window that is no interval, and for a
    plane that the image does not have.
    """
    entries = parse_channels(query.get("c", ""), query.get("maps"))
    for entry in entries:
        window = entry.window
        if window and not (math.isfinite(window.start) and math.isfinite(window.end)):
            raise BadRequest("a window to be saved has two finite numbers", parameter="c")
    definition = bind_channels(stored, entries)
    return replace(
        definition,
        model=MODELS.get(query.get("m", ""), definition.model),
        default_z=_default_index(query, "z", info.size_z, definition.default_z),
        default_t=_default_index(query, "t", info.size_t, definition.default_t),
    )


def _default_index(query: Query, name: str, size: int, stored: int) -> int:
    text = query.get(name, "")
    if not text:
        return stored
    number = integer(text)
    if number is None or not 1 <= number <= size:
        raise BadRequest(f"{name}={shown(text)} is none of 1 to {size}", parameter=name)
    return number - 1


def _source(source: Query, copied: Mapping[str, Any]) -> tuple[int, Query | None] | None:
    """Give the image to copy from, and the settings that it gets before, None for its own."""
    if source.get("fromid"):
        return _image_id(source["fromid"], "fromid"), None
    if "c" in source and source.get("imageId"):
        return _image_id(source["imageId"], "imageId"), source
    if copied.get("fromid") is not None:
        return copied["fromid"], None
    settings = copied.get("rdef")
    if not settings or settings.get("imageId") is None:
        return None
    return settings["imageId"], _as_sent(settings)


def _as_sent(settings: Mapping[str, Any]) -> dict[str, str]:
    """Give copied settings as the parameters that they were."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }


def _copy_stored(call: Call, info: ImageInfo, kind: str, ids: Sequence[int]) -> CopyResult:
    session = call.session

    def copy(deadline: Deadline) -> tuple[CopyResult, Iterable[int]]:
        result = session.copy_definition(info, kind, ids, deadline)
        return result, result.changed

    return _change(call, copy)


def _copy_given(
    call: Call, info: ImageInfo, settings: Query, kind: str, ids: Sequence[int]
) -> CopyResult:
    """Give the source these settings, copy them from there, and put its own back.

    OMERO copies from images only. Where the source is a target itself, they stay.
    """
    session, before = call.session, stored_definition(call, info)
    definition = settings_to_save(before, info, settings)
    stays = kind != "Image" or info.image_id in ids

    def copy(deadline: Deadline) -> tuple[CopyResult, Iterable[int]]:
        session.save_definition(info, definition, deadline)
        try:
            result = session.copy_definition(info, kind, ids, deadline)
        finally:
            if not stays:
                session.save_definition(info, before, Deadline.after(CHANGE_TIMEOUT_S))
        return result, result.changed

    return _change(call, copy, known=[info.image_id])


def _change(
    call: Call,
    work: Callable[[Deadline], tuple[Result, Iterable[int]]],
    known: Sequence[int] = (),
) -> Result:
    """Do `work`, which gives a result and the images it changed, and outdate what is remembered.

    `known` are images that count as changed in any case.
    """
    announcer = call.parts.announcer

    def run(deadline: Deadline) -> Result:
        try:
            result, changed = work(deadline)
        except (Forbidden, NotFound):
            announcer.touch(known)
            raise
        except BaseException:
            # It may have gone half of its way, nobody knows to which images.
            announcer.touch_all()
            raise
        announcer.touch([*known, *changed])
        return result

    return change_to_the_end(call, "save rendering settings", run)


def _targets(texts: Sequence[str]) -> list[int]:
    ids = [_image_id(text, "toids") for text in dict.fromkeys(texts)]
    if not ids:
        raise BadRequest("toids tells of no image or container", parameter="toids")
    if len(ids) > _MOST_TARGETS:
        raise BadRequest(
            f"{len(ids)} targets are more than {_MOST_TARGETS}; name their containers",
            parameter="toids",
        )
    return ids


def _image_id(text: str, name: str) -> int:
    number = integer(text)
    if number is None or not 0 <= number < 10**18:
        raise BadRequest(f"{name}={shown(text)} is no id", parameter=name)
    return number
