"""Gives images and channels other names, as OMERO.web's pages and QuPath ask for it."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from app.call import Call
from app.metadata.annotating import check_may_change
from app.metadata.changing import change_to_the_end
from app.parsing.numbers import shown
from render.deadline import Deadline
from render.errors import BadRequest, NotFound

Result = TypeVar("Result")

#: As OMERO.web's forms have them.
_LONGEST_NAME, _LONGEST_CHANNEL_NAME = 250, 255
_PARENT = re.compile(r"(dataset|plate)-([0-9]{1,18})", re.ASCII)


def rename_image(call: Call, image_id: int, form: MultiDict[str, str]) -> dict[str, str]:
    """Give an image the name of a form. Raises BadRequest without one, Forbidden as OMERO does."""
    check_may_change(call)
    name = form.get("name", "").strip()
    if not name:
        raise BadRequest("an image needs a name", parameter="name")
    if len(name) > _LONGEST_NAME:
        raise BadRequest(f"a name has at most {_LONGEST_NAME} letters", parameter="name")
    session = call.session

    def rename(deadline: Deadline) -> Sequence[int]:
        session.rename_image(image_id, name, deadline)
        return [image_id]

    _change(call, [image_id], rename)
    return {"bad": "false", "o_type": "image"}


def name_channels(call: Call, image_id: int, form: MultiDict[str, str]) -> dict[str, Any]:
    """Give the channels of an image the names of a form, or those of all images beside it.

    With `confirm_apply`, of all in the dataset or plate `parentId` that have as many channels.
    """
    check_may_change(call)
    info = call.image_info(image_id)
    names = {
        place: form[f"channel{place}"][:_LONGEST_CHANNEL_NAME]
        for place in range(info.size_c)
        if f"channel{place}" in form
    }
    if not names:
        raise BadRequest(
            f"there are no names of the {info.size_c} channels, such as channel0=DAPI",
            parameter="channel0",
        )
    ids, size_c, session = [image_id], None, call.session
    if "confirm_apply" in form:
        kind, parent_id = _parent(form.get("parentId", ""))
        ids, size_c = session.images_of(kind, parent_id, call.deadline), info.size_c
        if not ids:
            raise NotFound(f"there is no {kind.lower()} {parent_id} with images")

    def name(deadline: Deadline) -> Sequence[int]:
        return session.name_channels(ids, names, size_c, deadline)

    changed = _change(call, ids, name)
    return {
        "channelNames": {f"channel{place}": name for place, name in names.items()},
        "imageCount": len(ids),
        "updateCount": len(changed),
    }


def _parent(text: str) -> tuple[str, int]:
    found = _PARENT.fullmatch(text)
    if found is None:
        raise BadRequest(
            f"parentId={shown(text)} is neither such as dataset-1 nor plate-2", parameter="parentId"
        )
    return found[1].title(), int(found[2])


def _change(call: Call, image_ids: Sequence[int], work: Callable[[Deadline], Result]) -> Result:
    """Do what changes images to its end, and outdate what any process remembers of them."""
    announcer = call.parts.announcer

    def run(deadline: Deadline) -> Result:
        try:
            return work(deadline)
        finally:
            announcer.touch(image_ids)

    return change_to_the_end(call, "save names", run)
