"""Makes a new image of a projection, as OMERO.iviewer asks for it."""

from typing import Any

from app.call import Call
from app.metadata.changing import change_to_the_end, check_logged_in
from app.parsing.iviewer_params import SaveProjectionRequest
from render.blitz.model_records import NewProjection
from render.deadline import Deadline
from render.errors import BadRequest, ServiceError
from render.values import ImageInfo

#: How long a projection may be in the making, whether or not anybody still waits for it.
_PROJECTION_TIMEOUT_S = 1800.0
_MADE_OF = "Image's name:{name}\nImage:{id}\nProjection Type: {kind}\n{sections}\n{timepoints}"


def save_projection(call: Call, request: SaveProjectionRequest) -> dict[str, Any]:
    """Have OMERO make the image; give its `id`, or in `error` why there is none.

    With both, the image is there and something of it is not as it should be. Raises Forbidden for
    the public user, and BadRequest for sections that the image does not have.
    """
    check_logged_in(call, "images can be made")
    info = call.image_info(request.image_id)
    first = 0 if request.first is None else request.first
    last = info.size_z - 1 if request.last is None else request.last
    if not 0 <= first <= last < info.size_z:
        raise BadRequest(
            f"sections {first} to {last} are none of 0 to {info.size_z - 1}", parameter="start"
        )
    wanted = NewProjection(
        kind=request.kind,
        first=first,
        last=last,
        name=_name(_told_name(info)),
        description=_description(info, request, first, last),
        dataset_id=request.dataset_id,
    )
    session = call.session

    def make(deadline: Deadline) -> dict[str, Any]:
        try:
            image_id, error = session.save_projection(info, wanted, deadline)
        except ServiceError as refused:
            # The viewer hears of nothing but a body that is answered well.
            return {"error": refused.detail}
        return {"id": image_id} | ({} if error is None else {"error": error.detail})

    return change_to_the_end(call, "make the projection", make, _PROJECTION_TIMEOUT_S)


def _name(name: str) -> str:
    """Give the name that OMERO.iviewer gives a projection: `_proj` in front of the extension."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}_proj.{extension}" if dot and stem else f"{name}_proj"


def _told_name(info: ImageInfo) -> str:
    return info.name or f"Image {info.image_id}"


def _description(info: ImageInfo, request: SaveProjectionRequest, first: int, last: int) -> str:
    count = info.size_t
    return _MADE_OF.format(
        name=_told_name(info),
        id=info.image_id,
        kind=request.kind.value,
        sections=f"z-sections: {first + 1}-{last + 1}",
        timepoints="timepoint: 1" if count == 1 else f"timepoints: 1-{count}",
    )
