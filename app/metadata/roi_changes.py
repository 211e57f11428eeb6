"""Saves, changes and deletes regions of interest, as OMERO.iviewer and QuPath ask for it.

What a client asked for is done to its end, also when its request runs out of time meanwhile.
Nothing of regions is remembered, so whoever asks next is told of the change.
"""

from collections.abc import Callable
from typing import Any

from app.call import Call
from app.metadata.changing import change_to_the_end, check_logged_in
from app.parsing.roi_params import RoiChanges, shape_id_of
from render.deadline import Deadline
from render.errors import Forbidden, ServiceError


def save_rois(call: Call, changes: RoiChanges) -> dict[str, Any]:
    """Do what is asked for, one kind of change after the other.

    Gives `ids`: what shapes are called from now on by what the client called them, of all that was
    done. What failed after that is told in `errors`; where nothing was done, the first error is
    raised. Raises Forbidden for the public user and for who may not annotate the image.
    """
    check_logged_in(call, "regions can be saved")
    info = call.image_info(changes.image_id)
    if changes.new and not info.permissions.can_annotate:
        raise Forbidden("you may not draw on this image")
    session = call.session

    def add(deadline: Deadline) -> dict[str, str]:
        records = [shape.record for shape in changes.new]
        made = session.add_rois(info, records, deadline)
        pairs = zip(changes.new, made, strict=True)
        return {shape.name: f"{roi_id}:{shape_id}" for shape, (roi_id, shape_id) in pairs}

    def modify(deadline: Deadline) -> dict[str, str]:
        session.change_shapes(info, [shape.record for shape in changes.modified], deadline)
        return {shape.name: shape.name for shape in changes.modified}

    def delete(deadline: Deadline) -> dict[str, str]:
        session.delete_rois(info, list(changes.emptied), deadline)
        return {name: name for names in changes.emptied.values() for name in names}

    def remove(deadline: Deadline) -> dict[str, str]:
        ids = {roi: [shape_id_of(name) for name in names] for roi, names in changes.removed.items()}
        session.remove_shapes(info, ids, deadline)
        return {name: name for names in changes.removed.values() for name in names}

    steps: list[tuple[object, Callable[[Deadline], dict[str, str]]]] = [
        (changes.new, add),
        (changes.modified, modify),
        (changes.emptied, delete),
        (changes.removed, remove),
    ]

    def run(deadline: Deadline) -> dict[str, Any]:
        ids: dict[str, str] = {}
        errors: list[ServiceError] = []
        for wanted, step in steps:
            if not wanted:
                continue
            try:
                ids |= step(deadline)
            except ServiceError as error:
                errors.append(error)
        if errors and not ids:
            raise errors[0]
        told: dict[str, Any] = {"ids": ids}
        return told | {"errors": [error.detail for error in errors]} if errors else told

    return change_to_the_end(call, "save regions", run)
